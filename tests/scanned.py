"""Scans of several kinds for tests of folders."""

import numpy as np
import PIL.Image
import PIL.ImageOps
from torch import Tensor

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.io.convert import decode_srgb, restore_kind, to_batch, to_gray


def grey(seed=0, size=(40, 30)):
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 255, (4, 4), dtype=np.uint8)).resize(size)


def sepia():
    return PIL.ImageOps.colorize(grey(), "#1c0f05", "#fff2dc", mid="#9a7448")


def coloured():
    values = np.random.default_rng(0).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return PIL.Image.fromarray(values).resize((40, 40), PIL.Image.Resampling.NEAREST)


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def apply_to_gray(image, colorize):
    """Colour an image of any kind by a function of grey batches, as `Colorizer.colorize` does by a network."""
    source = decode_srgb(image)
    gray = to_gray(source)
    if not isinstance(gray, Tensor):
        gray = lightness_to_grey(rgb_to_lab(to_batch(gray))[:, :1]) if gray.ndim == 3 else to_batch(gray)
    return restore_kind(image, source, colorize(gray))
