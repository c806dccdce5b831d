"""The benchmark of de-noisers measures what it says, and writes it."""

import math

import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.errors import UsageError
from colorzoo.metrics import psnr
from colorzoo.noise.synthesis import Noise


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/denoise.py")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    root = tmp_path_factory.mktemp("bsds")
    for split, count in (("train", 1), ("test", 33)):
        (root / split).mkdir()
        for index in range(count):
            picture = PIL.Image.effect_noise((3, 2), 40).resize((24, 16), PIL.Image.Resampling.BICUBIC)
            picture.convert("RGB").save(root / split / f"{index}.jpg", quality=95)
    return root


@pytest.fixture
def few(monkeypatch, benchmark):
    """One noise of each kind, and no filter of another package."""
    monkeypatch.setattr(benchmark, "GAUSSIAN", {"Gaussian": Noise(sigma=25.0, clip=False)})
    monkeypatch.setattr(benchmark, "IMPULSE", {"impulse": Noise(impulse=0.5)})
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)


def table(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    heading, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return heading, {row[0]: row[1:] for row in rows}


def test_the_table_holds_all_methods_and_noises(benchmark, photographs, tmp_path, few):
    output = tmp_path / "table.md"
    benchmark.main(["--root", str(photographs), "--models", "linear_denoiser", "--output", str(output)])
    heading, rows = table(output)
    assert heading == ["PSNR in dB", "Gaussian", "impulse"]
    assert float(rows["noisy input"][0]) == pytest.approx(20 * math.log10(255 / 25), abs=0.3)
    likes, trivial = (rows[name] for name in ("non-local adaptive mean (after NAMF)", "mean of sound neighbours"))
    assert likes[0] == trivial[0] == "-"
    assert float(likes[1]) > float(trivial[1])
    assert "20 test photographs of BSDS400" in output.read_text(encoding="utf-8")

    data = BSDSDataModule(root=str(photographs), grey="luma", noise=Noise(impulse=0.5))
    data.setup("test")
    model = colorzoo.load("linear_denoiser")
    pairs = [data.on_after_batch_transfer(batch, 0) for batch in data.test_dataloader()]
    with torch.no_grad():
        ratios = torch.cat([psnr(model(pair["noisy"]), pair["clean"]) for pair in pairs])
    assert rows["linear_denoiser"][1] == f"{float(ratios.mean()):.2f}"


def test_a_model_for_colour_takes_part_in_colour(benchmark, photographs, tmp_path, few):
    output = tmp_path / "table.md"
    arguments = ["--root", str(photographs), "--models", "cnn_denoiser", "cnn_denoiser.color", "--output", str(output)]
    benchmark.main(["--color", *arguments])
    heading, rows = table(output)
    assert heading == ["PSNR in dB", "Gaussian"]
    assert list(rows) == ["noisy input", "3x3 median", "cnn_denoiser", "cnn_denoiser.color"]


@pytest.mark.parametrize(
    ("package", "name"), [("skimage", "non-local means (scikit-image)"), ("bm3d", "BM3D")], ids=["skimage", "bm3d"]
)
def test_filters_of_other_packages_take_part_where_they_are_installed(benchmark, package, name):
    pytest.importorskip(package)
    restore = benchmark.filters(Noise(sigma=25.0, clip=False))[name]
    clean = torch.full((1, 1, 24, 24), 0.5)
    noisy = clean + 25 / 255 * torch.randn_like(clean)
    assert float(psnr(restore(noisy), clean)) > float(psnr(noisy, clean)) + 5
    assert benchmark.filters(Noise(impulse=0.5))[name] is None


def test_colourisers_are_refused_by_name(benchmark):
    with pytest.raises(UsageError, match="fusion_cnn is no de-noiser"):
        benchmark.denoisers(["fusion_cnn"])
