"""What was done to an image, written into its XMP: the history that image programs and archives read.

XMP, because JPEG, PNG, TIFF and WebP all hold it, and because its history (ISO 16684-1, ``xmpMM:History``) grows by an
entry where a field of EXIF, such as Software, would lose what the camera or the scanner wrote. No entry has the time of
day in it: the same command makes the same file.
"""

from dataclasses import replace

from colorzoo._version import __version__
from colorzoo.io.raster import RasterImage
from colorzoo.io.xmp import XmpError, add_event


def add_history_entry(scan: RasterImage, entry: str) -> RasterImage:
    """Return an image whose metadata tell what was done to it; the pixels bear no mark.

    Args:
        scan: The result.
        entry: What was done, by what, and how.

    Returns:
        The same image with an entry more in its history. An XMP packet that is damaged is replaced, with a remark.
    """
    given, remarks = scan.metadata.xmp, scan.remarks
    fields = {"action": "edited", "softwareAgent": f"colorzoo {__version__}", "parameters": entry}
    try:
        xmp = add_event(given, fields)
    except XmpError as error:
        given, xmp, remarks = b"", add_event(b"", fields), (*remarks, f"its XMP was replaced: {error}")
    return replace(scan, metadata=replace(scan.metadata, xmp=xmp, xmp_before=given), remarks=remarks)
