"""Filters that learn nothing do what their names say, at any size."""

import math
from pathlib import Path
from runpy import run_path

import pytest
import torch

from colorzoo.metrics import psnr
from colorzoo.noise.filters import adaptive_median, median, switching_mean
from colorzoo.noise.synthesis import Noise, add_noise

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
nonlocal_adaptive_mean = run_path(str(BENCHMARKS / "nonlocal_mean.py"))["nonlocal_adaptive_mean"]
FILTERS = (median, adaptive_median, switching_mean, nonlocal_adaptive_mean)
IMPULSE_FILTERS = FILTERS[1:]


def smooth(size=48):
    """An image of waves, one of them slanted."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (0.5 + 0.2 * torch.sin(x / 5) + 0.2 * torch.cos((x + 2 * y) / 7))[None, None]


@pytest.mark.parametrize("restore", FILTERS)
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_constant_pictures_come_back(restore, level):
    flat = torch.full((2, 3, 12, 15), level)
    torch.testing.assert_close(restore(flat), flat, atol=1e-5, rtol=0)


@pytest.mark.parametrize("restore", FILTERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2), (13, 40)])
def test_any_size_is_restored_even_if_the_window_is_larger(restore, size):
    noisy = add_noise(torch.rand(2, 3, *size), Noise(impulse=0.5), seeds=[0, 1])
    restored = restore(noisy)
    assert restored.shape == noisy.shape
    assert float(restored.min()) >= 0
    assert float(restored.max()) <= 1


@pytest.mark.parametrize("restore", FILTERS)
def test_pictures_of_noise_alone_are_survived(restore):
    noisy = add_noise(torch.full((1, 1, 30, 30), 0.5), Noise(impulse=1.0), seeds=[0])
    restored = restore(noisy)
    assert bool(restored.isfinite().all())
    assert float(restored.min()) >= 0
    assert float(restored.max()) <= 1


@pytest.mark.parametrize("restore", FILTERS)
def test_pictures_and_channels_are_restored_by_themselves(restore):
    noisy = add_noise(smooth(20).expand(2, 3, -1, -1), Noise(impulse=0.4), seeds=[0, 1])
    torch.testing.assert_close(restore(noisy)[1:, 2:], restore(noisy[1:, 2:]))


@pytest.mark.parametrize("restore", IMPULSE_FILTERS)
def test_lone_impulses_vanish_and_a_picture_without_them_stays(restore):
    clean = smooth()
    noisy = clean.clone()
    noisy[..., 10, 20], noisy[..., 0, 0], noisy[..., 30, 47] = 1.0, 0.0, 1.0
    restored = restore(noisy)
    assert float((restored - clean).abs().max()) < 0.1


@pytest.mark.parametrize("restore", [switching_mean, nonlocal_adaptive_mean])
def test_valid_values_are_never_changed(restore):
    noisy = add_noise(torch.rand(1, 1, 32, 32), Noise(impulse=0.5), seeds=[3])
    valid = (noisy > 0) & (noisy < 1)
    assert torch.equal(restore(noisy)[valid], noisy[valid])


def test_the_adaptive_median_grows_until_the_median_is_no_impulse():
    noisy = torch.full((1, 1, 11, 11), 0.4)
    noisy[..., 4:7, 4:7] = 1.0
    assert float(median(noisy)[0, 0, 5, 5]) == 1.0
    assert torch.equal(adaptive_median(noisy), torch.full_like(noisy, 0.4))


@pytest.mark.parametrize("share", [0.15, 0.5, 0.7])
def test_similar_patches_restore_better_than_neighbours(share):
    clean = smooth()
    noisy = add_noise(clean, Noise(impulse=share), seeds=[0])
    trivial, better = (float(psnr(restore(noisy), clean)) for restore in (switching_mean, nonlocal_adaptive_mean))
    assert better > trivial + 3


def test_white_areas_stay_white_under_noise():
    clean = smooth(60)
    clean[..., :30, :] = 1.0
    noisy = add_noise(clean, Noise(impulse=0.5), seeds=[0])
    assert float((noisy[..., :20, :] == 0).float().mean()) > 0.2
    torch.testing.assert_close(nonlocal_adaptive_mean(noisy)[..., :20, :], torch.ones(1, 1, 20, 60), atol=1e-4, rtol=0)


def test_the_filter_follows_a_slope_where_the_mean_of_neighbours_flattens_it():
    slope = torch.linspace(0.1, 0.9, 30).expand(1, 1, 30, 30).clone()
    noisy = slope.clone()
    noisy[..., :, 0] = 1.0
    inner = nonlocal_adaptive_mean(noisy)[0, 0, 15, 0]
    trivial = switching_mean(noisy)[0, 0, 15, 0]
    assert math.isclose(trivial, slope[0, 0, 0, 1], abs_tol=1e-4)
    assert abs(inner - slope[0, 0, 0, 0]) < abs(trivial - slope[0, 0, 0, 0])
