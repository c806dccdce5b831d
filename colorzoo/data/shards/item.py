"""What a shard stores of an image: its file's bytes, and its name with a checksum of both."""

import os
import zlib
from typing import Any

from colorzoo.data.shards.index import check_name
from colorzoo.errors import DataError


def encode_item(data: bytes, name: str) -> list[bytes]:
    """Return what is stored.

    Args:
        data: All that the image's file holds.
        name: Of the image.
    """
    encoded = os.fsencode(name)
    return [data, encoded + zlib.crc32(encoded, zlib.crc32(data)).to_bytes(4, "little")]


def decode_item(stored: Any) -> tuple[bytes | memoryview, str]:
    """Return data and name of what was stored.

    Args:
        stored: What litdata makes of it.

    Raises:
        DataError: If it is damaged, or the name leads out of the folder of the images.

    Example:
        >>> decode_item(encode_item(b"...", "holiday/beach.jpg"))
        (b'...', 'holiday/beach.jpg')
    """
    try:
        data, sealed = stored
        encoded, checksum = bytes(sealed[:-4]), bytes(sealed[-4:])
        if zlib.crc32(encoded, zlib.crc32(data)) != int.from_bytes(checksum, "little"):
            raise ValueError("its checksum is another")
        name = os.fsdecode(encoded)
        check_name(name)
        return data, name
    except (ValueError, TypeError) as error:
        raise DataError(f"a stored image is damaged ({error})") from error
