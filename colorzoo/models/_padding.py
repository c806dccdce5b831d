"""How far a picture must be enlarged until a network that halves it, or cuts it into squares, can take it."""


def overhang(length: int, multiple: int) -> int:
    """Return what a length lacks to the next multiple.

    Example:
        >>> overhang(47, 8), overhang(48, 8)
        (1, 0)
    """
    # Not -length % multiple: an exporter would not see that the sum is a multiple, and ONNX rounds towards zero.
    return (length + multiple - 1) // multiple * multiple - length
