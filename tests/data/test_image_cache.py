"""Decoded images in one file: what is read again, what is left out, and what makes another cache."""

import numpy as np
import PIL.Image
import pytest

from colorzoo.data.image_cache import ImageCache, decode_images
from colorzoo.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for name, shape in (("a.png", (20, 30, 3)), ("b.png", (40, 24, 3))):
        PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / name)
    return tmp_path


def decode(folder, *names, size=20):
    return decode_images(folder, names, size, folder / "cache")


def test_small_images_stay_as_they_are_and_larger_ones_are_reduced(folder):
    cache = decode(folder, "a.png", "b.png")
    assert cache.names == ["a.png", "b.png"]
    assert cache.shapes == [(20, 30), (33, 20)]
    assert np.array_equal(cache.image(0), PIL.Image.open(folder / "a.png"))
    assert cache.image(1).size == (20, 33)


def test_nothing_is_decoded_twice_but_what_has_changed(folder):
    first = decode(folder, "a.png")
    assert decode(folder, "a.png").folder == first.folder
    assert decode(folder, "a.png", size=16).folder != first.folder
    PIL.Image.new("RGB", (8, 8), (200, 0, 0)).save(folder / "a.png")
    changed = decode(folder, "a.png")
    assert changed.shapes == [(8, 8)]
    assert changed.chroma[0] > 50


def test_grey_images_have_no_chroma(folder):
    PIL.Image.new("L", (8, 8), 90).save(folder / "grey.png")
    assert decode(folder, "grey.png").chroma == pytest.approx([0], abs=0.1)


def test_damaged_files_are_left_out_by_name_and_missing_ones_refused(folder):
    (folder / "c.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"c\.png"):
        assert decode(folder, "a.png", "c.png").names == ["a.png"]
    with pytest.warns(UserWarning, match="skipped"), pytest.raises(DataError, match="none of the 1 images"):
        decode(folder, "c.png")
    with pytest.raises(DataError, match=r"d\.png is missing"):
        decode(folder, "d.png")


def test_a_truncated_cache_is_refused(folder):
    cache = decode(folder, "a.png")
    pixels = cache.folder / "pixels.u8"
    pixels.write_bytes(pixels.read_bytes()[:-1])
    with pytest.raises(DataError, match="delete this folder"):
        ImageCache(cache.folder)
