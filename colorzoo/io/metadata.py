"""Metadata of image files: EXIF, XMP, IPTC, colour profile, resolution, comments, and the text chunks of PNG.

PIL images carry them in ``info``, under the names that Pillow itself uses.
"""

import struct
import warnings
from dataclasses import dataclass, replace
from typing import Any

import PIL.Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from colorzoo.errors import PictureWarning
from colorzoo.io.embedded import (
    APP13_PREFIX,
    PNG_XMP,
    RAW_PROFILE,
    XMP_PREFIX,
    list_unknown_parts,
    parse_resolution,
    read_exif,
    read_resources,
    read_xmp,
)
from colorzoo.io.exif import Value, edit_exif
from colorzoo.io.exif_tags import exif_to_tags, shrink_exif
from colorzoo.io.icc import color_space, fits, srgb_profile
from colorzoo.io.photoshop import IPTC, PATHS, pack_resources, unpack_resources
from colorzoo.io.tiff import IPTC_TAG, PHOTOSHOP_TAG, XMP_TAG
from colorzoo.io.tiff_read import QUARTER_TURNS
from colorzoo.io.xmp import edit_xmp
from colorzoo.io.xmp_corrections import srgb_changes

_RESOLUTION = (Base.XResolution, Base.YResolution, Base.ResolutionUnit)
_INCHES = 2
_EMPTY_EXIF = b"Exif\0\0II*\0\x08\0\0\0" + bytes(6)
_SEGMENT = 65533
"""Bytes that a segment of a JPEG holds."""
_HELD = {
    "JPEG": ("EXIF", "XMP", "IPTC", "comment", "resolution", "profile"),
    "PNG": ("EXIF", "XMP", "IPTC", "comment", "resolution", "profile", "texts"),
    "TIFF": ("EXIF", "XMP", "IPTC", "comment", "resolution", "profile"),
    "WEBP": ("EXIF", "XMP", "comment", "resolution", "profile"),
    "AVIF": ("EXIF", "XMP", "profile"),
}
"""What a format has a place for."""


@dataclass(frozen=True)
class Metadata:
    """What an image says beside its pixels.

    Args:
        exif: The EXIF block as JPEG has it, with the orientation "upright"; a TIFF's descriptive tags too.
        xmp: The XMP packet, in UTF-8.
        profile: The ICC profile that says what the levels mean; empty where nothing says it.
        dpi: Pixels per inch, horizontally and vertically.
        text: A PNG's text chunks.
        comment: A JPEG's comment, or a PNG's.
        resources: IPTC, and what else of Photoshop's resource blocks outlives a change of the pixels.
        xmp_before: The XMP packet without the note of what was done, for a file that has no room for that; None if it
            has no note.
        left_out: What could not be understood, in words; a warning says so when the image is written.
    """

    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes = b""
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()
    comment: bytes = b""
    resources: bytes = b""
    xmp_before: bytes | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: PIL.Image.Image, orientation: int = 1) -> "Metadata":
        """Return what a decoded image says; a damaged block is left out.

        Args:
            image: The image, upright.
            orientation: From which it has been turned upright.
        """
        info, left_out, blocks = image.info, list_unknown_parts(image), {}
        texts = dict(info.get("text", getattr(image, "text", None)) or {})
        for name, read in (("XMP", read_xmp), ("EXIF", read_exif)):
            try:
                blocks[name], dropped = read(image, texts, orientation)
                left_out += dropped
            except Exception as error:  # a damaged block makes Pillow's parser stumble over anything
                blocks[name] = b""
                left_out.append(f"its {name}: {error or type(error).__name__}")
        dpi = parse_resolution(info.get("dpi"))
        if not dpi and info.get("dpi") not in (None, (0, 0)):
            left_out.append(f"its resolution of {info['dpi']} pixels per inch")
        resources = read_resources(image, texts)
        if not PATHS.isdisjoint(resources):
            left_out.append("its paths")
        profile = info.get("icc_profile") or b""
        comment = texts.pop("Comment", None) or info.get("comment") or b""
        return cls(
            exif=blocks["EXIF"],
            xmp=blocks["XMP"],
            profile=profile if isinstance(profile, bytes) else b"",
            dpi=dpi[::-1] if dpi and orientation in QUARTER_TURNS else dpi,
            text=tuple((key, text) for key, text in texts.items() if key != PNG_XMP and RAW_PROFILE not in key),
            comment=comment.encode() if isinstance(comment, str) else bytes(comment),
            resources=pack_resources(resources),
            left_out=tuple(dict.fromkeys(left_out)),
        )

    def info(self) -> dict[str, Any]:
        """Return it as the ``info`` of a PIL image carries it; what there is nothing of is left out."""
        named = {"exif": self.exif, "xmp": self.xmp, "icc_profile": self.profile, "dpi": self.dpi}
        more = {"text": dict(self.text), "comment": self.comment, "photoshop": unpack_resources(self.resources)}
        return {key: value for key, value in {**named, **more}.items() if value}

    def in_srgb(self) -> "Metadata":
        """Return the metadata of the same image after its levels were converted to sRGB: all of them say so."""
        exif = edit_exif(self.exif, {}, {Base.ColorSpace: 1}) if self.exif else b""
        xmp, before = (edit_xmp(packet, srgb_changes()) if packet else packet for packet in (self.xmp, self.xmp_before))
        return replace(self, exif=exif, xmp=xmp or b"", xmp_before=before, profile=srgb_profile())

    def options(self, format_name: str, mode: str) -> dict[str, Any]:
        """Return it as arguments of `PIL.Image.Image.save`; a warning names what the format has no room for.

        Args:
            format_name: Pillow's name of the format.
            mode: Pillow's name of the mode; a profile of another one is left out.
        """
        fitting = fits(self.profile, mode)
        lost = self._unheld(format_name)
        if self.profile and not fitting:
            lost.append(f"its ICC profile, which is for {color_space(self.profile)}")
        # None rather than nothing, or Pillow would take the profile from the image's info.
        options: dict[str, Any] = {"icc_profile": self.profile if fitting else None}
        if self.dpi:
            options["dpi"] = self.dpi
        exif, xmp = self.exif, self.xmp
        if format_name == "TIFF":
            return options | {"exif": self.tags()}
        if format_name == "JPEG":
            exif, xmp, segments = self._fit_segments(lost)
            options |= segments
        elif format_name == "WEBP":  # has no other place for them
            added: dict[int, Value] = dict(zip(_RESOLUTION, (*self.dpi, _INCHES), strict=True)) if self.dpi else {}
            added |= {Base.ImageDescription: _text(self.comment)} if self.comment else {}
            exif = edit_exif(exif or _EMPTY_EXIF, {}, added=added) if added else exif
        if exif:
            options["exif"] = exif
        if format_name == "PNG":
            options["pnginfo"] = self._chunks()
        else:
            options["xmp"] = xmp  # even if empty, or some versions of Pillow would take that of the image's info
        _warn(format_name, lost)
        return options

    def tags(self) -> PIL.Image.Exif:
        """Return it as the tags of a TIFF, but profile and resolution; a warning names what TIFF has no place for."""
        tags, dropped = exif_to_tags(self.exif)
        if self.xmp:
            tags[XMP_TAG] = self.xmp
        if self.resources:
            tags[PHOTOSHOP_TAG] = self.resources
            if iptc := unpack_resources(self.resources).get(IPTC):
                tags[IPTC_TAG] = iptc
        if self.comment and Base.ImageDescription not in tags:
            tags[Base.ImageDescription] = self.comment
        lost = [f"tags {', '.join(map(str, dropped))} of its EXIF"] if dropped else []
        _warn("TIFF", [*self._unheld("TIFF"), *lost])
        return tags

    def _unheld(self, format_name: str) -> list[str]:
        """Return the names of what a format has no place for."""
        held = _HELD.get(format_name, ())
        note = "the note of what was done" if self.xmp_before == b"" else "its XMP"
        described = (
            self.comment and "PNG" != format_name != "JPEG" and Base.ImageDescription in exif_to_tags(self.exif)[0]
        )
        names = {
            "EXIF": "its EXIF" if self.exif else "",
            "XMP": note if self.xmp else "",
            "IPTC": "its IPTC" if self.resources else "",
            "comment": "its comment" if self.comment else "",
            "resolution": "its resolution" if self.dpi else "",
            "profile": "its ICC profile" if self.profile not in (b"", srgb_profile()) else "",
            "texts": f"its texts {', '.join(key for key, _ in self.text)}" if self.text else "",
        }
        lost = [
            name for part, name in names.items() if name and (part not in held or (part == "comment" and described))
        ]
        return [*self.left_out, *lost]

    def _fit_segments(self, lost: list[str]) -> tuple[bytes, bytes, dict[str, Any]]:
        """Return EXIF, XMP and other segments of a JPEG, as far as there is room; append the names of others."""
        exif = self.exif
        if len(exif) > _SEGMENT:
            exif, dropped = shrink_exif(exif, _SEGMENT)
            lost.append(f"tags {', '.join(map(str, dropped))} of its EXIF" if exif else "its EXIF")
        room = _SEGMENT - len(XMP_PREFIX)
        xmp = self.xmp
        if len(xmp) > room and self.xmp_before is not None:
            xmp = self.xmp_before
            lost.append("the note of what was done")
        if len(xmp) > room:
            xmp = b""
            lost.append("its XMP")
        others: dict[str, Any] = {"comment": self.comment}
        if len(self.comment) > _SEGMENT:
            others["comment"] = b""
            lost.append("its comment")
        block = APP13_PREFIX + self.resources
        if self.resources and len(block) <= _SEGMENT:
            others["extra"] = b"\xff\xed" + struct.pack(">H", 2 + len(block)) + block
        elif self.resources:
            lost.append("its IPTC")
        return exif, xmp, others

    def _chunks(self) -> PngInfo:
        """Return the text chunks of a PNG."""
        chunks = PngInfo()
        for key, text in self.text:
            chunks.add_itxt(key, text, getattr(text, "lang", None) or "", getattr(text, "tkey", None) or "")
        if self.comment:
            chunks.add_itxt("Comment", _text(self.comment))
        if self.xmp:
            chunks.add_itxt(PNG_XMP, self.xmp.decode())
        if self.resources:
            packed = self.resources.hex()
            lines = "\n".join(packed[start : start + 72] for start in range(0, len(packed), 72))
            chunks.add_text(f"{RAW_PROFILE}iptc", f"\niptc\n{len(self.resources):8}\n{lines}\n", zip=True)
        return chunks


def _text(comment: bytes) -> str:
    try:
        return comment.decode().rstrip("\0")
    except UnicodeDecodeError:
        return comment.decode("latin-1").rstrip("\0")


def _warn(format_name: str, lost: list[str]) -> None:
    if lost:
        warnings.warn(f"not carried into the {format_name}: {'; '.join(lost)}", PictureWarning, stacklevel=3)
