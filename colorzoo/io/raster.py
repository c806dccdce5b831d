"""An image at its full depth, with what travels beside its levels.

Pillow has no 16-bit RGB, so what goes through the zoo from file to file is a `RasterImage`, and no PIL image.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from colorzoo.io.depth import rescale_levels
from colorzoo.io.icc import ProfileError, image_to_srgb, levels_to_srgb
from colorzoo.io.metadata import Metadata
from colorzoo.io.pil_file import DEEP_GREY, levels_of_16bit

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class RasterImage:
    """An image as an archive has it.

    Args:
        levels: Grey ``(H, W)`` or RGB ``(H, W, 3)``, of uint8, uint16, or floats in [0, 1].
        alpha: ``(H, W)`` of uint8 or uint16; None without transparency. Nothing changes it.
        metadata: What the file says beside the pixels, the profile of the levels included.
        remarks: What could not be kept or understood, in words.

    Example:
        >>> scan = RasterImage.of(PIL.Image.new("LA", (40, 30), (128, 7)))
        >>> scan.levels.shape, int(scan.alpha.max())
        ((30, 40), 7)
    """

    levels: Array
    alpha: Array | None = None
    metadata: Metadata = field(default_factory=Metadata)
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: PIL.Image.Image, metadata: Metadata | None = None) -> "RasterImage":
        """Return a PIL image of any mode as a scan; CMYK and LAB become sRGB, with the profile in the image's info.

        Args:
            image: The image.
            metadata: What it says beside its pixels; None for what its ``info`` has.

        Raises:
            ValueError: If it holds whole numbers beyond 16 bits.
        """
        metadata = Metadata.of(image) if metadata is None else metadata
        if image.mode in DEEP_GREY:
            levels = levels_of_16bit(image)
            transparent = image.info.get("transparency")
            alpha = None if transparent is None else np.where(levels == transparent, 0, 65535).astype(np.uint16)
            return cls(levels, alpha, metadata)
        if image.mode == "F":
            return cls(np.asarray(image), None, metadata)
        if image.mode in ("CMYK", "LAB"):
            return cls._of_other_colours(image, metadata)
        if image.has_transparency_data:
            image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
            pixels = np.asarray(image)
            return cls(_grey_or_rgb(pixels[..., :-1]), pixels[..., -1], metadata)
        return cls(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")), None, metadata)

    @classmethod
    def _of_other_colours(cls, image: PIL.Image.Image, metadata: Metadata) -> "RasterImage":
        remarks: tuple[str, ...] = ()
        try:
            known = image.mode == "LAB" or metadata.profile
            rgb = image_to_srgb(image, metadata.profile) if known else image.convert("RGB")
        except ProfileError as error:
            rgb, remarks = image.convert("RGB"), (_ignored(error),)
        return cls(np.asarray(rgb), None, metadata.in_srgb(), remarks)

    def in_srgb(self) -> "RasterImage":
        """Return the same image with its levels converted to sRGB, as far as a profile says what they are.

        A damaged profile is left out, with a remark. The result has none: what is made of it says itself what it is.
        """
        profile, bare = self.metadata.profile, replace(self.metadata, profile=b"")
        if not profile:
            return self
        try:
            return replace(self, levels=levels_to_srgb(self.levels, profile), metadata=bare)
        except ProfileError as error:
            return replace(self, metadata=bare, remarks=(*self.remarks, _ignored(error)))

    def with_color(self, rgb: Array) -> "RasterImage":
        """Return the same image with sRGB levels in place of its own, and with a profile that says so."""
        return replace(self, levels=rgb, metadata=self.metadata.in_srgb())

    def of_depth(self, dtype: type[np.unsignedinteger[Any]]) -> "RasterImage":
        """Return the same image with levels and alpha of uint8 or uint16."""
        alpha = None if self.alpha is None else rescale_levels(self.alpha, dtype)
        return replace(self, levels=rescale_levels(self.levels, dtype), alpha=alpha)

    def to_pil(self) -> PIL.Image.Image:
        """Return it as a PIL image: grey as deep as it is, RGB and what has transparency with 8 bits."""
        deep = self.levels.ndim == 2 and self.alpha is None
        scan = self if deep else self.of_depth(np.uint8)
        image = PIL.Image.fromarray(scan.levels)
        if scan.alpha is not None:
            image.putalpha(PIL.Image.fromarray(scan.alpha))
        image.info.update(scan.metadata.info())
        return image


def _ignored(error: ProfileError) -> str:
    return f"its ICC profile was ignored: {error}"


def _grey_or_rgb(pixels: Array) -> Array:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
