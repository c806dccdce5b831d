"""Metadata of image files: EXIF, XMP, colour profile, resolution, and the text chunks of PNG.

PIL images carry them in ``info``, under the names that Pillow itself uses.
"""

from dataclasses import dataclass, replace
from typing import Any

import PIL.Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from colorzoo.io.icc import fits, srgb_profile
from colorzoo.io.tiff import IPTC_TAG, NOT_COPIED, XMP_TAG, raw_iptc

_PARTS = (IFD.Exif, IFD.GPSInfo)
_PNG_XMP = "XML:com.adobe.xmp"
_RESOLUTION = (Base.XResolution, Base.YResolution, Base.ResolutionUnit)
_INCHES = 2


@dataclass(frozen=True)
class Metadata:
    """What a picture says beside its pixels.

    Args:
        exif: The EXIF block as JPEG has it, with the orientation "upright"; a TIFF's descriptive tags too.
        xmp: The XMP packet.
        profile: The ICC profile that says what the levels mean; empty where nothing says it.
        dpi: Pixels per inch, horizontally and vertically.
        text: A PNG's text chunks.
    """

    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes = b""
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, image: PIL.Image.Image, turned: bool = False) -> "Metadata":
        """Return what a decoded picture says; a damaged EXIF block is left out.

        Args:
            image: The picture, upright.
            turned: Whether it has been turned by 90 degrees, so that its two resolutions change places.
        """
        info = image.info
        dpi = _resolution(info.get("dpi"))
        if dpi and turned:
            dpi = dpi[::-1]
        xmp = info.get("xmp") or info.get(_PNG_XMP) or b""
        profile = info.get("icc_profile") or b""
        texts = info.get("text", getattr(image, "text", None)) or {}
        return cls(
            exif=_exif(image, dpi),
            xmp=xmp.encode() if isinstance(xmp, str) else bytes(xmp),
            profile=profile if isinstance(profile, bytes) else b"",
            dpi=dpi,
            text=tuple((key, str(text)) for key, text in texts.items() if key != _PNG_XMP and "Raw profile" not in key),
        )

    def info(self) -> dict[str, Any]:
        """Return it as the ``info`` of a PIL image carries it; what there is nothing of is left out."""
        named = {"exif": self.exif, "xmp": self.xmp, "icc_profile": self.profile, "dpi": self.dpi}
        return {key: value for key, value in {**named, "text": dict(self.text)}.items() if value}

    def in_srgb(self) -> "Metadata":
        """Return the metadata of the same picture after its levels were converted to sRGB: profile and EXIF say so."""
        exif = _parse_exif(self.exif)
        details = exif.get_ifd(IFD.Exif)
        if details.get(Base.ColorSpace, 1) != 1:
            details[Base.ColorSpace] = 1
        return replace(self, exif=exif.tobytes() if self.exif else b"", profile=srgb_profile())

    def options(self, format_name: str, mode: str) -> dict[str, Any]:
        """Return it as arguments of `PIL.Image.Image.save`.

        Args:
            format_name: Pillow's name of the format.
            mode: Pillow's name of the mode; a profile of another one is left out.
        """
        # None rather than nothing, or Pillow would take the profile from the picture's info.
        options: dict[str, Any] = {"icc_profile": self.profile if fits(self.profile, mode) else None}
        if self.dpi:
            options["dpi"] = self.dpi
        if format_name == "TIFF":
            return options | {"exif": self.tags()}
        exif = _parse_exif(self.exif)
        if format_name == "WEBP" and self.dpi:  # has no other place for it
            exif.update(dict(zip(_RESOLUTION, (*self.dpi, _INCHES), strict=True)))
        if len(exif):
            options["exif"] = exif.tobytes()
        if format_name == "PNG":
            texts = PngInfo()
            for key, text in self.text:
                texts.add_itxt(key, text)
            if self.xmp:
                texts.add_itxt(_PNG_XMP, self.xmp.decode("utf-8", "replace"))
            options["pnginfo"] = texts
        elif self.xmp:
            options["xmp"] = self.xmp
        return options

    def tags(self) -> PIL.Image.Exif:
        """Return EXIF and XMP as the tags of a TIFF."""
        tags = _parse_exif(self.exif)
        if self.xmp:
            tags[XMP_TAG] = self.xmp
        return tags


def _exif(image: PIL.Image.Image, dpi: tuple[float, float] | None) -> bytes:
    """Return the EXIF block of an upright picture, without tags that no longer hold; empty if there is none."""
    try:
        given = image.getexif()
        kept = PIL.Image.Exif()
        kept.update({tag: value for tag, value in given.items() if tag not in (*NOT_COPIED, *_PARTS)})
        for part in _PARTS:
            if entries := dict(given.get_ifd(part)):
                kept[part] = _encode_latin1(entries)
        kept.update(_encode_latin1({tag: value for tag, value in kept.items() if tag not in _PARTS}))
        if IPTC_TAG in kept and not isinstance(kept[IPTC_TAG], bytes):
            kept[IPTC_TAG] = raw_iptc(image)
        if not len(kept):
            return b""
        details = kept.get(IFD.Exif, {})
        if IFD.Interop in details:
            details[IFD.Interop] = given.get_ifd(IFD.Interop)
        for tag, length in ((Base.ExifImageWidth, image.width), (Base.ExifImageHeight, image.height)):
            if tag in details:
                details[tag] = length
        if Base.XResolution in kept and dpi:
            kept.update(dict(zip(_RESOLUTION, (*dpi, _INCHES), strict=True)))
        kept[Base.Orientation] = 1
        return kept.tobytes()
    except Exception:  # a damaged block makes the parser stumble over anything
        return b""


def _parse_exif(exif: bytes) -> PIL.Image.Exif:
    loaded = PIL.Image.Exif()
    if exif:
        loaded.load(exif)
        loaded.update(_encode_latin1({tag: value for tag, value in loaded.items() if tag not in _PARTS}))
        for part in _PARTS:
            if part in loaded:
                entries = loaded.get_ifd(part)
                entries.update(_encode_latin1(entries))
        loaded[Base.Orientation] = 1
    return loaded


def _encode_latin1(entries: dict[int, Any]) -> dict[int, Any]:
    """Return texts beyond ASCII as the bytes they were: Pillow reads them as Latin-1, but writes question marks."""
    return {
        tag: value.encode("latin-1", "replace") if isinstance(value, str) and not value.isascii() else value
        for tag, value in entries.items()
    }


def _resolution(dpi: Any) -> tuple[float, float] | None:
    """Return a positive resolution, or None; rounding restores the whole number that PNG stores as pixels per metre."""
    try:
        horizontal, vertical = (round(float(value), 2) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (horizontal, vertical) if horizontal > 0 and vertical > 0 else None
