"""What photographs go through: each step does what its name says, as strongly as was asked for."""

import pytest
import torch

from colorzoo.noise.degradations import Degradations, degrade
from colorzoo.noise.photographic import (
    CameraNoise,
    Fading,
    Grain,
    Grey,
    Jpeg,
    Resample,
    SaltAndPepper,
    UnevenExposure,
)

MIDDLE = torch.full((1, 3, 96, 96), 0.5)


def noise_of(step, image=MIDDLE, seed=1):
    noisy, clean, _ = degrade(image, Degradations([step]), seeds=[seed])
    return (noisy - clean)[0]


def correlation(noise, shift):
    """Of values so many columns apart."""
    left, right = noise[..., :-shift].flatten(), noise[..., shift:].flatten()
    return float(torch.corrcoef(torch.stack([left, right]))[0, 1])


@pytest.mark.parametrize("size", [0.0, 0.6, 1.5])
def test_grain_has_its_strength_whatever_its_size(size):
    assert float(noise_of(Grain(strength=0.05, size=size)).std()) == pytest.approx(0.05, rel=0.15)


def test_grain_is_as_large_as_asked_for():
    white, fine, coarse = (noise_of(Grain(strength=0.05, size=size)) for size in (0.0, 0.6, 1.5))
    assert abs(correlation(white, 1)) < 0.05 < 0.3 < correlation(fine, 1) < 0.7 < correlation(coarse, 1)
    assert correlation(fine, 3) < 0.1 < 0.3 < correlation(coarse, 3)


def test_grain_depends_on_the_tone():
    step = Grain(strength=0.05, dependence=1.0)
    deviations = [float(noise_of(step, torch.full_like(MIDDLE, tone)).std()) for tone in (0.0, 0.05, 0.5, 0.95, 1.0)]
    assert deviations[0] == deviations[-1] == 0
    assert deviations[2] > 2 * max(deviations[1], deviations[3])


def test_grain_of_black_and_white_film_is_the_same_in_all_channels():
    grey, colored = noise_of(Grain(color=0.0)), noise_of(Grain(color=1.0))
    assert float((grey[0] - grey[1]).abs().max()) < 1e-6
    assert abs(float(torch.corrcoef(colored.flatten(1))[0, 1])) < 0.1


def test_shot_noise_grows_with_the_light_and_read_noise_is_seen_in_shadows():
    dark, bright = torch.full_like(MIDDLE, 0.2), torch.full_like(MIDDLE, 0.8)
    shot, read = CameraNoise(shot=0.03, read=0.0), CameraNoise(shot=0.0, read=0.005)
    # In encoded values, whose curve is steep in shadows, shot noise is nearly even.
    assert 0.7 < float(noise_of(shot, dark).std() / noise_of(shot, bright).std()) < 2
    assert float(noise_of(read, dark).std()) > 3 * float(noise_of(read, bright).std())


def test_noise_of_a_mosaic_is_correlated():
    assert abs(correlation(noise_of(CameraNoise(mosaic_share=0.0)), 1)) < 0.05
    assert correlation(noise_of(CameraNoise(mosaic_share=1.0)), 1) > 0.2


def test_jpeg_is_what_an_encoder_makes_and_worse_at_lower_quality():
    image = torch.rand(1, 3, 40, 50)
    fine, coarse = (float(noise_of(Jpeg(quality=quality), image).std()) for quality in (95, 30))
    assert 0 < fine < coarse
    values = 255 * degrade(image, Degradations([Jpeg()]), seeds=[2]).noisy
    torch.testing.assert_close(values, values.round(), atol=1e-4, rtol=0)


def test_jpeg_blocks_begin_in_the_corner_or_anywhere():
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 1, 64, 64)
    aligned = noise_of(Jpeg(quality=30, aligned_share=1.0), ramp)
    assert all(torch.equal(noise_of(Jpeg(quality=30, aligned_share=1.0), ramp, seed), aligned) for seed in range(4))
    assert any(not torch.equal(noise_of(Jpeg(quality=30, aligned_share=0.0), ramp, seed), aligned) for seed in range(4))


def test_resampling_lets_other_steps_happen_at_another_size():
    noise = noise_of(Resample(scale=0.5, steps=[Grain(strength=0.05, size=0.0)]))
    assert correlation(noise, 1) > 0.5
    image = torch.rand(1, 3, 32, 32)
    untouched = degrade(image, Degradations([Resample(scale=0.5, target=False)]), seeds=[1])
    assert torch.equal(untouched.clean, image)


def test_fading_raises_blacks_and_lowers_whites():
    ramp = torch.linspace(0, 1, 100).reshape(1, 1, 10, 10)
    faded = degrade(ramp, Degradations([Fading(black=0.1, white=0.2, gamma=1.0, cast=0.0)]), seeds=[0]).noisy
    assert (float(faded.min()), float(faded.max())) == (pytest.approx(0.1), pytest.approx(0.8))
    cast = degrade(MIDDLE, Degradations([Fading(cast=0.3)]), seeds=[0]).noisy.mean(dim=(2, 3))
    assert float(cast.max() - cast.min()) > 0.02


def test_uneven_exposure_is_smooth():
    light = degrade(MIDDLE, Degradations([UnevenExposure(strength=0.3)]), seeds=[0]).noisy
    assert float(light.max() - light.min()) > 0.05
    assert float(light.diff(dim=3).abs().max()) < 0.02


def test_grey_images_stay_in_as_many_channels():
    noisy, clean, _ = degrade(torch.rand(1, 3, 8, 8), Degradations([Grey()]), seeds=[0])
    assert torch.equal(noisy, clean)
    assert torch.equal(noisy[:, 0], noisy[:, 2])


def test_salt_and_pepper_hits_its_share():
    noise = noise_of(SaltAndPepper(share=0.1))
    assert float((noise != 0).float().mean()) == pytest.approx(0.1, abs=0.01)
