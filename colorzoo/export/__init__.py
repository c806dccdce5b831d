"""Models as ONNX or .pt2 files."""

from colorzoo.export.program import export

__all__ = ["export"]
