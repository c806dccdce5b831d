"""Scans of several kinds for tests of folders."""

import numpy as np
import PIL.Image
import PIL.ImageOps


def grey(seed=0, size=(40, 30)):
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 255, (4, 4), dtype=np.uint8)).resize(size)


def sepia():
    return PIL.ImageOps.colorize(grey(), "#1c0f05", "#fff2dc", mid="#9a7448")


def coloured():
    values = np.random.default_rng(0).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return PIL.Image.fromarray(values).resize((40, 40), PIL.Image.Resampling.NEAREST)


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
