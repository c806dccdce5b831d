"""Grey, toned and coloured images are told apart, and toned ones become grey."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import torch

from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb, rgb_to_lab
from colorzoo.inference.toning import ToneInfo, classify_tone, neutralize
from colorzoo.io.convert import to_batch

PHOTO = Path(__file__).parents[2] / "examples" / "cameraman.png"
SEPIA_MATRIX = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


@pytest.fixture(scope="module")
def grey():
    return PIL.Image.open(PHOTO).convert("L")


def sepia_by_matrix(grey):
    rgb = np.asarray(grey.convert("RGB")) @ SEPIA_MATRIX.T
    return PIL.Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def toned_in_lab(grey, hue, chroma):
    """Chroma that rises from black to the middle and falls to white, all of one hue."""
    lightness = grey_to_lightness(to_batch(grey))
    strength = chroma * 4 * lightness * (100 - lightness) / 1e4
    ab = [strength * np.cos(np.deg2rad(hue)), strength * np.sin(np.deg2rad(hue))]
    return lab_to_rgb(torch.cat([lightness, *ab], dim=1))


def jpeg(image, quality=75):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return PIL.Image.open(stream)


def grainy(image, sigma=4):
    grain = np.random.default_rng(0).normal(0, sigma, (*image.size[::-1], 3))
    return PIL.Image.fromarray(np.clip(np.asarray(image.convert("RGB")) + grain, 0, 255).astype(np.uint8))


def coloured_blocks(size=240):
    return PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize(
        (size, size)
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "RGB", "RGBA"])
def test_grey_pictures_are_grey_however_they_are_stored(grey, mode):
    assert classify_tone(grey.convert(mode)) == ToneInfo("grey", pytest.approx(0, abs=0.05))


def test_noise_and_compression_make_no_colour(grey):
    assert classify_tone(jpeg(grainy(grey), 60)).kind == "grey"


TONINGS = {
    "sepia by matrix": sepia_by_matrix,
    "duotone": lambda grey: PIL.ImageOps.colorize(grey, "#1c0f05", "#fff2dc", mid="#9a7448"),
    "yellowed paper": lambda grey: PIL.ImageOps.colorize(grey, "#000000", "#fff0c0"),
    "split tones": lambda grey: PIL.ImageOps.colorize(grey, "#10131f", "#fff6e8", mid="#7f7c80"),
    "cyanotype on yellowed paper": lambda grey: PIL.ImageOps.colorize(grey, "#0b2a4a", "#f4f1e6"),
}


@pytest.mark.parametrize("name", TONINGS)
@pytest.mark.parametrize("spoil", [lambda image: image, jpeg, lambda image: jpeg(grainy(image))])
def test_toned_prints_are_toned(grey, name, spoil):
    found = classify_tone(spoil(TONINGS[name](grey)))
    assert found.kind == "toned"
    assert "split" in name or (180 < found.hue < 300 if "cyan" in name else 30 < found.hue < 110)


@pytest.mark.parametrize("hue", [75, 250, 335])
def test_hue_and_strength_of_a_tone_are_found(grey, hue):
    found = classify_tone(toned_in_lab(grey, hue, chroma=20))
    assert found.kind == "toned"
    assert found.hue == pytest.approx(hue, abs=3)
    assert found.chroma == pytest.approx(20, abs=2)
    assert found.describe() == f"toned (hue {found.hue:.0f} degrees, chroma {found.chroma:.0f})"


def test_what_has_colours_is_in_colour(grey):
    assert classify_tone(coloured_blocks()).kind == "color"
    hand_coloured = grey.convert("RGB")
    hand_coloured.paste((180, 60, 70), (100, 100, 140, 150))
    assert classify_tone(hand_coloured).kind == "color"
    assert classify_tone(hand_coloured).describe() == "in colour"


def test_few_colours_are_colours_even_if_each_has_its_lightness():
    flag = np.repeat(np.array([[[30, 40, 140], [255, 255, 255], [220, 40, 50]]], np.uint8), 30, axis=1)
    assert classify_tone(np.repeat(flag, 60, axis=0)).kind == "color"
    patches = np.random.default_rng(0).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    assert classify_tone(PIL.Image.fromarray(patches).resize((40, 40), PIL.Image.Resampling.NEAREST)).kind == "color"


def test_a_blue_sky_is_no_cyanotype():
    sky = PIL.ImageOps.colorize(PIL.Image.linear_gradient("L"), "#5c9fe0", "#86b8ea")
    assert classify_tone(sky).kind == "color"


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 3), (2000, 1)])
def test_pictures_of_any_size_are_judged(size):
    assert classify_tone(PIL.Image.new("RGB", size, "red")).kind == "color"
    assert classify_tone(PIL.Image.new("RGB", size, "silver")).kind == "grey"


def test_every_kind_of_picture_is_judged_alike(grey, tmp_path):
    sepia = sepia_by_matrix(grey)
    sepia.save(tmp_path / "sepia.png")
    found = classify_tone(sepia)
    assert classify_tone(tmp_path / "sepia.png") == found
    array = np.asarray(sepia)
    for other in (array, array.astype(np.float32) / 255, to_batch(sepia), sepia.convert("RGBA")):
        assert (classify_tone(other).kind, classify_tone(other).hue) == ("toned", pytest.approx(found.hue, abs=1))
    assert classify_tone(grey.convert("F").point(lambda value: value / 255)).kind == "grey"
    assert classify_tone(coloured_blocks().convert("P")).kind == "color"


def test_several_pictures_are_refused():
    with pytest.raises(ValueError, match="2 images"):
        classify_tone(torch.rand(2, 3, 8, 8))
    with pytest.raises(TypeError, match="cannot read an image"):
        classify_tone(7)


def test_neutralising_keeps_the_lightness(grey):
    sepia = sepia_by_matrix(grey)
    neutral = neutralize(sepia)
    assert neutral.mode == "L"
    before, after = rgb_to_lab(to_batch(sepia)), rgb_to_lab(to_batch(neutral).expand(-1, 3, -1, -1))
    assert (before[:, 0] - after[:, 0]).abs().max() < 0.5, "half an 8-bit level near black"
    assert after[:, 1:].abs().max() < 0.01


def test_neutralising_keeps_kind_shape_and_alpha(grey, tmp_path):
    sepia = sepia_by_matrix(grey)
    sepia.save(tmp_path / "sepia.png")
    assert neutralize(tmp_path / "sepia.png").tobytes() == neutralize(sepia).tobytes()
    sheer = sepia.copy()
    sheer.putalpha(grey)
    assert neutralize(sheer).mode == "LA"
    assert neutralize(sheer).getchannel("A").tobytes() == grey.tobytes()
    array = neutralize(np.asarray(sepia))
    assert array.shape == (*grey.size[::-1], 3)
    assert np.array_equal(array[..., 0], np.asarray(neutralize(sepia)))
    tensor = neutralize(torch.rand(2, 3, 5, 4))
    assert tensor.shape == (2, 3, 5, 4)
    assert torch.equal(tensor[:, 0], tensor[:, 2])


def test_what_is_grey_stays_as_it_is(grey):
    assert neutralize(grey).tobytes() == grey.tobytes()
    deep = PIL.Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert neutralize(deep).mode == deep.mode
    assert neutralize(deep).tobytes() == deep.tobytes()
