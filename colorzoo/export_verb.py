"""The command export: a model as a file that runs without colorzoo."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_export_verb(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("export", help="write a model as a file that runs without colorzoo")
    parser.add_argument("name", help="a model, or a checkpoint's path")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--format", choices=("onnx", "pt2"), help="default: what FILE ends in")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    parser.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from colorzoo.errors import ExportError
    from colorzoo.export import export, format_of
    from colorzoo.picture_paths import taken
    from colorzoo.zoo import load

    format_of(args.output, args.format)
    try:
        if args.output.exists() and not args.overwrite:
            raise taken(args.output)
        about = export(load(args.name), args.output, args.format, overwrite=args.overwrite)
    except (OSError, ExportError) as error:
        print(f"colorzoo: {error}", file=sys.stderr)
        return 1
    print(args.output)
    for side in ("input", "output"):
        print(f"{side} {about[side]}", file=sys.stderr)
    return 0
