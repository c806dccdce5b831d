"""The zoo: names, and the models behind them. The folder ``models/`` is the registry."""

import difflib
import inspect
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch.nn import Conv2d

from colorzoo import models
from colorzoo.base.module import CheckpointRef, ZooModule
from colorzoo.errors import CheckpointError, UnknownModelError, UsageError
from colorzoo.hub import checkpoint_file
from colorzoo.hub.state_dict import load_strict


def list_models() -> list[str]:
    """Return the names of all methods, sorted; none is imported.

    Example:
        >>> "fusion_cnn" in list_models()
        True
    """
    return sorted(module.name for module in pkgutil.iter_modules(models.__path__) if not module.name.startswith("_"))


def create(name: str, *, replace: Sequence[str] = (), **hparams: Any) -> ZooModule:
    """Return a model to train.

    Args:
        name: A name of `list_models`.
        replace: Modules, such as ``"head"``, that keep their initialisation although there are ``weights``: those of
            another shape. All others must fit.
        hparams: Arguments of the model's class, ``weights`` among them.

    Returns:
        The model, randomly initialised or with the weights it is to start from, in training mode.

    Raises:
        UnknownModelError: If there is no such model.
        CheckpointError: If the weights do not fit.
        UnknownModuleError: If there is nothing called so to replace.
        UsageError: If something is to be replaced in weights that are not given.
        TypeError: If the class has no such argument.

    Example:
        >>> create("fusion_cnn", alpha=0).training
        True
        >>> create("fusion_cnn", weights="fusion_cnn", num_classes=5, replace=("head",)).pretrained
        True
    """
    if not replace:
        return model_class(name)(**hparams)
    weights_name = hparams.pop("weights", None)
    if weights_name is None:
        raise UsageError(f"replace is {list(replace)}, but there is nothing to replace it in; give weights too")
    model = model_class(name)(**hparams)
    load_pretrained(model, weights_name, replace)
    return model


def load(name: str | Path, *, compile: bool = False) -> Any:
    """Return a trained model, ready to use.

    Args:
        name: A published model (``"fusion_cnn"``), one of its tags (``"fusion_cnn.cifar10"``), or the path of a
            ``.safetensors`` or Lightning ``.ckpt`` file.
        compile: Let PyTorch compile the network, for pictures of any size; the first ones wait for it. The answers
            differ by less than 1e-4.

    Returns:
        The model, on the CPU, in evaluation mode; of the class that the checkpoint names, hence untyped.

    Raises:
        UnknownModelError: If nothing published has this name.
        ChecksumError: If the file's bytes are not those that were published.
        CheckpointError: If the file is damaged, or does not fit the model it names.
        UsageError: If ``compile`` is asked for and there is no C++ compiler.

    Example:
        >>> load("fusion_cnn").training
        False
    """
    model = to_channels_last(model_from_checkpoint(checkpoint_file.read(locate(name))))
    if compile:
        from colorzoo.runtime.compile import compile_network

        compile_network(model)
    return model


def to_channels_last(model: ZooModule) -> ZooModule:
    """Lay the weights of a convolutional network out in memory as the CPU and the GPU read them fastest, in place.

    Args:
        model: Any model; one whose convolutions see one channel, or one pixel, gains nothing and is left as it is.

    Returns:
        The same model; its answers differ by rounding.
    """
    for module in model.modules():
        if isinstance(module, Conv2d) and module.in_channels > 1 and module.kernel_size != (1, 1):
            return model.to(memory_format=torch.channels_last)
    return model


def info(name: str | Path) -> checkpoint_file.CheckpointInfo:
    """Return what a published checkpoint says of itself: data, figures and baselines, licence, source.

    Args:
        name: What `load` takes.

    Returns:
        The record in the file's header.

    Raises:
        UnknownModelError: If nothing published has this name.
        CheckpointError: If the file is damaged or carries no record.

    Example:
        >>> info("fusion_cnn").licence
        'Apache-2.0'
    """
    checkpoint = checkpoint_file.read(locate(name))
    if checkpoint.record is None:
        raise CheckpointError(f"{checkpoint.path} is a training checkpoint without a record; publish it first")
    return checkpoint.record


def load_pretrained(model: ZooModule, name: str | Path, replace: Sequence[str] = ()) -> None:
    """Copy trained weights into a model of the same shape, but for what is replaced; see `create`."""
    load_strict(checkpoint_file.read(locate(name)), model, replace)


def model_class(name: str) -> type[ZooModule]:
    """Return the class of a method; only its file is imported.

    Args:
        name: A name of `list_models`.

    Returns:
        The one `ZooModule` that the file defines.

    Raises:
        UnknownModelError: If there is no such model.
    """
    if name not in list_models():
        raise UnknownModelError(_unknown(name, list_models()))
    module = import_module(f"{models.__name__}.{name}")
    found = [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, ZooModule) and value.__module__ == module.__name__ and not inspect.isabstract(value)
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define exactly one method, but has {len(found)}")
    return found[0]


def locate(name: str | Path) -> Path:
    """Return the file of a name, or the path itself if it is one.

    Args:
        name: What `load` takes.

    Returns:
        A path; whether there is a file is for `checkpoint_file.read` to say.

    Raises:
        UnknownModelError: If nothing published has this name.
    """
    path = Path(name)
    if path.suffix in (checkpoint_file.SUFFIX, ".ckpt"):
        return path
    published = checkpoint_file.published()
    model, _, tag = str(name).partition(".")
    if model not in list_models():
        raise UnknownModelError(_unknown(str(name), [*list_models(), *published]))
    tag = tag or getattr(import_module(f"{models.__name__}.{model}"), "DEFAULT_TAG", "")
    if not tag:
        raise UnknownModelError(f"nothing is published of {model} yet; colorzoo.create({model!r}) gives it untrained")
    if f"{model}.{tag}" not in published:
        raise UnknownModelError(_unknown(f"{model}.{tag}", list(published), what="published checkpoint"))
    return published[f"{model}.{tag}"]


def model_from_checkpoint(checkpoint: checkpoint_file.Checkpoint) -> ZooModule:
    """Return the model that a checkpoint holds, with exactly its hyper-parameters and tensors.

    Args:
        checkpoint: What `checkpoint_file.read` returns.

    Returns:
        The model, in evaluation mode.

    Raises:
        UnknownModelError: If it names no model of the zoo.
        CheckpointError: If its hyper-parameters or tensors do not fit.
    """
    cls = model_class(checkpoint.model)
    stored, expected = set(checkpoint.hparams), set(cls.hparam_names())
    if stored != expected:
        raise CheckpointError(
            f"{checkpoint.path} does not fit {cls.__name__}: missing hyper-parameters {sorted(expected - stored)}, "
            f"unknown ones {sorted(stored - expected)}; use the version of colorzoo that wrote it"
        )
    model = cls(**checkpoint.hparams)
    load_strict(checkpoint, model)
    licence = checkpoint.record.licence if checkpoint.record else ""
    model.source = CheckpointRef(checkpoint.path.name.removesuffix(checkpoint_file.SUFFIX), checkpoint.digest, licence)
    return model.eval()


def _unknown(name: str, known: list[str], what: str = "model") -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"no {what} is called {name!r}; {hint}available: {', '.join(known) or 'none'}"
