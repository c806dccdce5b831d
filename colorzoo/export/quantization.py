"""An exported ONNX file with its convolutions in 8 bits, where it still answers the same."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from colorzoo.errors import ExportError
from colorzoo.export.program import require_onnx
from colorzoo.io.atomic import atomic_write, refuse_existing

if TYPE_CHECKING:
    from onnx import GraphProto

AGREEMENT = 35.0
"""PSNR in dB of answers against those in floats. An image that is 25 dB from the truth loses 0.4 dB to an independent
error of 35 dB."""


def quantize(
    file: str | Path,
    path: str | Path,
    pictures: Sequence[Tensor],
    *,
    agreement: float = AGREEMENT,
    overwrite: bool = False,
) -> float:
    """Write an exported ONNX file again, with 8-bit weights and activations in its convolutions.

    Static quantization (Jacob et al., 2018) by onnxruntime, with a scale for each channel of the weights. Half of the
    images, every second one, set the ranges of the activations; the others judge what comes of it. Depth-wise
    convolutions, which hold little and lose most, and the first and the last one stay as they are.

    Args:
        file: What `export` wrote, as ONNX.
        path: The file to write.
        pictures: Batches such as it will see, at least two.
        agreement: PSNR in dB, at least, of its answers against those of the file.
        overwrite: Replace a file that is there.

    Returns:
        The agreement over the images that set no range.

    Raises:
        UsageError: If the packages that write ONNX are not installed.
        ValueError: If there are not two images.
        OutputExistsError: If the file is there and ``overwrite`` is False.
        ExportError: If there is nothing to store in 8 bits, or the answers would agree by less.

    Example:
        >>> import colorzoo, torch
        >>> from colorzoo.export.program import export
        >>> folder = Path(tempfile.mkdtemp())
        >>> about = export(colorzoo.load("conv_denoiser"), folder / "model.onnx")
        >>> quantize(folder / "model.onnx", folder / "int8.onnx", [torch.rand(1, 3, 32, 32)] * 2) > AGREEMENT
        True
    """
    require_onnx()
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path = Path(path)
    refuse_existing(path, overwrite)
    if len(pictures) < 2:
        raise ValueError(f"there are {len(pictures)} images; give one to set the ranges and one to judge, at least")
    arrays = [picture.numpy() for picture in pictures]
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        quant_pre_process(str(file), str(plain), skip_symbolic_shape=True)
        graph = onnx.load(plain).graph
        chosen = _inner_convolutions(graph)
        if not chosen:
            raise ExportError(f"{file} has no inner convolutions to store in 8 bits")
        quantize_static(
            plain,
            small,
            _Pictures(graph.input[0].name, arrays[::2]),
            nodes_to_quantize=chosen,
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
        data = small.read_bytes()
    exact, rounded = (_answers(model, arrays[1::2]) for model in (str(file), data))
    errors = [float(np.mean((one - other) ** 2)) for one, other in zip(exact, rounded, strict=True)]
    found = -10 * math.log10(max(sum(errors) / len(errors), 1e-12))
    if not found >= agreement:
        raise ExportError(
            f"in 8 bits the answers would be at {found:.1f} dB from those in floats, where {agreement:g} dB are asked "
            "for; nothing is written"
        )
    with atomic_write(path, overwrite) as stream:
        stream.write(data)
    return found


class _Pictures:
    """What onnxruntime calls a calibration data reader."""

    def __init__(self, entry: str, arrays: Sequence[NDArray[Any]]) -> None:
        self._feeds: Iterator[dict[str, NDArray[Any]]] = iter([{entry: array} for array in arrays])

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _inner_convolutions(graph: "GraphProto") -> list[str]:
    """Name the convolutions of all channels, without the first and the last."""
    inner = [node for node in graph.node if node.op_type == "Conv"][1:-1]
    return [node.name for node in inner if all(entry.i == 1 for entry in node.attribute if entry.name == "group")]


def _answers(model: str | bytes, arrays: Sequence[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    for array in arrays:
        yield session.run(None, {entry: array})[0]
