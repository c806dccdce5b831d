"""The benchmark of colourisers measures what it says."""

import pytest
import torch

import colorzoo
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import UsageError


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/colorize.py")


@pytest.fixture
def source():
    return SyntheticDataModule(size=32, test_images=20).load_split("test")


def test_a_model_without_colour_stands_where_the_grey_picture_stands(benchmark, source, monkeypatch):
    dull = colorzoo.create("fusion_cnn").eval()
    monkeypatch.setattr(dull, "predict_ab", lambda lightness: lightness.expand(-1, 2, -1, -1) * 0)
    measured = benchmark.measured(source, {"dull": dull})
    figures = benchmark.means(measured, ~measured["truth"]["grey"])
    assert figures["dull"]["psnr"] == pytest.approx(figures["L* grey"]["psnr"], abs=0.01)
    assert figures["dull"]["colorfulness"] < 0.1 < figures["truth"]["colorfulness"]
    assert figures["truth"]["psnr"] == 100
    assert [row[0] for row in benchmark.rows(figures)] == ["", "truth", "L* grey", "dull"]


def test_accuracy_is_told_as_a_share_of_the_way_from_grey_to_truth(benchmark):
    figures = {
        "truth": {"psnr": 100.0, "colorfulness": 40.0, "accuracy": 0.9, "frechet": 0.0},
        "L* grey": {"psnr": 22.0, "colorfulness": 0.0, "accuracy": 0.7, "frechet": 20.0},
        "mine": {"psnr": 23.5, "colorfulness": 30.0, "accuracy": 0.8, "frechet": 12.0},
    }
    assert benchmark.rows(figures)[-1] == (
        "mine",
        "23.50 dB",
        "+1.50 dB",
        "30.0",
        "75%",
        "80.0%",
        "50%",
        "12.0",
        "0.60",
    )


def test_a_classifier_judges_the_pictures_by_their_folders(benchmark, monkeypatch):
    def judge(rgb):
        return rgb.mean(dim=(2, 3)), torch.tensor([217, 0])

    source = SyntheticDataModule(size=32, test_images=2).load_split("test")
    names = ["val/n02102040/a.JPEG", "val/n02979186/b.JPEG"]
    monkeypatch.setattr(benchmark, "_batches", lambda _: [(source.rgb.float() / 255, names)])
    assert benchmark.measured(source, {}, judge)["truth"]["accuracy"].tolist() == [1.0, 0.0]


def test_the_frechet_distance_of_features_is_nothing_to_themselves_and_grows_with_the_means(benchmark):
    true = torch.rand(200, 4)
    assert benchmark.frechet_distance(true, true) == pytest.approx(0, abs=1e-4)
    assert benchmark.frechet_distance(true + 2, true) == pytest.approx(16, abs=1e-3)


def test_photographs_that_are_grey_themselves_are_told_apart(benchmark, source, monkeypatch):
    rgb = source.rgb[:4].float() / 255
    rgb[1] = rgb[1, :1]
    monkeypatch.setattr(benchmark, "_batches", lambda _: [(rgb, source.names[:4])])
    figures = benchmark.measured(source, {"fusion_cnn": colorzoo.load("fusion_cnn")})
    assert figures["truth"]["grey"].tolist() == [False, True, False, False]
    coloured = figures["fusion_cnn"]["psnr"][torch.tensor([0, 2, 3])].mean()
    everything = figures["fusion_cnn"]["psnr"].mean() - figures["L* grey"]["psnr"].mean()
    told = benchmark.described(figures)
    assert f"| fusion_cnn | {float(coloured):.2f} dB |" in told
    assert told.endswith(f"1 more are grey themselves. With them: fusion_cnn {float(everything):+.2f} dB.\n")


def test_what_it_cannot_measure_is_refused(benchmark, tmp_path):
    with pytest.raises(UsageError, match="no colouriser"):
        benchmark.colorizers(["linear_denoiser"])
