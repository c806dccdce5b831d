import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.errors import CheckpointError, UnknownModelError, UnknownModuleError, UsageError
from colorzoo.hub import checkpoint_file, published


def run_python(code, *args):
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    ).stdout.split()


def test_importing_colorzoo_imports_nothing_heavy():
    loaded = run_python("import colorzoo, sys; print(*sys.modules)")
    assert not {"torch", "lightning", "timm", "torchvision", "kornia", "PIL"} & set(loaded)


def test_images_are_processed_without_importing_what_is_slow_to_import(tmp_path):
    photo = tmp_path / "photo.png"
    PIL.Image.effect_noise((40, 30), 90).save(photo)
    code = (
        "import contextlib, sys, colorzoo; from colorzoo.cli import console\n"
        "with contextlib.suppress(SystemExit): console()\n"
        "only_one = set(sys.modules); import torch\n"
        "for colorizer in ('photo_unet', 'fusion_cnn', 'fusion_transfer'):\n"
        "    colorzoo.Pipeline(['linear_denoiser', 'cnn_denoiser', colorizer], 'auto')(torch.rand(1, 1, 32, 32))\n"
        "print(*only_one, '|', *sys.modules)"
    )
    loaded = run_python(code, "colorize", str(photo), "-m", "fusion_cnn")
    for_one_image = loaded[1 : loaded.index("|")]
    assert photo.with_name("photo-color.png").exists()
    assert "colorzoo.base.colorizer" in for_one_image
    assert "colorzoo.models.photo_unet" in loaded
    slow = {"lightning", "timm", "torchmetrics", "torchvision", "kornia", "torch._dynamo", "sympy"}
    assert not slow & set(loaded)
    assert not {"onnx", "matplotlib", "yaml"} & set(for_one_image)


def test_public_names_resolve_and_others_do_not():
    assert all(hasattr(colorzoo, name) for name in colorzoo.__all__)
    assert dir(colorzoo) == colorzoo.__all__
    with pytest.raises(AttributeError, match="it offers"):
        colorzoo.nothing  # noqa: B018


@pytest.mark.parametrize("call", [colorzoo.create, colorzoo.load, colorzoo.info])
def test_unknown_model_is_answered_with_the_nearest_name(call):
    with pytest.raises(UnknownModelError, match="did you mean 'fusion_cnn'"):
        call("fusion_cn")


def test_unknown_tag_is_answered_with_what_is_published():
    with pytest.raises(UnknownModelError, match=r"no published checkpoint is called 'fusion_cnn.mars'"):
        colorzoo.load("fusion_cnn.mars")


def test_a_name_cannot_import_anything_else():
    with pytest.raises(UnknownModelError):
        colorzoo.create("..cli")


def test_create_is_untrained_and_load_never_is(tmp_path, monkeypatch):
    assert colorzoo.create("fusion_cnn").training
    monkeypatch.setattr(published, "folders", lambda: [tmp_path])
    with pytest.raises(UnknownModelError, match="nothing is published of fusion_cnn"):
        colorzoo.load("fusion_cnn")


def test_hyper_parameters_of_another_version_are_refused(tmp_path, record):
    model = colorzoo.create("fusion_cnn")
    path = tmp_path / "old.safetensors"
    hparams = {"alpha": 0.0, "width": 3}
    checkpoint_file.write(checkpoint_file.Checkpoint(path, "fusion_cnn", hparams, model.state_dict(), record))
    with pytest.raises(CheckpointError, match=r"missing hyper-parameters \['num_classes'\], unknown ones \['width'\]"):
        colorzoo.load(path)


def test_tensors_of_another_shape_are_refused(tmp_path, record):
    model = colorzoo.create("fusion_cnn", num_classes=3)
    path = tmp_path / "three.safetensors"
    checkpoint_file.write(checkpoint_file.Checkpoint(path, "fusion_cnn", model.hparams, model.state_dict(), record))
    assert colorzoo.load(path).head.out_features == 3
    with pytest.raises(CheckpointError, match=r"num_classes is 3 there and 4 here"):
        colorzoo.create("fusion_cnn", weights=str(path), num_classes=4)


def test_a_changed_head_is_replaced_by_name(tmp_path, record):
    source = colorzoo.create("fusion_cnn", num_classes=3)
    path = str(tmp_path / "three.safetensors")
    checkpoint_file.write(
        checkpoint_file.Checkpoint(Path(path), "fusion_cnn", source.hparams, source.state_dict(), record)
    )
    misfit = (
        r"head.weight is \[3, 128\] there and \[5, 128\] here, .*num_classes is 3 there and 5 here\); .* reinit head$"
    )
    with pytest.raises(CheckpointError, match=misfit):
        colorzoo.create("fusion_cnn", num_classes=5, weights=path)
    model = colorzoo.create("fusion_cnn", num_classes=5, weights=path, reinit=("head",))
    assert model.training
    assert torch.equal(model.decoder[0][0].weight, source.decoder[0][0].weight)
    assert model.hparams == {"alpha": 1 / 300, "num_classes": 5}
    with pytest.raises(CheckpointError, match=r"head\.weight is"):
        colorzoo.create("fusion_cnn", num_classes=5, weights=path, reinit=("decoder.0",))
    with pytest.raises(UnknownModuleError, match="'hed' in FusionCNN; reinit some of encoder, global_extractor, head"):
        colorzoo.create("fusion_cnn", num_classes=5, weights=path, reinit=("hed",))
    with pytest.raises(UsageError, match="give weights too"):
        colorzoo.create("fusion_cnn", reinit=("head",))


def test_checkpoint_of_another_model_is_refused(tmp_path, record):
    path = tmp_path / "other.safetensors"
    checkpoint_file.write(checkpoint_file.Checkpoint(path, "another_cnn", {}, {"x": torch.zeros(1)}, record))
    with pytest.raises(CheckpointError, match="holds a another_cnn, not a fusion_cnn"):
        colorzoo.create("fusion_cnn", weights=str(path))
    with pytest.raises(CheckpointError, match="another_cnn, which is not registered"):
        colorzoo.load(path)


@pytest.mark.parametrize("value", [torch.zeros(1), object(), float("nan")])
def test_hyper_parameters_must_be_plain(value):
    with pytest.raises(TypeError, match="hyper-parameter 'num_classes'"):
        Plain(value)


class Plain(Colorizer):
    paper = "none"

    def __init__(self, num_classes):
        super().__init__()

    def predict_ab(self, lightness):
        return lightness

    def losses(self, batch):
        return {}
