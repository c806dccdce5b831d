"""The benchmark of photographs measures what it says."""

import pytest
import torch

import colorzoo
from colorzoo.color.conversions import lab_to_rgb
from colorzoo.data.datasets import InMemoryDataset


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/photographs.py")


@pytest.fixture
def source():
    lab = torch.full((4, 3, 32, 32), 50.0)
    lab[:2, 1:] = torch.tensor([40.0, -30.0])[:, None, None] * torch.rand(2, 1, 32, 32)
    lab[2:, 1:] = 0
    return InMemoryDataset(list("abcd"), (lab_to_rgb(lab) * 255).round().byte())


def test_figures_in_colour_and_on_grey_ones_are_told_apart(benchmark, source, monkeypatch):
    model = colorzoo.create("fusion_cnn").eval()
    monkeypatch.setattr(model, "predict_ab", lambda lightness: lightness.expand(-1, 2, -1, -1) * 0 + 3)
    figures = benchmark.measured(source, range(4), {"pale": model})["pale"]
    assert figures.chroma == pytest.approx(18**0.5, abs=0.1)
    assert 0 <= figures.better <= 1
    assert 0 < figures.color < 0.5
    in_color = benchmark.measured(source, range(2), {"pale": model})["pale"]
    assert in_color.gain == figures.gain
    assert benchmark.row("set", "pale", in_color)[-1] == "-"
    assert list(in_color.gains) == ["a", "b"]
    assert sum(in_color.gains.values()) / 2 == pytest.approx(in_color.gain)


def test_the_photographs_that_lost_most_are_named(benchmark):
    assert benchmark.worst({"a": 1.0, "b": -2.0, "c": -0.5}, most=2) == "b (-2.0 dB), c (-0.5 dB)"


def test_settings_are_those_of_the_model(benchmark, source):
    model = colorzoo.create("photo_unet", widths=[8, 8, 8], temperature=0.7, vividness=1.5).eval()
    grey = source.rgb[:, :1] / 255
    found = benchmark.colorized("mine", model, grey, [(1.0, 1.0), (0.7, 1.5)])
    assert list(found) == ["mine at 1, 1", "mine at 0.7, 1.5"]
    torch.testing.assert_close(found["mine at 0.7, 1.5"], model(grey))
