"""Arguments of ``fit`` and its like: what their short names stand for, and what is wrong with one, in one line."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import isabstract
from pathlib import Path
from pkgutil import resolve_name

import colorzoo
from colorzoo.base.hparams import init_parameters
from colorzoo.base.module import ZooModule
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import ColorzooError, UnknownModelError, UsageError, describe_unknown
from colorzoo.registry import model_class
from colorzoo.zoo import list_models


def expand_names(args: Sequence[str]) -> list[str]:
    """Return arguments with import paths in place of names, and files in place of the names of packaged configs."""
    resolve: dict[str, Callable[[str], object]] = {
        "--model": _model_path,
        "--data": _data_path,
        "--config": find_config,
        "-c": find_config,
    }
    expanded: list[str] = []
    for arg in args:
        option, equals, value = arg.partition("=")
        if equals and option in resolve:
            expanded.append(f"{option}={resolve[option](value)}")
        elif expanded and expanded[-1] in resolve:
            expanded.append(str(resolve[expanded[-1]](arg)))
        else:
            expanded.append(arg)
    return expanded


def find_config(name: str | Path) -> Path:
    """Return a config file: the path itself, or else the packaged config of that name, with or without ``.yaml``."""
    path = Path(name)
    if path.is_file():
        return path
    package = Path(colorzoo.__file__).parent
    # Inside a wheel the configs lie in the package; in a checkout they lie beside it.
    folders = [folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir()]
    wanted = path.as_posix().removeprefix("configs/").removesuffix(".yaml")
    known = {
        file.relative_to(folder).with_suffix("").as_posix(): file
        for folder in folders
        for file in folder.rglob("*.yaml")
    }
    if wanted not in known:
        raise UsageError(f"{path} is no file, and {describe_unknown(wanted, sorted(known), 'packaged config')}")
    return known[wanted]


def _model_path(name: str) -> str:
    names = list_models()
    known = {model: model_class(model) for model in names}
    if name in list_models(published=True):
        model = name.partition(".")[0]
        raise UsageError(f"{name} is a checkpoint; give --model {model} --model.weights {name}")
    path = _class_path(name, known)
    if path is None:
        spelt = names if name.islower() else [cls.__name__ for cls in known.values()]
        raise UnknownModelError(describe_unknown(name, spelt, "model"))
    return path


def _data_path(name: str) -> str:
    known = {cls.__name__.removesuffix("DataModule"): cls for cls in _subclasses(ImageDataModule)}
    path = _class_path(name, known | {cls.__module__.rpartition(".")[2]: cls for cls in known.values()})
    if path is None:
        spelt = [known_name.lower() if name.islower() else known_name for known_name in known]
        raise UsageError(describe_unknown(name.removesuffix("DataModule"), sorted(spelt), "DataModule"))
    return path


def _class_path(name: str, known: Mapping[str, type]) -> str | None:
    """Return the import path of a class by one of its names, however it is spelt; None if nothing is called so."""
    if not name.isidentifier():
        return name  # an import path, or a config of this part
    spelt = {_plain(known_name): cls for known_name, cls in known.items()}
    spelt |= {_plain(cls.__name__): cls for cls in known.values()}
    cls = spelt.get(_plain(name))
    return None if cls is None else f"{cls.__module__}.{cls.__qualname__}"


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _subclasses(cls: type) -> Iterator[type]:
    subclass: type
    for subclass in cls.__subclasses__():
        if not isabstract(subclass):
            yield subclass
        yield from _subclasses(subclass)


def explain(message: str, options: Iterable[str]) -> str:
    """Say in one line what jsonargparse says in many; ``options`` are all there are, such as ``--optim.lr``.

    Example:
        >>> explain("unrecognized arguments: --optm.lr 1", ["--optim.lr", "--model"])
        'no option is called --optm.lr; did you mean --optim.lr?'
    """
    keys = re.findall(r'Parser key "(.+?)"', message)
    option = f"--{'.'.join(keys)}"
    if found := re.search(r"option '(.+?)'$|unrecognized arguments: (\S+)", message, re.M):
        return _explain_option(f"--{found[1]}" if found[1] else found[2].partition("=")[0], options)
    if found := re.search(r"class_path '([^']+)':\s+Option '(\w+)' is not accepted", message):
        cls = resolve_name(found[1])
        if cls in (ZooModule, ImageDataModule):  # the base: no name was given
            return f"{option} has arguments, but no name; give {option} NAME too"
        return describe_unknown(found[2], list(init_parameters(cls)), f"argument of {cls.__name__}")
    if found := re.search(r"Expected a dot import path string: (\S+)", message):
        base = re.search(r"Subtypes: \[(?:list\[|<class ')?([\w.]+)", message)
        classes = _subclasses(resolve_name(base[1])) if base else ()
        return describe_unknown(
            found[1], sorted({cls.__name__ for cls in classes if cls.__name__[0] != "_"}), f"class for {option}"
        )
    if found := re.search(r"(?:class_path '([^']+)':\s+)?the following arguments are required: (.+)", message):
        whose = f"{found[1].rpartition('.')[2]} needs" if found[1] else "give"
        return f"{whose} " + ", ".join(
            name if found[1] else f"--{name.partition('.')[2]}" for name in found[2].split(", ")
        )
    if (found := re.search(r"class_path '([^']+)':\s+(.+)", message)) and "Parser key" not in found[2]:
        return f"{option} is {found[1]}: {found[2]}"
    return _explain_value(message, option) or " ".join(message.split())


def _explain_option(name: str, options: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(options), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "--help lists all"
    return f"no option is called {name}; {hint}"


def _explain_value(message: str, option: str) -> str:
    """Say what value an option cannot have and which it can, from the innermost part of a message."""
    lines = message.splitlines()
    start = max((index for index, line in enumerate(lines) if "Parser key" in line), default=0)
    depth = len(lines[start]) - len(lines[start].lstrip())
    inner: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            break
        inner.append(line)
    text = "\n".join(inner)
    value = re.search(r"(?:Got value|Given value): (.+)", text)
    choices = re.findall(r"Expected an? (?:<class '(?:[\w.]*\.)?(\w+)'>|typing\.Literal\[(.+?)\])", text)
    if value is None or not choices:
        return ""
    given = re.sub(r"NestedArg\(.*val='(.*)'\)", r"\1", value[1])
    allowed = [
        kind.replace("NoneType", "null") or literals.replace("'", "").replace(", ", " or ")
        for kind, literals in choices
    ]
    return f"{option} is {given}; give {' or '.join(dict.fromkeys(allowed))}"


def root_cause(error: BaseException) -> BaseException:
    """Return the error that an error came from: the first of ours, or the last one there is."""
    while not isinstance(error, ColorzooError) and error.__cause__ is not None:
        error = error.__cause__
    return error
