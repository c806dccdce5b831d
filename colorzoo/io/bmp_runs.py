"""Checks the runs of a BMP of 8 bits: Pillow decodes those that do not fit their rows too, cut or shifted."""

from colorzoo.errors import UnreadableImageError

_END_OF_ROW, _END_OF_IMAGE, _MOVE = 0, 1, 2


def check_runs(data: bytes, width: int, height: int) -> None:
    """Refuse runs that go beyond their row or the image, or end before it.

    Args:
        data: The runs, and what follows them.
        width: Of the image.
        height: Of the image.

    Raises:
        UnreadableImageError: If they are damaged.
    """
    place = x = y = 0
    padded = -(-width // 4) * 4  # some programs fill rows so far, and readers cut them
    while place + 2 <= len(data) and y < height:
        count, value = data[place], data[place + 1]
        place += 2
        if count:
            x += count
        elif value == _END_OF_ROW:
            x, y = 0, y + 1
        elif value == _END_OF_IMAGE:
            return
        elif value == _MOVE:
            x, y = x + data[place], y + data[place + 1]
            place += 2
        else:
            x += value
            place += value + value % 2
        if x > padded or place > len(data):
            break
    else:
        if y >= height or (y == height - 1 and x >= width):
            return
    raise UnreadableImageError("its runs of pixels are damaged: they do not fill its rows; copy it again")
