"""An exported file answers as its model does, on pictures and batches of sizes that it was not made from."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.base.denoiser import Denoiser
from colorzoo.cli import main
from colorzoo.errors import ExportError, OutputExistsError, UsageError
from colorzoo.export import program as module
from colorzoo.export.program import FORMATS, METADATA, TOLERANCE, export

SHAPES = [(1, 1, 33, 47), (3, 2, 16, 90), (1, 1, 1, 1), (2, 1, 64, 32)]


@pytest.fixture
def captured_once(monkeypatch):
    """Capture a model once for all formats, which takes longest."""
    capture, graphs = module._captured, {}

    def kept(model):
        if model.name() not in graphs:
            graphs[model.name()] = capture(model)
        return graphs[model.name()]

    monkeypatch.setattr(module, "_captured", kept)
    # Next longest; the colours outside of sRGB have a test of their own, with all of them.
    monkeypatch.setattr("colorzoo.color.gamut.BISECTIONS", 2)


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
    with torch.no_grad():
        for batch, channels, height, width in SHAPES:
            if not isinstance(model, Denoiser):
                channels = 1
            elif model.channels != 1:
                channels = model.channels
            pictures = torch.rand(batch, channels, height, width)
            yield float((run(pictures) - model(pictures)).abs().max())


FAST = ("linear_denoiser",)
"""What is exported in the fast suite too."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in colorzoo.list_models()]
)
def test_every_model_answers_the_same_from_a_file(name, tmp_path, captured_once):
    model = colorzoo.create(name).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    for format in FORMATS:
        path = tmp_path / f"{name}.{format}"
        about = export(model, path)
        run, said = opened(path)
        assert said == about
        assert max(differences(model, run)) < TOLERANCE


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
def test_colours_outside_of_srgb_lose_the_same_chroma(format, tmp_path):
    path = tmp_path / f"vivid.{format}"
    model = Vivid().eval()
    export(model, path)
    assert max(differences(model, opened(path)[0])) < TOLERANCE


class Fickle(Vivid):
    """What it does depends on what it sees."""

    def predict_ab(self, lightness):
        return super().predict_ab(lightness) if bool(lightness.mean() > 50) else lightness.expand(-1, 2, -1, -1)


class Restless(Vivid):
    """It answers otherwise each time."""

    def predict_ab(self, lightness):
        return super().predict_ab(lightness) * torch.rand(())


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
    assert "input noisy: sRGB-encoded pictures in [0, 1]" in shown.err
    assert opened(path.rename(path.with_suffix(".pt2")))[1]["checkpoint"] == "linear_denoiser.impulse"


def test_the_command_keeps_what_is_there(tmp_path, capsys):
    path = tmp_path / "model.pt2"
    path.write_text("precious")
    assert main(["export", "linear_denoiser", "-o", str(path)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_text() == "precious"
    assert main(["export", "linear_denoiser", "-o", str(tmp_path / "model.jpg")]) == 2
    assert "end the name in .onnx or .pt2" in capsys.readouterr().err
