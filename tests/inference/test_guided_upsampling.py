"""Colours of a large image end where its lightness changes, as a whole and in strips alike."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb, rgb_to_lab
from colorzoo.inference import integer_image
from colorzoo.inference.guided_upsampling import upsample_guided
from colorzoo.inference.integer_image import IntegerImage
from colorzoo.inference.tensor_image import TensorImage


@pytest.fixture(autouse=True)
def many_strips(monkeypatch):
    monkeypatch.setattr(integer_image, "_PIXELS", 500)


def noise(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def lightness_of(levels):
    return grey_to_lightness(torch.from_numpy(levels / np.iinfo(levels.dtype).max).float()[None, None])


def shrunk(plane, size):
    # Of a single column torch returns the mean of all.
    if plane.shape[3] == 1:
        return shrunk(plane.mT, size[::-1]).mT
    return F.interpolate(plane, size, mode="bilinear", antialias=True)


@pytest.fixture
def halves():
    """Dark on the left and light on the right of a slanted edge, with some grain; and their a*b*."""
    y, x = np.mgrid[:96, :128]
    right = x > 50 + y // 4
    levels = (np.where(right, 190, 70) + noise((96, 128)) % 9).astype(np.uint8)
    ab = torch.from_numpy(np.where(right, [[[-20.0]], [[-35.0]]], [[[45.0]], [[30.0]]])).float()[None]
    return levels, ab


def test_colours_end_at_the_edge(halves):
    levels, truth = halves
    ab = F.adaptive_avg_pool2d(truth, (6, 8))
    lightness = lightness_of(levels)
    guided = upsample_guided(ab, shrunk(lightness, (6, 8)), lightness)
    errors = [float((found - truth).norm(dim=1).mean()) for found in (guided, F.interpolate(ab, (96, 128)))]
    assert errors[0] < 0.4 * errors[1]


def test_without_edges_it_is_bilinear():
    ab, flat = torch.randn(2, 2, 5, 4) * 30, torch.full((2, 1, 20, 33), 40.0)
    expected = F.interpolate(ab, (20, 33), mode="bilinear")
    torch.testing.assert_close(upsample_guided(ab, flat[..., :5, :4], flat), expected, atol=1e-3, rtol=0)


def test_of_the_same_size_it_changes_nothing():
    ab, lightness = torch.randn(1, 2, 9, 7) * 30, torch.rand(1, 1, 9, 7) * 100
    torch.testing.assert_close(upsample_guided(ab, lightness, lightness), ab, atol=1e-3, rtol=0)


def test_a_highlight_gets_the_colour_of_what_is_lightest_around_it():
    small = torch.tensor([40.0, 45.0, 50.0]).expand(1, 1, 3, 3)
    lightness = small.repeat_interleave(3, 2).repeat_interleave(3, 3).clone()
    lightness[..., 4, 4] = 100
    ab = upsample_guided((small - 30).expand(1, 2, 3, 3), small, lightness)
    lightness[..., 4, 4] = 50
    assert torch.equal(ab, upsample_guided((small - 30).expand(1, 2, 3, 3), small, lightness))


@pytest.mark.parametrize(("dtype", "top", "tolerance"), [(np.uint8, 255, 1), (np.uint16, 65535, 64)])
@pytest.mark.parametrize(
    ("size", "seen"), [((80, 60), (17, 13)), ((1, 90), (1, 9)), ((90, 1), (9, 1)), ((41, 300), (1, 1))]
)
def test_strips_are_those_of_the_whole(size, seen, dtype, top, tolerance):
    levels, ab = noise(size, dtype), torch.randn(1, 2, *seen) * 20
    lightness = lightness_of(levels)
    whole = torch.cat([lightness, upsample_guided(ab, shrunk(lightness, seen), lightness)], dim=1)
    expected = (lab_to_rgb(whole) * top).round()[0].movedim(0, 2).numpy()
    assert np.abs(IntegerImage(levels).merge_ab(ab, guided=True) - expected).max() <= tolerance


def test_tensors_are_coloured_as_arrays_are():
    levels, ab = noise((80, 60)), torch.randn(1, 2, 17, 13) * 20
    floats = TensorImage(torch.from_numpy(levels / 255).float()[None, None], torch.device("cpu"))
    expected = (floats.merge_ab(ab, guided=True) * 255).round()[0].movedim(0, 2).numpy()
    assert np.abs(IntegerImage(levels).merge_ab(ab, guided=True) - expected).max() <= 1


def test_threads_change_no_byte():
    levels, ab = noise((300, 200)), torch.randn(1, 2, 9, 7) * 60
    before = torch.get_num_threads()
    answers = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            answers.append(IntegerImage(levels).merge_ab(ab, guided=True))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*answers)


class Coarse(Colorizer):
    """Red where it is dark and blue where it is light, at a quarter of the size at which it is shown an image."""

    paper = "none"
    working_size = 64

    def __init__(self):
        super().__init__()
        self.dark = torch.nn.Parameter(torch.tensor([45.0, 30.0]).view(1, 2, 1, 1))
        self.light = torch.nn.Parameter(torch.tensor([-20.0, -35.0]).view(1, 2, 1, 1))

    def losses(self, batch):
        raise NotImplementedError

    def predict_ab(self, lightness):
        return F.avg_pool2d(torch.where(lightness < 55, self.dark, self.light), 4, ceil_mode=True)


def error_of(coloured, truth):
    ab = rgb_to_lab(torch.from_numpy(coloured).movedim(2, 0)[None])[:, 1:]
    return float((ab - truth).norm(dim=1).mean())


def test_what_is_larger_than_the_working_size_is_coloured_so(halves):
    levels, truth = halves
    model = Coarse().eval()
    picture = IntegerImage(levels)
    with torch.no_grad():
        bilinear = picture.merge_ab(model.predict_ab(picture.lightness_at(48, 64)))
    assert error_of(model.colorize(levels), truth) < 0.6 * error_of(bilinear, truth)


def test_hints_leave_the_colours_at_other_edges_as_they_are(halves):
    levels, _ = halves
    model = Coarse().eval()
    y, x = np.mgrid[:96, :128]
    right = x > 50 + y // 4
    plain, hinted = (model.colorize(levels, hints=hints).astype(int) for hints in ((), [((5, 5), "#305030")]))
    assert np.abs(hinted - plain)[~right].mean() > 8
    assert np.abs(hinted - plain)[right].max() < 3


def test_up_to_the_working_size_it_is_forward(halves):
    levels, _ = halves
    model = Coarse().eval()
    grey = torch.from_numpy(levels[:64, 20:84] / 255).float()[None, None]
    with torch.no_grad():
        assert torch.equal(model.colorize(grey), model(grey))
        assert not torch.equal(model.colorize(grey, 32), model(grey))
