"""An exported file answers as its model does, on images and batches of sizes that it was not made from."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.cli import main
from colorzoo.errors import ExportError, OutputExistsError, UsageError
from colorzoo.export import program as module
from colorzoo.export.program import FORMATS, METADATA, TOLERANCE, export
from colorzoo.export.working_size import AtWorkingSize, scaled_size
from colorzoo.hub.published import published
from colorzoo.inference.working_size import fit_longer_side
from colorzoo.models.linear_denoiser import LinearDenoiser

pytestmark = pytest.mark.usefixtures("published_models_are_converted_once")

GOLDENS = Path(__file__).parents[1] / "goldens"
SHAPES = [(1, 1, 33, 47), (3, 2, 16, 90), (1, 1, 1, 1), (2, 1, 64, 32)]
LARGE = (1, 1, 301, 402)
"""Larger than any working size, with a side that is reduced to half a pixel."""


@pytest.fixture
def small(monkeypatch):
    """Check a large image that is not so large: finding the colours of sRGB takes long."""
    monkeypatch.setattr(module, "_LARGE", (1, 1, 97, 64))
    monkeypatch.setattr(Vivid, "working_size", 48)


def opened(path):
    """What a file does, and what it says of itself."""
    if path.suffix == ".pt2":
        files = {METADATA: ""}
        run = torch.export.load(path, extra_files=files).module()
        return run, json.loads(files[METADATA])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    about = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return lambda pictures: torch.from_numpy(session.run(None, {name: pictures.numpy()})[0]), about


def differences(model, run):
    colorizes = isinstance(model, Colorizer)
    with torch.no_grad():
        for batch, channels, height, width in [*SHAPES, *([LARGE] if colorizes else [])]:
            if colorizes:
                channels = 1
            elif model.channels != 1:
                channels = model.channels
            pictures = torch.rand(batch, channels, height, width)
            expected = model.colorize(pictures) if colorizes else model(pictures)
            yield float((run(pictures) - expected).abs().max())


FAST = ("linear_denoiser.impulse", "pca_denoiser.mnist")
"""What is exported in the fast suite too."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in published()]
)
def test_every_tag_answers_the_same_from_a_file_and_as_on_the_day_of_publication(name, tmp_path, script):
    model = colorzoo.load(name)
    seen = script("tests/goldens/write.py").picture().expand(-1, getattr(model, "channels", 1), -1, -1)
    golden = torch.from_numpy(np.load(GOLDENS / f"{name}.npy"))
    for format in FORMATS:
        path = tmp_path / f"{name}.{format}"
        about = export(model, path)
        run, said = opened(path)
        assert said == about
        assert max(differences(model, run)) < TOLERANCE
        torch.testing.assert_close(run(seen.contiguous()), golden, atol=1e-4, rtol=0)


def test_a_published_model_answers_the_same_and_says_where_it_comes_from(tmp_path):
    model = colorzoo.load("conv_denoiser")
    path = tmp_path / "model.onnx"
    export(model, path)
    with PIL.Image.open("examples/cameraman.png") as image:
        levels = np.asarray(image.convert("RGB").resize((120, 90)), np.float32) / 255
    noisy = torch.from_numpy(levels).permute(2, 0, 1)[None]
    run, about = opened(path)
    with torch.no_grad():
        torch.testing.assert_close(run(noisy), model(noisy), atol=TOLERANCE, rtol=0)
    assert about["checkpoint"] == f"conv_denoiser.{about['tag']}" == model.source.name
    assert about["sha256"] == model.source.sha256
    assert about["licence"] == colorzoo.info("conv_denoiser").licence
    assert about["colorzoo"] == colorzoo.__version__
    graph = onnx.load(path).graph
    axes = [[axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in graph.input]
    assert axes == [["batch", 3, "height", "width"]]
    assert [value.name for value in (*graph.input, *graph.output)] == ["noisy", "clean"]


class Vivid(Colorizer):
    """Colours, most of which sRGB cannot show."""

    paper = "none"

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([90.0, -70.0]).view(1, 2, 1, 1))

    def predict_ab(self, lightness):
        return self.weight * (lightness / 50 - 0.7)

    def losses(self, batch):
        return {}


@pytest.mark.parametrize("format", ["onnx", pytest.param("pt2", marks=pytest.mark.slow)])
def test_colours_outside_of_srgb_lose_the_same_chroma(format, tmp_path, small):
    path = tmp_path / f"vivid.{format}"
    model = Vivid().eval()
    export(model, path)
    run, about = opened(path)
    assert max(differences(model, run)) < TOLERANCE
    assert about["working_size"].startswith("48 ")
    assert about["parity"] == "when exported, within 0.0001 of what colorize gives, on up to 97x64 pixels"


def test_the_scaled_size_is_that_of_colorize():
    sizes = [
        (longest, height, width) for longest in (32, 256) for height in range(1, 1300, 31) for width in (7, 512, 1024)
    ]
    assert [scaled_size(*size) for size in sizes] == [fit_longer_side(*size) for size in sizes]


def test_a_large_image_is_seen_at_the_working_size(small):
    model = Vivid().eval()
    pictures = torch.rand(2, 1, 97, 64)
    with torch.no_grad():
        at_working_size = AtWorkingSize(model)(pictures)
        assert (at_working_size - model.colorize(pictures)).abs().max() < TOLERANCE
        assert (at_working_size - model(pictures)).abs().max() > 100 * TOLERANCE
        assert torch.equal(AtWorkingSize(model)(pictures[..., :48, :48]), model(pictures[..., :48, :48]))


class Fickle(LinearDenoiser):
    """What it does depends on what it sees."""

    def restore(self, noisy):
        return super().restore(noisy) if bool(noisy.mean() > 0.5) else noisy


class Restless(LinearDenoiser):
    """It answers otherwise each time."""

    def restore(self, noisy):
        return super().restore(noisy) * torch.rand(())


@pytest.mark.parametrize(("model", "message"), [(Fickle, "cannot be written as pt2"), (Restless, "would differ")])
def test_what_cannot_be_exported_leaves_no_file(model, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        export(model().eval(), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_calls_that_make_no_sense_are_refused(tmp_path, monkeypatch):
    model = colorzoo.load("linear_denoiser")
    with pytest.raises(UsageError, match=r"cannot tell a format from 'model\.tflite'"):
        export(model, tmp_path / "model.tflite")
    with pytest.raises(UsageError, match="no format is called 'tflite'"):
        export(model, tmp_path / "model", "tflite")
    (tmp_path / "model.pt2").write_text("precious")
    with pytest.raises(OutputExistsError):
        export(model, tmp_path / "model.pt2")
    with pytest.raises(ValueError, match=r"call eval\(\)"):
        export(colorzoo.create("linear_denoiser"), tmp_path / "new.pt2")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match=r"pip install 'colorzoo\[export\]'"):
        export(model, tmp_path / "model.onnx")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_the_command_writes_the_file_and_says_what_it_takes(tmp_path, capsys):
    path = tmp_path / "deep" / "model"
    assert main(["export", "linear_denoiser", "--format", "pt2", "-o", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == str(path)
    assert "input noisy: sRGB-encoded images in [0, 1]" in shown.err
    assert opened(path.rename(path.with_suffix(".pt2")))[1]["checkpoint"] == "linear_denoiser.impulse"


def test_the_command_keeps_what_is_there(tmp_path, capsys):
    path = tmp_path / "model.pt2"
    path.write_text("precious")
    assert main(["export", "linear_denoiser", "-o", str(path)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_text() == "precious"
    assert main(["export", "linear_denoiser", "-o", str(tmp_path / "model.jpg")]) == 2
    assert "end the name in .onnx or .pt2" in capsys.readouterr().err
