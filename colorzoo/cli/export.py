"""The command export: a model as a file that runs without colorzoo."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorzoo.cli.arguments import path_argument

if TYPE_CHECKING:
    from torch import Tensor

_EDGE = 256
_IMAGES = 64
"""Images that calibrate 8-bit ranges, which hardly change after a few dozen."""


def add_export_command(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("export", help="write a model as a file that runs without colorzoo")
    parser.add_argument("name", help="a model, or the path of a checkpoint")
    parser.add_argument("-o", "--output", type=path_argument, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--format", choices=("onnx", "pt2"), help="default: what FILE ends in")
    parser.add_argument(
        "--int8",
        type=path_argument,
        metavar="PHOTOS",
        help="ONNX with 8-bit convolutions, calibrated on a folder of typical images, whose outputs must stay the same",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from colorzoo.cli.paths import output_exists_error
    from colorzoo.cli.terminal import print_message, print_result
    from colorzoo.errors import ExportError, UsageError
    from colorzoo.export.program import export, format_of
    from colorzoo.zoo import load

    if format_of(args.output, args.format) != "onnx" and args.int8:
        raise UsageError("--int8 is for ONNX; end the name in .onnx, or leave it out")
    try:
        if args.output.exists() and not args.overwrite:
            raise output_exists_error(args.output)
        model = load(args.name)
        if args.int8:
            about, agreement = _quantize(model, args)
            print(f"PSNR of its outputs to those of the float model: {agreement:.1f} dB", file=sys.stderr)
        else:
            about = export(model, args.output, args.format, overwrite=args.overwrite)
    except (OSError, ExportError) as error:
        print_message(str(error))
        return 1
    print_result(args.output)
    for key in ("input", "output", "parity"):
        print(f"{key} {about[key]}", file=sys.stderr)
    return 0


def _quantize(model: Any, args: argparse.Namespace) -> tuple[dict[str, str], float]:
    """Write a quantised file; return its metadata, and its agreement with the model in dB."""
    import tempfile

    from colorzoo.export.program import export
    from colorzoo.export.quantization import quantize

    images = _calibration_images(args.int8, model)
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "model.onnx"
        about = export(model, exact)
        return about, quantize(exact, args.output, images, overwrite=args.overwrite)


def _calibration_images(folder: Path, model: Any) -> "list[Tensor]":
    """Return some images of a folder as inputs of a model: reduced for a colouriser, cropped for a de-noiser."""
    import numpy as np

    from colorzoo.errors import UsageError
    from colorzoo.io.convert import to_batch
    from colorzoo.io.find import image_names
    from colorzoo.io.pil_file import read_image
    from colorzoo.io.raster import RasterImage

    names = sorted(image_names(folder))[:_IMAGES]
    if len(names) < 2:
        raise UsageError(f"{folder} holds {len(names)} images; --int8 needs one to set the ranges and one to judge")
    images = []
    for name in names:
        image = RasterImage.of(read_image(folder / name)).of_depth(np.uint8).to_pil()
        image = image.convert("RGB" if getattr(model, "channels", 1) == 3 else "L")
        if model.input_key == "grey":
            image.thumbnail((_EDGE, _EDGE))
        else:
            image = image.crop((0, 0, min(image.width, _EDGE), min(image.height, _EDGE)))
        images.append(to_batch(image))
    return images
