"""A model as a file that runs without colorzoo: ONNX for many runtimes, or PyTorch's own ``.pt2``."""

import copy
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from colorzoo._version import __version__
from colorzoo.base.colorizer import Colorizer
from colorzoo.base.denoiser import Denoiser
from colorzoo.base.module import ZooModule
from colorzoo.errors import ExportError, UsageError
from colorzoo.export.working_size import AtWorkingSize
from colorzoo.io.atomic import atomic_write, refuse_existing
from colorzoo.runtime.compile import uncompiled_state

if TYPE_CHECKING:
    from onnx import ModelProto

Format = Literal["onnx", "pt2"]
FORMATS: tuple[Format, ...] = ("onnx", "pt2")
TOLERANCE = 1e-4
"""By how much a pixel of [0, 1] may differ from the model's: a fortieth of an 8-bit step."""
METADATA = "colorzoo.json"
"""What a ``.pt2`` says of itself, in its ``extra_files``; in an ONNX file that stands in its metadata properties."""

_AXES = ("batch", "channels", "height", "width")
_CAPTURED = (2, 3, 67, 83)  # no multiples, and none twice: what happens to be equal would be taken for always equal
_CHECKED = ((1, 1, 37, 52), (3, 2, 96, 41), (1, 1, 1, 3))
_LARGE = (1, 1, 800, 1200)
"""A photograph larger than any working size, which colourisers are checked on too."""


def export(
    model: ZooModule, path: str | Path, format: Format | None = None, *, overwrite: bool = False
) -> dict[str, str]:
    """Write a model, from image to image, as a file that runs without colorzoo.

    The file gives what the model gives on images and batches of any size: a colouriser what `Colorizer.colorize` gives
    at its ``working_size``, a de-noiser what its ``forward`` gives. Before the file gets its name, it is run on batches
    of other sizes than it was captured with, and compared with the model.

    Args:
        model: A loaded model, in evaluation mode.
        path: The file to write.
        format: ``"onnx"`` or ``"pt2"``; None for what the file's name ends in.
        overwrite: Replace a file that is there.

    Returns:
        What the file says of itself: model, checkpoint and its SHA-256, version, licence, input and output.

    Raises:
        UsageError: If the format is unknown, or is ONNX and the packages that write it are not installed.
        OutputExistsError: If the file is there and ``overwrite`` is False.
        ExportError: If the model cannot be written so, or the file does not do what the model does.
        ValueError: If the model is in training mode.

    Example:
        >>> import colorzoo, tempfile
        >>> model = colorzoo.load("linear_denoiser")
        >>> about = export(model, Path(tempfile.mkdtemp(), "model.pt2"))
        >>> about["checkpoint"]
        'linear_denoiser.impulse'
    """
    path = Path(path)
    chosen = format_of(path, format)
    refuse_existing(path, overwrite)
    if model.training:
        raise ValueError("the model is in training mode, where it would learn from the images; call eval()")
    if chosen == "onnx":
        require_onnx()
    alone = copy.deepcopy(model).to("cpu", torch.float32).requires_grad_(False)
    uncompiled_state(alone.to(memory_format=torch.contiguous_format))
    about = describe_model(model)
    try:
        program = _captured(alone)
        data, run = _as_onnx(alone, program, about) if chosen == "onnx" else _as_pt2(program, about)
        shapes = (*_CHECKED, _LARGE) if isinstance(alone, Colorizer) else _CHECKED
        difference = max(_difference(alone, run, shape) for shape in shapes)
    except Exception as error:  # of many kinds, from many packages
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExportError(f"{model.name()} cannot be written as {chosen}: {reason}") from error
    if not difference < TOLERANCE:
        raise ExportError(
            f"{model.name()} as {chosen} would differ from the model by {difference:.2g}; nothing is written"
        )
    with atomic_write(path, overwrite) as stream:
        stream.write(data)
    return about


def describe_model(model: ZooModule) -> dict[str, str]:
    """Return what an exported file says of itself."""
    name = model.source.name if model.source else ""
    _, _, tag = name.partition(".")
    channels = _channels(model) or "channels"
    sees, learns = model.input_key, model.target_key
    shape = "float32 (batch, {}, height, width) of any size"
    meaning = (
        "RGB in [0, 1], sRGB, with the lightness L* of the input"
        if learns == "rgb"
        else "the same without the noise, in [0, 1]"
    )
    working_size = getattr(model, "working_size", None)
    seen_at = (
        {} if working_size is None else {"working_size": f"{working_size} (longer side, to which the file scales)"}
    )
    checked = "x".join(map(str, (_CHECKED[1] if working_size is None else _LARGE)[2:]))
    call = "the model" if working_size is None else "colorize"
    return seen_at | {
        "model": model.name(),
        "tag": tag,
        "checkpoint": name,
        "sha256": model.source.sha256 if model.source else "",
        "licence": model.source.licence if model.source else "",
        "colorzoo": __version__,
        "task": model.task,
        "paper": model.paper,
        "parity": f"when exported, within {TOLERANCE:g} of what {call} gives, on up to {checked} pixels",
        "input": f"{sees}: sRGB-encoded images in [0, 1], {shape.format(channels)}",
        "output": f"{learns}: {meaning}, {shape.format(3 if learns == 'rgb' else channels)}",
    }


def format_of(path: Path, format: str | None = None) -> Format:
    """Return the format that is asked for, or that a file's name ends in.

    Raises:
        UsageError: If it is none of `FORMATS`.

    Example:
        >>> format_of(Path("model.onnx"))
        'onnx'
    """
    wanted = format or path.suffix.lower().removeprefix(".")
    for known in FORMATS:
        if wanted == known:
            return known
    if format:
        raise UsageError(f"no format is called {format!r}; give one of {', '.join(FORMATS)}")
    raise UsageError(f"cannot tell a format from {path.name!r}; end the name in .onnx or .pt2, or name the format")


def _channels(model: ZooModule) -> int | None:
    """Return the channels of the input; None if each is restored by itself, so that there may be any number."""
    if isinstance(model, Denoiser):
        return None if model.channels == 1 else model.channels
    return 1


def _pictures(model: ZooModule, shape: tuple[int, int, int, int]) -> Tensor:
    batch, channels, height, width = shape
    return torch.rand(batch, _channels(model) or channels, height, width, generator=torch.Generator().manual_seed(0))


def _captured(model: ZooModule) -> ExportedProgram:
    """Return the graph of what a model does, for batches and images of any size."""
    free = {axis: Dim(name, min=1) for axis, name in enumerate(_AXES) if axis != 1 or _channels(model) is None}
    # As torch.onnx does it: else the sizes of the example are taken for granted where they only make things faster.
    with torch.no_grad(), torch.fx.experimental._config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        program = torch.export.export(
            AtWorkingSize(model) if isinstance(model, Colorizer) else model,
            (_pictures(model, _CAPTURED),),
            dynamic_shapes=(free,),
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    # What is left is asked of each image: whether a batch is of more than one, as if strides depended on it. That the
    # program does right without is checked on images.
    for part in program.graph_module.modules():
        if isinstance(part, torch.fx.GraphModule):
            for node in part.graph.find_nodes(op="call_function", target=torch.ops.aten._assert_scalar.default):
                part.graph.erase_node(node)
            part.graph.eliminate_dead_code()
            part.recompile()
    return program


def _as_pt2(program: ExportedProgram, about: dict[str, str]) -> tuple[bytes, Callable[[Tensor], Tensor]]:
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={METADATA: json.dumps(about)})
    stream.seek(0)
    run: Callable[[Tensor], Tensor] = torch.export.load(stream).module()
    return stream.getvalue(), run


def _as_onnx(
    model: ZooModule, program: ExportedProgram, about: dict[str, str]
) -> tuple[bytes, Callable[[Tensor], Tensor]]:
    import onnxruntime

    written = torch.onnx.export(
        program, dynamo=True, verbose=False, input_names=[model.input_key], output_names=[model.target_key]
    )
    if written is None:
        raise RuntimeError("torch.onnx.export gave nothing")
    proto = written.model_proto
    _name_axes(proto)
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=value)
    data = proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return data, lambda pictures: torch.from_numpy(session.run(None, {model.input_key: pictures.numpy()})[0])


def _name_axes(proto: "ModelProto") -> None:
    """Call the free axes of input and output what they are, in place of the exporter's numbers."""
    entry, leaving = (values[0].type.tensor_type.shape.dim for values in (proto.graph.input, proto.graph.output))
    names = dict(zip((axis.dim_param for axis in entry), _AXES, strict=True))
    for axis in (*entry, *leaving):
        if axis.dim_param:
            axis.dim_param = names.get(axis.dim_param, axis.dim_param)


def _difference(model: ZooModule, run: Callable[[Tensor], Tensor], shape: tuple[int, int, int, int]) -> float:
    """Return the largest difference of a pixel."""
    pictures = _pictures(model, shape)
    with torch.no_grad():
        expected = model.colorize(pictures) if isinstance(model, Colorizer) else model(pictures)
        return float((run(pictures) - expected).abs().max())


def require_onnx() -> None:
    """Refuse to go on without the packages that write ONNX.

    Raises:
        UsageError: If one is not installed.
    """
    with suppress(ImportError):
        import onnxscript  # noqa: F401

        return
    raise UsageError(
        "ONNX needs onnx, onnxscript and onnxruntime, and not all are here; pip install 'colorzoo[export]'"
    )
