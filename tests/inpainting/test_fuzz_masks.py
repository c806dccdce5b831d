"""Damaged masks are used, or refused with their name; see fuzzing.py."""

import io
import warnings

import numpy as np
import PIL.Image
from fuzzing import fuzz

from colorzoo.errors import UnreadableImageError
from colorzoo.inpainting.mask import as_hole


def test_damaged_masks_are_used_or_refused(tmp_path):
    hole = np.zeros((14, 13), np.uint8)
    hole[4:8, 4:8] = 255
    masks = []
    for image in (PIL.Image.fromarray(hole), PIL.Image.fromarray(hole).convert("1"), PIL.Image.new("LA", (13, 14))):
        image.putpixel((5, 5), (255, 255) if image.mode == "LA" else 255)
        stream = io.BytesIO()
        image.save(stream, "PNG" if image.mode == "LA" else "TIFF")
        masks.append(stream.getvalue())

    def read(data):
        (tmp_path / "mask").write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert as_hole(tmp_path / "mask", 14, 13).any()

    fuzz(masks, read, (UnreadableImageError, ValueError))
