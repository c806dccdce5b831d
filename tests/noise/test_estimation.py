"""The estimate finds the noise that was put in, and none in what is clean."""

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
import torch

import colorzoo
from colorzoo.io.convert import to_batch
from colorzoo.noise.estimation import NoiseLevel, noise_levels
from colorzoo.noise.synthesis import Noise, add_noise

PHOTO = Path(__file__).parents[2] / "examples" / "cameraman.png"


@pytest.fixture(scope="module")
def photo():
    return to_batch(PHOTO)[..., 100:260, 150:310]


def stored(noisy):
    return (255 * noisy).round() / 255


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15, 0.4, 0.7])
def test_share_of_impulses_is_found(photo, share):
    level = colorzoo.estimate_noise(add_noise(photo, Noise(impulse=share), seeds=[0]))
    assert level.impulse == pytest.approx(share, rel=0.05, abs=0.003)
    assert level.strength(["impulse"]) == 1


@pytest.mark.parametrize("sigma", [10, 15, 25])
def test_deviation_is_found(photo, sigma):
    level = colorzoo.estimate_noise(stored(add_noise(photo, Noise(sigma=sigma), seeds=[0])))
    assert level.sigma == pytest.approx(sigma, rel=0.12)
    assert level.impulse < 0.002


def test_both_are_found_side_by_side(photo):
    level = colorzoo.estimate_noise(stored(add_noise(photo, Noise(impulse=0.15, sigma=25), seeds=[0])))
    assert level.impulse == pytest.approx(0.15, abs=0.01)
    assert level.sigma == pytest.approx(25, rel=0.12)


def test_salt_without_pepper_is_found(photo):
    salted = torch.where(torch.rand_like(photo) < 0.1, 1.0, photo.clamp(0.01, 0.99))
    assert colorzoo.estimate_noise(salted).impulse == pytest.approx(0.1, rel=0.1)


def drawn(draw):
    image = PIL.Image.new("L", (96, 96))
    draw(PIL.ImageDraw.Draw(image))
    return image


def margin(photo):
    framed = torch.zeros(1, 1, 200, 200)
    framed[..., 20:180, 20:180] = photo
    return framed


@pytest.mark.parametrize(
    "clean",
    [
        lambda photo: photo,
        lambda photo: (photo * 1.6).clamp(max=1),
        lambda photo: (photo * 1.4 - 0.4).clamp(min=0),
        margin,
        lambda photo: drawn(lambda on: on.ellipse((10, 10, 80, 80), outline=255, width=4)),
        lambda photo: drawn(lambda on: on.text((10, 10), "no noise\nin here", fill=255)),
        lambda photo: drawn(lambda on: on.rectangle((0, 0, 47, 95), fill=255)),
    ],
    ids=["photo", "burnt sky", "black shadows", "margin", "ring", "text", "edge"],
)
def test_what_is_clean_counts_as_clean(photo, clean):
    assert colorzoo.estimate_noise(clean(photo)).strength() == 0


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (7, 7), (40, 30)])
def test_constant_pictures_of_any_size_have_no_noise(value, size):
    assert colorzoo.estimate_noise(torch.full((1, 3, *size), value)) == NoiseLevel(0, 0)


def test_pictures_of_a_few_pixels_are_not_judged():
    few = torch.tensor([[0.0, 0.5, 1.0], [0.5, 0.5, 0.5]])[None, None]
    assert colorzoo.estimate_noise(few) == NoiseLevel(0, 0)


def test_nothing_but_impulses_is_noise():
    assert colorzoo.estimate_noise(torch.rand(1, 1, 64, 64).round()).impulse > 0.8


def test_each_picture_of_a_batch_is_judged_by_itself(photo):
    noisy = add_noise(photo, Noise(impulse=0.15), seeds=[0])
    together = noise_levels(torch.cat([photo, noisy]))
    assert together == [colorzoo.estimate_noise(photo), colorzoo.estimate_noise(noisy)]


def test_channels_are_judged_together(photo):
    noisy = stored(add_noise(photo.expand(-1, 3, -1, -1), Noise(impulse=0.2, sigma=15), seeds=[0]))
    level = colorzoo.estimate_noise(noisy)
    assert level.impulse == pytest.approx(0.2, abs=0.01)
    assert level.sigma == pytest.approx(15, rel=0.1)


def test_squares_speak_for_a_large_picture(photo, monkeypatch):
    noisy = stored(add_noise(to_batch(PHOTO), Noise(impulse=0.1, sigma=12), seeds=[0]))
    whole = colorzoo.estimate_noise(noisy)
    monkeypatch.setattr("colorzoo.noise.estimation._ENOUGH", 1000)
    monkeypatch.setattr("colorzoo.noise.estimation._SQUARE", 40)
    squares = colorzoo.estimate_noise(noisy)
    assert squares != whole
    assert squares.impulse == pytest.approx(whole.impulse, abs=0.01)
    assert squares.sigma == pytest.approx(whole.sigma, rel=0.1)
    assert colorzoo.estimate_noise(torch.full((1, 1, 3, 5000), 0.5)) == NoiseLevel(0, 0)


def test_every_kind_of_picture_is_judged_alike(photo):
    array = np.rint(255 * add_noise(photo, Noise(impulse=0.1), seeds=[0])[0, 0].numpy()).astype(np.uint8)
    level = colorzoo.estimate_noise(array)
    assert level == colorzoo.estimate_noise(PIL.Image.fromarray(array))
    assert level == colorzoo.estimate_noise(torch.from_numpy(array)[None, None] / 255)
    assert level == colorzoo.estimate_noise(array.astype(np.uint16) * 257)


def test_ramps_lead_from_clean_to_noisy():
    assert NoiseLevel(0.002, 4).strength() == 0
    assert NoiseLevel(0.006, 0).strength() == pytest.approx(0.5)
    assert NoiseLevel(0, 5).strength() == pytest.approx(0.25)
    assert NoiseLevel(0.006, 7).strength() == pytest.approx(0.75)
    assert NoiseLevel(0.5, 0).strength(["gaussian"]) == NoiseLevel(0, 50).strength(["impulse"]) == 0
    assert NoiseLevel(0.5, 50).strength([]) == 0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: colorzoo.estimate_noise(torch.rand(2, 1, 8, 8)), "2 images; noise_levels"),
        (lambda: colorzoo.estimate_noise(torch.full((1, 1, 8, 8), torch.nan)), "NaN"),
        (lambda: noise_levels(torch.rand(8, 8)), r"give \(B, C, H, W\)"),
    ],
)
def test_bad_input_is_named(bad, message):
    with pytest.raises(ValueError, match=message):
        bad()
