import kornia
import numpy as np
import pytest
import torch

from colorzoo.color import conversions
from colorzoo.color.conversions import (
    grey_to_lightness,
    lab_to_rgb,
    lightness_to_grey,
    rgb_to_lab,
    rgb_to_lab_and_grey,
    rgb_to_luma,
    scale_ab,
    unscale_ab,
)


@pytest.fixture
def every_corner():
    levels = torch.linspace(0, 1, 9)
    return torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 27, 27)


def test_lab_of_known_colours():
    # CIE: sRGB red, green and blue under D65.
    rgb = torch.eye(3).T[None, :, :, None]
    expected = torch.tensor([[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]])
    torch.testing.assert_close(rgb_to_lab(rgb)[0, :, :, 0].T, expected, atol=0.06, rtol=0)


def test_round_trip(every_corner):
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(every_corner)), every_corner, atol=1e-3, rtol=0)


def test_scaled_ab_of_every_colour_fits_a_sigmoid(every_corner):
    scaled = scale_ab(rgb_to_lab(every_corner)[:, 1:])
    assert bool(((scaled > 0) & (scaled < 1)).all())
    torch.testing.assert_close(unscale_ab(scaled), rgb_to_lab(every_corner)[:, 1:])


def test_colours_outside_srgb_keep_lightness_and_hue():
    lightness = torch.linspace(5, 95, 19)
    hue = torch.linspace(0, 2 * np.pi, 24)[:-1]
    grid_l, grid_h = torch.meshgrid(lightness, hue, indexing="ij")
    lab = torch.stack([grid_l, 140 * grid_h.cos(), 140 * grid_h.sin()])[None]
    rgb = lab_to_rgb(lab)
    assert bool(((rgb >= 0) & (rgb <= 1)).all())
    back = rgb_to_lab(rgb)
    torch.testing.assert_close(back[:, :1], lab[:, :1], atol=0.3, rtol=0)
    chroma = back[:, 1:].norm(dim=1)
    turned = torch.atan2(back[:, 2], back[:, 1]) - grid_h
    away = chroma * torch.remainder(turned + np.pi, 2 * np.pi).sub(np.pi).abs()
    assert float(away.max()) < 1.0
    assert float(chroma.min()) > 5


def test_grey_and_lightness_undo_each_other():
    grey = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    torch.testing.assert_close(lightness_to_grey(grey_to_lightness(grey)), grey, atol=1e-3, rtol=0)


def test_luma_is_rec_601():
    assert rgb_to_luma(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)).item() == pytest.approx(0.299)


def test_lab_is_computed_in_full_precision_under_autocast(every_corner):
    expected = rgb_to_lab(every_corner)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rgb_to_lab(every_corner), expected)


def test_gradients_are_finite_outside_the_range():
    rgb = torch.tensor([-0.2, 0.0, 1.2]).view(1, 3, 1, 1).requires_grad_()
    rgb_to_lab(rgb).sum().backward()
    assert bool(rgb.grad.isfinite().all())


def test_lab_and_grey_are_those_of_kornia(every_corner):
    lab = kornia.color.rgb_to_lab(every_corner.double())
    torch.testing.assert_close(rgb_to_lab(every_corner).double(), lab, atol=1e-3, rtol=0)
    neutral = torch.cat([lab[:, :1], torch.zeros_like(lab[:, 1:])], dim=1)
    grey = kornia.color.lab_to_rgb(neutral)[:, 1:2]
    torch.testing.assert_close(lightness_to_grey(lab[:, :1]).double(), grey, atol=2e-6, rtol=0)
    torch.testing.assert_close(grey_to_lightness(grey).double(), lab[:, :1], atol=2e-3, rtol=0)


def test_the_way_back_is_kornias(every_corner):
    lab = (rgb_to_lab(every_corner) * torch.tensor([1, 1.5, 1.5])[:, None, None]).requires_grad_()
    ours, theirs = conversions._lab_to_unclipped_rgb(lab), kornia.color.lab_to_rgb(lab, clip=False)
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad(rgb.sum(), lab)[0] for rgb in (ours, theirs)))


def test_lab_of_levels_is_that_of_floats():
    levels = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8)
    torch.testing.assert_close(rgb_to_lab(levels), rgb_to_lab(levels / 255), atol=3e-4, rtol=0)


def test_lab_and_grey_at_once_are_those_of_each(every_corner):
    lab, grey = rgb_to_lab_and_grey(every_corner)
    assert torch.equal(lab, rgb_to_lab(every_corner))
    torch.testing.assert_close(grey, lightness_to_grey(lab[:, :1]), atol=1e-6, rtol=0)
