"""How far a picture must be enlarged until a network that halves it, or cuts it into squares, can take it."""


def padding_to_multiple(length: int, multiple: int) -> int:
    """Return what a length lacks to the next multiple.

    Example:
        >>> padding_to_multiple(47, 8), padding_to_multiple(48, 8)
        (1, 0)
    """
    # Not -length % multiple: an exporter would not see that the sum is a multiple, and ONNX rounds towards zero.
    return (length + multiple - 1) // multiple * multiple - length
