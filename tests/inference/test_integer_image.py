"""Large images in strips are what they are as a whole."""

import tracemalloc

import numpy as np
import PIL.Image
import pytest
import torch
from torch.nn import functional as F

import colorzoo
from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb, rgb_to_lab
from colorzoo.color.srgb8 import Srgb8Writer, shifts
from colorzoo.inference import integer_image
from colorzoo.inference.integer_image import IntegerImage


@pytest.fixture(autouse=True)
def many_strips(monkeypatch):
    monkeypatch.setattr(integer_image, "_PIXELS", 500)
    monkeypatch.setattr("colorzoo.color.srgb8._BATCH", 300)


def noise(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def whole(levels):
    scaled = torch.from_numpy(levels / np.iinfo(levels.dtype).max).float()
    if scaled.ndim == 2:
        return grey_to_lightness(scaled[None, None])
    return rgb_to_lab(scaled.movedim(2, 0)[None])[:, :1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("shape", "tolerance"), [((40, 33), 1e-4), ((40, 33, 3), 0.01), ((1, 1), 1e-4)])
def test_lightness_of_the_strips_is_that_of_the_whole(shape, tolerance, dtype):
    levels = noise(shape, dtype)
    rows, parts = zip(*IntegerImage(levels).strips(), strict=True)
    assert [row for part in rows for row in range(part.start, part.stop)] == list(range(shape[0]))
    torch.testing.assert_close(torch.cat(parts)[None, None], whole(levels), atol=tolerance, rtol=0)


def test_grey_stored_as_rgb_is_grey_exactly():
    grey = noise((20, 30))
    ab = torch.randn(1, 2, 5, 4) * 30
    assert np.array_equal(IntegerImage(np.dstack([grey] * 3)).merge_ab(ab), IntegerImage(grey).merge_ab(ab))


@pytest.mark.parametrize("size", [(20, 30), (7, 3), (1, 1), (149, 211), (12, 211)])
def test_shrinking_in_strips_is_that_of_the_whole(size):
    levels = noise((149, 211))
    expected = F.interpolate(whole(levels), size, mode="bilinear", antialias=True)
    torch.testing.assert_close(IntegerImage(levels).lightness_at(*size), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (17, 13), (80, 60), (200, 3)])
@pytest.mark.parametrize("chroma", [0, 10, 60, 150])
def test_eight_bits_in_strips_are_those_of_the_whole(size, chroma):
    levels = noise((80, 60))
    ab = (torch.rand(1, 2, *size) * 2 - 1) * chroma
    lab = torch.cat([whole(levels), F.interpolate(ab, (80, 60), mode="bilinear")], dim=1)
    expected = (lab_to_rgb(lab) * 255).round()[0].movedim(0, 2).numpy()
    difference = np.abs(IntegerImage(levels).merge_ab(ab) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.03


def test_sixteen_bits_in_strips_are_those_of_the_whole():
    levels = noise((80, 60), np.uint16)
    ab = torch.randn(1, 2, 9, 7) * 20
    lab = torch.cat([whole(levels), F.interpolate(ab, (80, 60), mode="bilinear")], dim=1)
    expected = (lab_to_rgb(lab) * 65535).round()[0].movedim(0, 2).numpy()
    joined = IntegerImage(levels).merge_ab(ab)
    assert joined.dtype == np.uint16
    # A thousandth of an 8-bit step would be 0.3: two orders of summation in float32, magnified near the gamut's edge.
    assert np.abs(joined - expected).max() <= 64


def test_each_colour_of_srgb_is_met_and_each_beyond_it_keeps_its_lightness():
    lightness, a, b = torch.meshgrid(
        torch.linspace(0, 100, 41), torch.linspace(-128, 128, 65), torch.linspace(-128, 128, 65), indexing="ij"
    )
    lab = torch.stack([lightness, a, b])[None].reshape(1, 3, 41, -1)
    filled = torch.empty(*lab.shape[2:], 3, dtype=torch.uint8)
    picture = Srgb8Writer(filled)
    picture.write(slice(0, 41), lab[0, 0], shifts(lab[:, 1:])[0])
    picture.finish()
    levels = filled.movedim(2, 0)[None]
    assert float((levels - (lab_to_rgb(lab) * 255).round()).abs().max()) <= 1
    assert float((rgb_to_lab(levels / 255)[:, 0] - lab[:, 0]).abs().max()) < 0.6


@pytest.mark.parametrize("size", [(150, 201), (31, 32), (97, 64)])
@pytest.mark.parametrize("kind", ["array", "picture", "colour"])
def test_pictures_are_coloured_as_tensors_are(kind, size):
    model = colorzoo.create("fusion_cnn").eval()
    levels = noise(size)
    grey = torch.from_numpy(levels / 255).float()[None, None]
    expected = (model.colorize(grey) * 255).round()[0].movedim(0, 2).numpy()
    given = {"array": levels, "picture": PIL.Image.fromarray(levels), "colour": np.dstack([levels] * 3)}[kind]
    assert np.abs(np.asarray(model.colorize(given)) - expected).max() <= 1


def test_threads_change_no_byte():
    levels, ab = noise((300, 200)), torch.randn(1, 2, 9, 7) * 60
    before = torch.get_num_threads()
    answers = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            picture = IntegerImage(levels)
            answers.append((picture.lightness_at(31, 21), picture.merge_ab(ab)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    (small, coloured), (small_too, coloured_too) = answers
    assert torch.equal(small, small_too)
    assert np.array_equal(coloured, coloured_too)


def test_no_float_copy_is_made_of_a_large_picture(monkeypatch):
    monkeypatch.setattr(integer_image, "_PIXELS", 1 << 15)
    largest = []
    empty = torch.empty

    def watched(*size, **kwargs):
        made = empty(*size, **kwargs)
        largest.append(made.numel() if made.is_floating_point() else 0)
        return made

    monkeypatch.setattr("colorzoo.color.srgb8.torch.empty", watched)
    model = colorzoo.create("fusion_cnn").eval()
    levels = noise((1000, 2000))
    tracemalloc.start()
    assert model.colorize(levels).shape == (1000, 2000, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # NumPy reports what it allocates; torch's own largest floats are those that were asked for.
    assert peak < levels.size
    assert 0 < max(largest) < levels.size


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match="weights may be damaged"):
        IntegerImage(noise((4, 4))).merge_ab(torch.full((1, 2, 2, 2), float("nan")))


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_an_array_may_be_transposed_or_in_another_order_of_bytes(shape):
    model, levels = colorzoo.load("mlp"), noise(shape, np.uint16)
    for given in (levels, (levels >> 8).astype(np.uint8)):
        expected = model.colorize(given)
        for same in (np.asfortranarray(given), given.astype(given.dtype.newbyteorder(">"))):
            np.testing.assert_array_equal(model.colorize(same), expected)
