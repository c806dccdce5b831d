"""What a Lightning user types works, for every model."""

import sys

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    EMAWeightAveraging,
    LearningRateFinder,
    StochasticWeightAveraging,
)
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers import CSVLogger
from small import HPARAMS, small_model
from torch.utils.data import DataLoader
from trained import QUIET, train, with_optim

import colorzoo
from colorzoo.base.closed_form import ClosedFormModule
from colorzoo.base.denoiser import Denoiser
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import CheckpointError, DataError
from colorzoo.models import FusionCNN
from colorzoo.noise.synthesis import Noise
from colorzoo.registry import model_class

every_model = pytest.mark.parametrize("name", colorzoo.list_models())
every_checkpoint = pytest.mark.parametrize("name", colorzoo.list_models(published=True))


def data_for(model, **options):
    noise = Noise(impulse=0.2, sigma=10.0) if isinstance(model, Denoiser) else None
    return SyntheticDataModule(size=32, train_images=4, val_images=2, batch_size=2, noise=noise, **options)


def trains_by_gradient(model):
    return model.automatic_optimization


@every_model
def test_trainer_fits_a_loaded_model_in_training_mode(name):
    model = small_model(name).eval()
    norms = {key: value.clone() for key, value in model.named_buffers() if key.endswith("running_mean")}
    frozen = {key: value.clone() for key, value in model.named_parameters() if not value.requires_grad}

    class Watch(Callback):
        training = None

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            Watch.training = pl_module.training

    Trainer(max_epochs=1, enable_checkpointing=False, callbacks=[Watch()], **QUIET).fit(model, data_for(model))
    assert Watch.training
    buffers, parameters = dict(model.named_buffers()), dict(model.named_parameters())
    moved = [key for key, value in norms.items() if not torch.equal(buffers[key], value)]
    assert bool(moved) == bool(norms)
    assert all(torch.equal(parameters[key], value) for key, value in frozen.items())


@every_model
def test_a_checkpoint_loads_through_the_class_and_the_zoo(name, tmp_path):
    model = small_model(name)
    path = tmp_path / "run.ckpt"
    trainer = Trainer(max_epochs=1, limit_val_batches=0, default_root_dir=tmp_path, **QUIET)
    trainer.fit(model, data_for(model))
    trainer.save_checkpoint(path)
    for loaded in (type(model).load_from_checkpoint(path, weights_only=True), colorzoo.load(path)):
        assert loaded.hparams == model.hparams
        assert all(torch.equal(value, model.state_dict()[key]) for key, value in loaded.state_dict().items())


@every_model
def test_a_subclass_is_honoured_and_loads_through_its_class(name, tmp_path):
    cls, small = model_class(name), HPARAMS.get(name, {})
    steps = []

    class Mine(cls):
        def __init__(self, gamma=2.0, **kwargs):
            super().__init__(**kwargs)

        def losses(self, batch):
            return {key: self.hparams.gamma * value for key, value in super().losses(batch).items()}

        def training_step(self, batch, batch_idx):
            steps.append(batch_idx)
            return super().training_step(batch, batch_idx)

    model = Mine(gamma=3.0, **small)
    path = tmp_path / "mine.ckpt"
    trainer = Trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0, default_root_dir=tmp_path, **QUIET)
    trainer.fit(model, data_for(model))
    trainer.save_checkpoint(path)
    assert steps == [0]
    assert Mine.load_from_checkpoint(path, weights_only=True).hparams == {"gamma": 3.0} | dict(cls(**small).hparams)
    with pytest.raises(CheckpointError, match=r"not registered, and a file never decides.*Mine\.load_from_checkpoint"):
        colorzoo.load(path)


def test_configure_optimizers_of_a_subclass_is_honoured():
    class Mine(FusionCNN):
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    assert isinstance(train(Mine(), torch.rand(2, 3, 32, 32)).optimizers[0], torch.optim.SGD)


def test_a_registered_model_is_known_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("colorzoo.registry._registered", {})

    @colorzoo.register
    class WarmCNN(FusionCNN):
        def __init__(self, warmth=1.0, **kwargs):
            super().__init__(**kwargs)

    assert "warm_cnn" in colorzoo.list_models("colorization")
    model = colorzoo.create("warm_cnn", warmth=2.0)
    path = tmp_path / "run.ckpt"
    trainer = train(model, torch.rand(2, 3, 32, 32), default_root_dir=tmp_path)
    trainer.save_checkpoint(path)
    loaded = colorzoo.load(path)
    assert type(loaded) is WarmCNN
    assert loaded.hparams == {"warmth": 2.0, **FusionCNN().hparams}
    assert colorzoo.create("warm_cnn", weights="fusion_cnn").hparams["warmth"] == 1.0
    with pytest.raises(ValueError, match="already called 'fusion_cnn'"):
        colorzoo.register(name="fusion_cnn")(WarmCNN)


def test_an_entry_point_of_another_package_is_known_by_name(monkeypatch):
    class Point:
        name = "guest_cnn"

        def load(self):
            return type("GuestCNN", (FusionCNN,), {})

    monkeypatch.setattr("colorzoo.registry._registered", {})
    monkeypatch.setattr("colorzoo.registry._entry_points", lambda: {"guest_cnn": Point()})
    assert "guest_cnn" in colorzoo.list_models()
    assert colorzoo.create("guest_cnn").name() == "guest_cnn"


def test_a_plain_lightning_cli_takes_our_class_paths(tmp_path, monkeypatch):
    arguments = [
        "fit",
        "--model=colorzoo.models.fusion_cnn.FusionCNN",
        "--data=colorzoo.datamodules.synthetic.SyntheticDataModule",
        "--trainer.fast_dev_run=1",
        "--trainer.logger=false",
        "--trainer.accelerator=cpu",
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    cli = LightningCLI(LightningModule, subclass_mode_model=True, subclass_mode_data=True, args=arguments)
    assert isinstance(cli.model, FusionCNN)


@pytest.mark.parametrize("kind", ["tensor", "pair", "mapping", "bytes"])
@every_model
def test_batches_of_a_users_own_loader_become_pairs(name, kind):
    model = small_model(name)
    rgb, label = torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 3])
    batch = {"tensor": rgb, "pair": [rgb, label], "mapping": {"rgb": rgb}, "bytes": (255 * rgb).to(torch.uint8)}[kind]
    pairs = model.as_pairs(batch)
    assert torch.isfinite(model.losses(pairs)["loss"])
    if kind == "pair" and model.automatic_optimization:
        train(model, batch)


@pytest.mark.parametrize(
    "batch", [["a"], {"grey": torch.rand(1, 1, 8, 8)}, torch.rand(2, 5, 8, 8), 7, 255 * torch.rand(1, 3, 8, 8)]
)
@every_model
def test_other_batches_get_an_error_that_names_the_keys(name, batch):
    model = small_model(name)
    wanted = "noisy, clean" if isinstance(model, Denoiser) else "grey, rgb, lab"
    with pytest.raises(DataError, match=rf"{wanted}, or RGB images|give floats in"):
        model.as_pairs(batch)


def test_own_loader_trains_without_a_datamodule():
    images = torch.rand(8, 3, 32, 32)
    loader = DataLoader(torch.utils.data.TensorDataset(images, torch.arange(8)), batch_size=4)
    Trainer(max_epochs=1, enable_checkpointing=False, **QUIET).fit(small_model("mlp"), loader, loader)


def test_callbacks_of_lightning_work(tmp_path):
    for callback in (LearningRateFinder(num_training_steps=3), BatchSizeFinder(steps_per_trial=1, max_trials=1)):
        model = small_model("conv_autoencoder", batch_norm=True)
        options = {"default_root_dir": tmp_path, "callbacks": [callback], **QUIET}
        Trainer(max_epochs=1, enable_checkpointing=False, **options).fit(model, data_for(model))
    assert model.lr == OptimizerConfig().lr
    for callback in (StochasticWeightAveraging(swa_lrs=1e-3, swa_epoch_start=1), EMAWeightAveraging(decay=0.9)):
        model = small_model("conv_autoencoder", batch_norm=True)
        Trainer(max_epochs=3, default_root_dir=tmp_path, callbacks=[callback], **QUIET).fit(model, data_for(model))


def test_the_learning_rate_finder_sets_the_rate(tmp_path):
    model = small_model("conv_autoencoder", batch_norm=True)
    finder = LearningRateFinder(num_training_steps=12, early_stop_threshold=None)
    options = {"default_root_dir": tmp_path, "callbacks": [finder], **QUIET}
    Trainer(max_epochs=1, enable_checkpointing=False, **options).fit(model, data_for(model))
    assert finder.optimal_lr is not None
    suggested = finder.optimal_lr.suggestion(skip_begin=1, skip_end=1)
    assert suggested is None or model.lr != OptimizerConfig().lr


def test_hyper_parameters_of_model_and_optimizer_are_logged(tmp_path):
    model = with_optim(FusionCNN(alpha=0.25), OptimizerConfig(lr=3e-4))
    options = {**QUIET, "logger": CSVLogger(tmp_path)}
    Trainer(max_epochs=1, enable_checkpointing=False, **options).fit(model, data_for(model))
    written = (next(tmp_path.rglob("hparams.yaml"))).read_text()
    assert "model: fusion_cnn" in written
    assert "model/alpha: 0.25" in written
    assert "optim/lr: 0.0003" in written


@pytest.mark.parametrize("precision", ["bf16-true", "bf16-mixed", pytest.param("64-true", marks=pytest.mark.slow)])
@every_model
def test_it_trains_in_every_precision(name, precision):
    model = small_model(name)
    before = {key: value.detach().clone() for key, value in model.named_parameters() if value.requires_grad}
    if isinstance(model, ClosedFormModule) and precision != "bf16-mixed":
        pytest.skip("it is solved in double precision whatever the precision of the run")
    Trainer(max_epochs=1, enable_checkpointing=False, precision=precision, **QUIET).fit(model, data_for(model))
    parameters = dict(model.named_parameters())
    assert all(bool(value.isfinite().all()) for value in parameters.values())
    assert any(not torch.equal(parameters[key], value) for key, value in before.items())


@every_checkpoint
def test_weights_alone_start_where_the_loaded_model_stands(name):
    loaded = colorzoo.load(name)
    started = colorzoo.create(name.partition(".")[0], weights=name)
    assert started.training
    assert started.hparams == loaded.hparams
    seen = torch.rand(1, getattr(loaded, "channels", 1), 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(started.eval()(seen), loaded(seen), atol=1e-5, rtol=0)
    assert started.source == loaded.source


def test_what_contradicts_the_tensors_is_refused_and_named():
    with pytest.raises(CheckpointError, match="num_classes is 10 there and 5 here"):
        FusionCNN.from_pretrained("fusion_cnn", num_classes=5)
    assert FusionCNN.from_pretrained("fusion_cnn", alpha=0.5).hparams["alpha"] == 0.5


def test_arguments_that_make_no_sense_answer_at_once():
    with pytest.raises(TypeError, match="alpha is 'x'; give a number, such as 0"):
        colorzoo.create("fusion_cnn", alpha="x")
    with pytest.raises(TypeError, match="'alfa'; it takes alpha, num_classes, weights"):
        colorzoo.create("fusion_cnn", alfa=1)
    with pytest.raises(TypeError, match="give a published name or the path"):
        colorzoo.load(None)
    with pytest.raises(CheckpointError, match="download the file"):
        colorzoo.load("https://example.org/fusion_cnn.safetensors")


def test_flat_imports_name_every_model():
    from colorzoo import models

    assert set(dir(models)) == {model_class(name).__name__ for name in colorzoo.list_models()}
    assert models.FusionCNN is FusionCNN
    with pytest.raises(AttributeError, match="FusionCN"):
        _ = models.FusionCN


def test_the_stub_for_editors_lists_every_model_and_tag(script):
    written = script("tests/write_stub.py")
    assert written.STUB.read_text() == written.stub(), "run python tests/write_stub.py"


def test_models_share_no_name_with_lightning_by_accident():
    shared = {name for name in vars(LightningModule) if not name.startswith("__")}
    ours = {
        name
        for base in model_class("fusion_cnn").__mro__
        if base.__module__.startswith("colorzoo")
        for name in vars(base)
    }
    meant = {
        "configure_optimizers", "forward", "freeze", "load_from_checkpoint", "on_before_optimizer_step", "on_fit_start",
        "on_load_checkpoint", "on_save_checkpoint", "on_validation_start", "predict_step", "setup", "test_step",
        "train", "training_step", "unfreeze", "validation_step",
    }  # fmt: skip
    assert ours & shared <= meant | {"_abc_impl"}
