"""JPEG 2000 of all depths, as another encoder writes them: read as they are, or refused by name."""

import struct
import sys

import numpy as np
import pytest

from colorzoo.errors import UnreadableImageError
from colorzoo.io.icc import srgb_profile
from colorzoo.io.pil_file import read_image
from colorzoo.io.raster_file import read_raster

imagecodecs = pytest.importorskip("imagecodecs")


def write(path, *shape, bits, signed=False):
    """Write levels of so many bits, the lowest and the highest among them, and return them from 0 up."""
    levels = np.random.default_rng(0).integers(0, 1 << bits, shape, np.uint16)
    levels[0, 0], levels[1, 1] = 0, (1 << bits) - 1
    stored = levels.astype(np.uint8 if bits <= 8 else np.uint16)
    if signed:
        stored = (levels.astype(np.int32) - (1 << bits - 1)).astype(np.int8 if bits <= 8 else np.int16)
    path.write_bytes(imagecodecs.jpeg2k_encode(stored, level=0, bitspersample=bits, reversible=True))
    return levels


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", [9, 10, 12, 16])
@pytest.mark.parametrize("planes", [3, 4])
@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
def test_colours_of_more_than_8_bits_are_read_at_their_depth_white_included(tmp_path, suffix, planes, bits, signed):
    path = tmp_path / f"a{suffix}"
    levels = write(path, 19, 17, planes, bits=bits, signed=signed)
    scan = read_raster(path)
    expected = np.rint(levels * (65535 / ((1 << bits) - 1))).astype(np.uint16)
    assert np.array_equal(scan.levels, expected[..., :3])
    assert planes == 3 or np.array_equal(scan.alpha, expected[..., 3])
    assert not scan.remarks
    assert np.abs(np.asarray(read_image(path)).astype(int) - expected / 257).max() <= 0.5


@pytest.mark.parametrize("bits", [1, 2, 4, 5, 7])
def test_alpha_of_few_bits_is_opaque_where_it_is_highest(tmp_path, bits):
    levels = write(tmp_path / "a.jp2", 19, 17, 4, bits=bits)
    scan = read_raster(tmp_path / "a.jp2")
    expected = np.rint(levels * (255 / ((1 << bits) - 1)))
    assert np.array_equal(scan.levels, expected[..., :3])
    assert np.array_equal(scan.alpha, expected[..., 3])


@pytest.mark.parametrize("planes", [(), (3,)], ids=["grey", "colours"])
def test_planes_that_do_not_fill_the_image_evenly_are_refused(tmp_path, planes):
    write(tmp_path / "a.j2k", 19, 17, *planes, bits=8)
    data = bytearray((tmp_path / "a.j2k").read_bytes())
    start = data.index(b"\xff\x4f\xff\x51")
    for plane in range(*planes or (1,)):
        data[start + 43 + 3 * plane : start + 45 + 3 * plane] = 2, 2
    (tmp_path / "a.j2k").write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"a\.j2k is not read: its planes have other sizes than the image"):
        read_raster(tmp_path / "a.j2k")


def test_planes_of_different_depths_are_refused(tmp_path):
    write(tmp_path / "a.j2k", 19, 17, 4, bits=8)
    data = bytearray((tmp_path / "a.j2k").read_bytes())
    data[data.index(b"\xff\x4f\xff\x51") + 42 + 3 * 3] = 0  # the fourth has one bit
    (tmp_path / "a.j2k").write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"a\.j2k is not read: its planes have different depths"):
        read_raster(tmp_path / "a.j2k")


def test_without_imagecodecs_colours_of_more_than_8_bits_are_refused(tmp_path, monkeypatch):
    write(tmp_path / "a.jp2", 19, 17, 3, bits=12)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(UnreadableImageError, match=r"its 12 bits takes imagecodecs: pip install 'colorzoo\[formats\]'"):
        read_raster(tmp_path / "a.jp2")


def test_grey_of_9_bits_is_read_at_its_depth(tmp_path):
    levels = write(tmp_path / "a.jp2", 19, 17, bits=9)
    assert np.array_equal(read_raster(tmp_path / "a.jp2").levels, np.rint(levels * (65535 / 511)))


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_grey_of_more_bits_needs_no_other_decoder(tmp_path, monkeypatch, bits):
    levels = write(tmp_path / "a.jp2", 19, 17, bits=bits)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert np.array_equal(read_raster(tmp_path / "a.jp2").levels, np.rint(levels * (65535 / ((1 << bits) - 1))))
    assert read_raster(tmp_path / "a.jp2").alpha is None


def add_profile(path):
    """Let a file say by a profile, in place of a name, what its colours are, and return the profile."""
    profile, data = srgb_profile(), path.read_bytes()
    header, start = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    box = struct.pack(">I4s3B", 11 + len(profile), b"colr", 2, 0, 1) + profile
    (size,) = struct.unpack_from(">I", data, header)
    size = struct.pack(">I", size + len(box) - 15)
    path.write_bytes(data[:header] + size + data[header + 4 : start] + box + data[start + 15 :])
    return profile


@pytest.mark.parametrize("bits", [8, 12])
def test_a_profile_is_carried_and_the_levels_are_as_they_are_stored(tmp_path, bits):
    levels = write(tmp_path / "a.jp2", 19, 17, 3, bits=bits)
    profile = add_profile(tmp_path / "a.jp2")
    scan = read_raster(tmp_path / "a.jp2")
    assert scan.metadata.profile == profile
    assert np.array_equal(scan.levels, np.rint(levels * (np.iinfo(scan.levels.dtype).max / ((1 << bits) - 1))))
