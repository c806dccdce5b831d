"""The benchmark of edges measures what it says."""

import PIL.Image
import pytest
import torch
from torch.nn import functional as F

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lab_to_rgb
from colorzoo.data.datasets import InMemoryDataset


class Halved(Colorizer):
    """Red where it is dark and blue where it is light; less of both in what is shown at less than 32 pixels."""

    paper = "none"

    def __init__(self):
        super().__init__()
        self.ab = torch.nn.Parameter(torch.tensor([24.0, 18.0]).view(1, 2, 1, 1))

    def losses(self, batch):
        raise NotImplementedError

    def predict_ab(self, lightness):
        share = 1 if lightness.shape[-1] >= 32 else 0.5
        return share * F.avg_pool2d(torch.where(lightness < 50, self.ab, -self.ab), 4)


def levels(colours=1.0):
    lab = torch.full((1, 3, 64, 96), 30.0)
    lab[:, 1], lab[:, 2] = 24 * colours, 18 * colours
    lab[..., 37:] = torch.tensor([80.0, -24 * colours, -18 * colours]).view(1, 3, 1, 1)
    lab[:, 0, :, 76:] = 55
    return (lab_to_rgb(lab) * 255).round().byte()[0].movedim(0, 2).numpy()


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/edges.py")


def test_the_truth_is_without_error_and_grey_is_at_no_gain(benchmark):
    photograph = benchmark.Photograph(levels())
    perfect = photograph.compared(levels(), 0.5)
    assert perfect.color_edges == 0
    assert perfect.lightness_edges == 0
    assert (perfect.color, perfect.seconds) == (1, 0.5)
    grey = photograph.compared(levels(colours=0), 0)
    assert grey.color_edges == pytest.approx(30, abs=1)
    assert grey.gain == pytest.approx(0, abs=0.1)


def test_tables_hold_each_model_at_each_size(benchmark, tmp_path, monkeypatch):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for name, colours in (("a", 0), ("b", 1), ("c", 1), ("d", 0)):
        PIL.Image.fromarray(levels(colours)).save(photographs / f"{name}.png")
    monkeypatch.setattr(colorzoo, "load", lambda name: Halved().eval())
    small = InMemoryDataset(["a"], torch.from_numpy(levels()[:16, 29:45].copy()).movedim(2, 0)[None])
    monkeypatch.setattr(benchmark.PhotosDataModule, "load_split", lambda self, split: small)
    monkeypatch.setattr(benchmark, "SMALL", {"photos": (16, 32)})
    output = tmp_path / "edges.md"
    options = ["--models", "mine", "--sizes", "48", "24", "--small", "--sources", "of mine", "--output", str(output)]
    benchmark.main([str(photographs), *options])
    text = output.read_text()
    assert text.startswith("1 photographs of mine, coloured")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    upsampling = {tuple(row[:3]): row for row in rows if len(row) == 6}
    for name in ("the truth", "mine"):
        bilinear, guided = (float(upsampling[name, "48", way][3]) for way in ("bilinear", "guided"))
        assert guided < 0.8 * bilinear
    sizes = {row[1]: row for row in rows if len(row) == 7}
    assert float(sizes["24"][2]) > float(sizes["48"][2])
    enlarged = {row[2]: float(row[3].split()[0]) for row in rows if len(row) == 4 and row[1] == "mine"}
    assert enlarged["32"] > enlarged["16"] > 0
    assert text.endswith("Written by `benchmarks/edges.py`.\n")
