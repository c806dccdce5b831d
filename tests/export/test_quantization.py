"""Convolutions in 8 bits: a smaller file whose answers are measured before it gets its name."""

import numpy as np
import onnx
import onnxruntime
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.cli import main
from colorzoo.errors import ExportError, OutputExistsError
from colorzoo.export.program import export
from colorzoo.export.quantization import quantize
from colorzoo.io.convert import to_batch

pytestmark = pytest.mark.usefixtures("published_models_are_converted_once")


@pytest.fixture
def exact(tmp_path):
    path = tmp_path / "exact.onnx"
    export(colorzoo.load("conv_denoiser"), path)
    return path


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        noise = PIL.Image.effect_noise((40, 30), 90).resize((80, 60), PIL.Image.Resampling.BICUBIC)
        noise.convert("RGB").save(folder / f"{index}.png")
    return folder


def answer(path, pictures):
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: pictures.numpy()})[0]


def test_the_file_is_smaller_and_answers_the_same(exact, photos, tmp_path, capsys):
    path = tmp_path / "small.onnx"
    assert main(["export", "conv_denoiser", "-o", str(path), "--int8", str(photos)]) == 0
    assert "of the float model" in capsys.readouterr().err
    assert path.stat().st_size < exact.stat().st_size
    proto = onnx.load(path)
    assert onnx.TensorProto.INT8 in [tensor.data_type for tensor in proto.graph.initializer]
    assert {entry.key: entry.value for entry in proto.metadata_props}["checkpoint"] == "conv_denoiser.ships"
    noisy = to_batch(photos / "3.png")
    assert 0 < np.abs(answer(path, noisy) - answer(exact, noisy)).mean() < 0.02


def test_answers_that_would_change_leave_no_file(exact, tmp_path):
    pictures, path = [torch.rand(1, 3, 32, 32) for _ in range(2)], tmp_path / "small.onnx"
    with pytest.raises(ExportError, match="dB from those in floats, where 99 dB are asked for"):
        quantize(exact, path, pictures, agreement=99)
    with pytest.raises(ValueError, match="there are 1 images"):
        quantize(exact, path, pictures[:1])
    with pytest.raises(OutputExistsError, match=r"exact\.onnx exists"):
        quantize(exact, exact, pictures)
    assert not path.exists()


def test_what_has_no_convolutions_stays_in_floats(tmp_path):
    export(colorzoo.load("pca_denoiser"), tmp_path / "exact.onnx")
    with pytest.raises(ExportError, match="no inner convolutions"):
        quantize(tmp_path / "exact.onnx", tmp_path / "small.onnx", [torch.rand(1, 1, 28, 28)] * 2)


@pytest.mark.parametrize(("name", "message"), [("model.pt2", "--int8 is for ONNX"), ("model.onnx", "holds 0 images")])
def test_the_command_needs_onnx_and_pictures(name, message, tmp_path, capsys):
    assert main(["export", "conv_denoiser", "-o", str(tmp_path / name), "--int8", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
