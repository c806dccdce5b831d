"""What a batch of images becomes."""

import pytest
import torch

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.data import batches
from colorzoo.data.batches import color_batch


@pytest.mark.parametrize("pixels_at_once", [1, 600, 1 << 16])
def test_pairs_do_not_depend_on_how_the_batch_is_split(pixels_at_once, monkeypatch):
    monkeypatch.setattr(batches, "_PIXELS_AT_ONCE", pixels_at_once)
    levels = torch.randint(256, (5, 3, 17, 13), dtype=torch.uint8)
    made = color_batch({"rgb": levels})
    lab = rgb_to_lab(levels)
    assert torch.equal(made["rgb"], levels / 255)
    torch.testing.assert_close(made["lab"], lab, atol=1e-4, rtol=0)
    torch.testing.assert_close(made["grey"], lightness_to_grey(lab[:, :1]), atol=1e-6, rtol=0)


def test_the_grey_of_pairs_may_be_luma():
    made = color_batch({"rgb": torch.eye(3)[None, :, :, None]}, "luma")
    torch.testing.assert_close(made["grey"].flatten(), torch.tensor([0.299, 0.587, 0.114]))


def test_pairs_of_another_grey_are_refused():
    with pytest.raises(ValueError, match="'lightness' or 'luma'"):
        color_batch({"rgb": torch.zeros(1, 3, 4, 4)}, "red")
