"""Profiles are converted as LittleCMS does at 8 bits, and as exactly at 16."""

import io

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from colorzoo.io import icc

GAMMA = 2.2


def curve(gamma):
    return b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big")


def grey_of_gamma(gamma=GAMMA):
    return icc._grey_profile(curve(gamma))


def rgb_of_gamma(gamma=GAMMA):
    """sRGB's primaries with another curve: the tags of its curves point to bytes at the end."""
    profile = bytearray(icc.srgb_profile())
    count = int.from_bytes(profile[128:132], "big")
    for start in range(132, 132 + 12 * count, 12):
        if profile[start : start + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            profile[start + 4 : start + 12] = len(profile).to_bytes(4, "big") + (14).to_bytes(4, "big")
    profile += curve(gamma) + bytes(2)
    profile[:4] = len(profile).to_bytes(4, "big")
    return bytes(profile)


def expected(encoded, gamma=GAMMA):
    linear = encoded**gamma
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def test_sixteen_bits_of_grey_are_converted_exactly():
    converted = icc.levels_to_srgb(RAMP, grey_of_gamma())
    assert converted.dtype == np.uint16
    assert np.abs(converted / 65535 - expected(RAMP / 65535, round(GAMMA * 256) / 256)).max() < 3e-5


def test_eight_bits_and_floats_of_grey_follow_the_same_curve():
    shallow = np.arange(256, dtype=np.uint8)[None]
    assert np.abs(icc.levels_to_srgb(shallow, grey_of_gamma()) - 255 * expected(shallow / 255)).max() < 0.6
    floats = np.linspace(0, 1, 100, dtype=np.float32)[None]
    converted = icc.levels_to_srgb(floats, grey_of_gamma())
    assert converted.dtype == np.float32
    assert np.abs(converted - expected(floats)).max() < 1e-3


def test_sixteen_bits_of_rgb_agree_with_littlecms_at_eight():
    shallow = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    profile = rgb_of_gamma(1.8)
    deep = icc.levels_to_srgb(shallow.astype(np.uint16) * 257, profile)
    reference = ImageCms.profileToProfile(
        PIL.Image.fromarray(shallow), ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - np.asarray(reference)).max() < 1.5
    assert np.abs(icc.levels_to_srgb(shallow, profile).astype(int) - np.asarray(reference)).max() <= 1


def test_floats_of_rgb_are_converted_as_sixteen_bits_are():
    levels = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)
    floats = icc.levels_to_srgb((levels / 65535).astype(np.float32), rgb_of_gamma())
    assert floats.dtype == np.float32
    assert np.abs(floats * 65535 - icc.levels_to_srgb(levels, rgb_of_gamma())).max() < 0.01


def test_sixteen_bits_of_rgb_are_finer_than_eight():
    deep = np.repeat(RAMP[..., None], 3, axis=2)
    converted = icc.levels_to_srgb(deep, rgb_of_gamma())
    assert np.abs(converted / 65535 - expected(deep / 65535, round(GAMMA * 256) / 256)).max() < 2e-4
    assert len(np.unique(converted[..., 0])) > 40000


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_srgb_stays_exactly_as_it_is(dtype):
    levels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 9, 3)).astype(dtype)
    assert icc.levels_to_srgb(levels, icc.srgb_profile()) is levels
    grey = levels[..., 0]
    assert icc.levels_to_srgb(grey, icc._srgb_grey_profile()) is grey


def test_a_grey_picture_may_have_the_profile_of_an_rgb_one():
    assert icc.levels_to_srgb(RAMP, icc.srgb_profile()) is RAMP
    assert np.array_equal(icc.levels_to_srgb(RAMP, rgb_of_gamma()), icc.levels_to_srgb(RAMP, grey_of_gamma()))


@pytest.mark.parametrize(
    ("levels", "profile", "message"),
    [
        (RAMP, b"junk", "it is for"),
        (RAMP, grey_of_gamma()[:150], "."),
        (RAMP[..., None].repeat(3, 2), grey_of_gamma(), "for GRAY, the image RGB"),
        (RAMP, icc.srgb_profile()[:200], "."),
        (RAMP, b"\0" * 16 + b"RGB " + b"\0" * 200, "."),
    ],
)
def test_damaged_profiles_and_those_of_other_pictures_are_refused(levels, profile, message):
    with pytest.raises(icc.ProfileError, match=message):
        icc.levels_to_srgb(levels, profile)


def test_tables_in_place_of_curves_are_refused_at_sixteen_bits_alone():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(icc.ProfileError):
        icc.levels_to_srgb(RAMP, lab)


def test_lab_is_converted_without_a_profile():
    grey = PIL.Image.merge("LAB", [PIL.Image.new("L", (1, 1), level) for level in (136, 128, 128)])
    red, green, blue = icc.image_to_srgb(grey, b"").getpixel((0, 0))
    assert max(red, green, blue) - min(red, green, blue) <= 2
    with pytest.raises(icc.ProfileError, match="for RGB, the image CMYK"):
        icc.image_to_srgb(PIL.Image.new("CMYK", (1, 1)), icc.srgb_profile())


def test_the_profile_is_always_the_same_and_opens():
    assert icc.srgb_profile() == icc.srgb_profile.__wrapped__()
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc.srgb_profile())))
    assert icc.fits(icc.srgb_profile(), "RGBA")
    assert not icc.fits(icc.srgb_profile(), "L")
    assert not icc.fits(b"", "RGB")
