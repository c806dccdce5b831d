"""Colours of a clip: smooth where the image is still, sharp where it moves, new at each cut."""

import numpy as np
import pytest
import torch

from colorzoo.base.colorizer import Colorizer
from colorzoo.video.clip_colorizer import VideoColorizer
from colorzoo.video.smoothing import TemporalSmoothing, is_cut, sameness


class Flickering(Colorizer):
    """Answers with another shade each time, at half the size."""

    paper = "none"

    def __init__(self):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(()))
        self.calls = 0

    def predict_ab(self, lightness):
        self.calls += 1
        ab = torch.tensor([20.0, 10.0]) + (6.0 if self.calls % 2 else -6.0)
        return ab[None, :, None, None].expand(1, 2, lightness.shape[2] // 2, lightness.shape[3] // 2)

    def losses(self, batch):
        raise NotImplementedError


def scene(seed, height=96, width=128):
    coarse = torch.rand(1, 1, 6, 8, generator=torch.Generator().manual_seed(seed))
    frame = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (frame[0, 0] * 200 + 25).byte().numpy()


def colored(frames, **options):
    colour = VideoColorizer(Flickering().eval(), **options)
    return [colour(frame) for frame in frames], colour.cuts


@pytest.fixture(scope="module")
def flicker(script):
    pytest.importorskip("av", reason="the benchmark needs PyAV")
    return script("benchmarks/flicker.py").flicker


def mean_flicker(flicker, frames, results):
    rgb = torch.from_numpy(np.stack(results)).movedim(3, 1).float() / 255
    return float(flicker(rgb, torch.from_numpy(np.stack(frames))[:, None].float() / 255))


def test_smoothing_lowers_the_flicker_of_a_still_clip_and_keeps_its_lightness(flicker):
    noise = np.random.default_rng(0)
    frames = [(scene(1) + noise.normal(0, 2, (96, 128))).clip(0, 255).astype(np.uint8) for _ in range(12)]
    alone, _ = colored(frames, smoothing=0)
    smooth, cuts = colored(frames)
    assert cuts == 0
    assert mean_flicker(flicker, frames, alone) > 8
    assert mean_flicker(flicker, frames, smooth) < mean_flicker(flicker, frames, alone) / 4
    for first, second in zip(alone, smooth, strict=True):
        assert np.abs(luminance(first) - luminance(second)).max() < 0.02


def luminance(levels):
    linear = (levels / 255) ** 2.2
    return linear @ np.array([0.2127, 0.7152, 0.0722])


def test_without_smoothing_a_clip_is_what_pictures_are():
    frames = [scene(1), scene(1)]
    alone, _ = colored(frames, smoothing=0)
    model = Flickering().eval()
    for frame, result in zip(frames, alone, strict=True):
        assert np.array_equal(model.colorize(frame), result)


def test_a_cut_resets_the_colours():
    frames = [scene(1)] * 6 + [scene(2)] * 2
    alone, _ = colored(frames, smoothing=0)
    smooth, cuts = colored(frames)
    assert cuts == 1
    assert not np.array_equal(smooth[5], alone[5])
    assert np.array_equal(smooth[6], alone[6]), "nothing of the old scene is left"
    assert not np.array_equal(smooth[7], alone[7])


def lightness(*values):
    return [torch.full((1, 1, 20, 20), value) for value in values]


def test_what_moves_leaves_no_trail():
    still = torch.full((1, 1, 20, 40), 40.0)
    frames = [still.clone() for _ in range(2)]
    frames[0][..., 5:12] = 80
    frames[1][..., 20:27] = 80
    colours = [frame.gt(60).float().repeat(1, 2, 1, 1) * 50 for frame in frames]
    smoothing = TemporalSmoothing(0.8)
    smoothing(colours[0], frames[0])
    after = smoothing(colours[1], frames[1])
    assert smoothing.cuts == 0
    assert float(after[..., 7:10].abs().max()) < 1, "where it was"
    assert float((after[..., 22:25] - 50).abs().max()) < 1, "where it is"


def test_wavering_exposure_is_no_change_but_a_cut_between_even_scenes_is():
    first, second, third = lightness(40.0, 44.0, 75.0)
    assert float(sameness(first, second).min()) == 1
    assert not is_cut(first, second)
    assert is_cut(second, third)


def test_a_cut_that_leaves_most_of_a_dark_frame_is_seen_where_it_happens():
    first, second = lightness(5.0, 5.0)
    first[..., :8], second[..., :8] = 80, 30
    smoothing = TemporalSmoothing(0.8)
    smoothing(torch.full((1, 2, 20, 20), 30.0), first)
    after = smoothing(torch.zeros(1, 2, 20, 20), second)
    assert float(after[..., :6].abs().max()) < 0.1


def test_an_answer_of_another_size_starts_anew_without_a_cut():
    smoothing = TemporalSmoothing(0.8)
    smoothing(torch.ones(1, 2, 8, 8), torch.zeros(1, 1, 8, 8))
    assert float(smoothing(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4)).abs().max()) == 0
    assert smoothing.cuts == 0


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_shares_that_make_no_sense_are_refused(share):
    with pytest.raises(ValueError, match="below 1"):
        TemporalSmoothing(share)


def test_frames_of_one_pixel_have_colours_too():
    smoothing = TemporalSmoothing(0.5)
    smoothing(torch.zeros(1, 2, 1, 1), torch.full((1, 1, 1, 1), 50.0))
    assert float(smoothing(torch.full((1, 2, 1, 1), 8.0), torch.full((1, 1, 1, 1), 50.0)).mean()) == 4


def test_flicker_counts_only_what_is_still(flicker):
    grey = torch.full((2, 1, 8, 8), 0.5)
    grey[1, ..., 4:] = 0.9
    rgb = grey.repeat(1, 3, 1, 1)
    rgb[1, 0, :, 4:] = 0
    assert float(flicker(rgb, grey)) == 0
    rgb[1, 0, :, :4] = 0.6
    assert float(flicker(rgb, grey)) > 5
    with pytest.raises(ValueError, match="at least 2"):
        flicker(rgb[:1], grey[:1])
    with pytest.raises(ValueError, match="stays the same"):
        flicker(rgb, torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)]))
    with pytest.raises(ValueError, match="shapes"):
        flicker(rgb, grey[:, :, :4])
