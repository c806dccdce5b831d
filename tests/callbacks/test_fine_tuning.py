"""A trunk that is frozen stays bit for bit what it was; one that is thawed learns, more slowly, when it should."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.callbacks.fine_tuning import FineTuning
from colorzoo.cli import main
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import UnknownModuleError, UsageError
from colorzoo.hub import checkpoint_file
from colorzoo.noise.synthesis import Noise
from colorzoo.training.cli import run
from colorzoo.training.publish import publish

RECIPE = Path(__file__).parents[2] / "configs" / "finetune.yaml"
TINY = {"filters": [4, 8], "latent": 8, "batch_norm": True, "size": 16}
LAYERS = [f"net.encoder.{index}" for index in (1, 2, 4, 5, 8)]
LR = 1e-2


def written(folder, name, **hparams):
    """Random weights as a run leaves them."""
    torch.manual_seed(1)
    model = colorzoo.create(name, **hparams)
    path = folder / f"{name}.ckpt"
    checkpoint_file.write_ckpt(checkpoint_file.Checkpoint(path, name, model.hparams, model.state_dict(), None))
    return str(path)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return written(tmp_path_factory.mktemp("start"), "conv_autoencoder", **TINY)


@pytest.fixture
def model(start):
    return colorzoo.create("conv_autoencoder", **TINY, weights=start)


class Watch(Callback):
    """Notes the state of the model, and which layers of the trunk learn, at the end of every epoch."""

    def __init__(self, restless=False):
        self.restless = restless
        self.states = []
        self.learning = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if self.restless:
            pl_module.train()

    def on_train_epoch_end(self, trainer, pl_module):
        self.states.append(state(pl_module))
        layers = {name: pl_module.get_submodule(name) for name in LAYERS if name.startswith("net.encoder")}
        self.learning.append([name for name, layer in layers.items() if layer.weight.requires_grad and layer.training])


def state(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def fit(folder, model, *callbacks, epochs=3, optim=None, images=8, batch=4, noise=None, path=None, **options):
    data = SyntheticDataModule(size=16, train_images=images, val_images=2, batch_size=batch, hflip=False, noise=noise)
    data.train_dataloader = lambda: data._eval_loader("train")  # in order: sums in another order round otherwise
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(max_epochs=epochs, default_root_dir=folder, callbacks=list(callbacks), **quiet, **options)
    trainer.fit(with_optim(model, optim or OptimizerConfig(lr=LR)), data, ckpt_path=path, weights_only=True)
    return trainer


def moved(after, before, prefix):
    """Mean distance that the parameters of a module went, and whether its norm statistics differ."""
    steps = [(after[k] - before[k]).abs() for k in before if k.startswith(prefix) and k.endswith(("weight", "bias"))]
    counted = [k for k in before if k.startswith(prefix) and "running" in k]
    return float(torch.cat([s.flatten() for s in steps]).mean()), not all(
        torch.equal(after[k], before[k]) for k in counted
    )


def test_a_frozen_trunk_stays_bit_for_bit_whatever_mode_is_asked_for(tmp_path, model):
    before, watch = state(model), Watch(restless=True)
    fit(tmp_path, model, FineTuning(), watch, optim=OptimizerConfig(lr=LR, weight_decay=0.1))
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items() if key.startswith("net.encoder"))
    distance, other_statistics = moved(after, before, "net.decoder")
    assert distance > LR / 2
    assert other_statistics
    assert watch.learning == [[], [], []]
    # The callback is over: another run may freeze, or train, what it likes.
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(module.training for module in model.train().modules())


def test_a_thawed_trunk_moves_with_its_statistics_and_less_than_the_rest(tmp_path, model):
    before, watch = state(model), Watch()
    fit(tmp_path, model, FineTuning(unfreeze_epoch=1, lr_factor=0.1), watch, epochs=2)
    first, last = watch.states
    assert moved(first, before, "net.encoder") == (0, False)
    trunk, statistics = moved(last, first, "net.encoder")
    rest, _ = moved(last, first, "net.decoder")
    assert statistics
    assert 0 < trunk < 0.3 * rest


def test_an_average_of_the_weights_stays_nearer_to_the_start(tmp_path, start):
    before, distances = colorzoo.load(start).state_dict(), []
    for callbacks in ([FineTuning()], [FineTuning(), EMAWeightAveraging(decay=0.95)]):
        model = colorzoo.load(start)
        trainer = fit(tmp_path, model, *callbacks, epochs=2)
        distances.append(moved(model.state_dict(), before, "net.decoder")[0])
        saved = colorzoo.load(trainer.checkpoint_callback.best_model_path).state_dict()
        assert all(torch.equal(saved[key], value) for key, value in model.state_dict().items())
    assert 0 < distances[1] < distances[0] / 2


def test_stages_begin_with_the_last_layers(tmp_path, model):
    watch = Watch()
    fit(tmp_path, model, FineTuning(unfreeze_epoch=1, stages=2, stage_epochs=2), watch, epochs=4)
    assert watch.learning == [[], LAYERS[2:], LAYERS[2:], LAYERS]
    thawed, before = watch.states[2], watch.states[0]
    assert all(moved(thawed, before, layer) == (0, False) for layer in LAYERS[:2])
    assert all(moved(thawed, before, layer)[0] > 0 for layer in LAYERS[2:])


@pytest.mark.parametrize("stages", [1, 2])
def test_a_resumed_run_thaws_as_it_would_have(tmp_path, start, stages):
    optim = OptimizerConfig(lr=LR, schedule="cosine", warmup=0.3, clip_norm=0.1)

    def train(path=None):
        model, watch = colorzoo.create("conv_autoencoder", **TINY, weights=start), Watch()
        keep = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1, every_n_epochs=1)
        tuning = FineTuning(unfreeze_epoch=1, stages=stages)
        fit(tmp_path, model, tuning, watch, keep, epochs=4, optim=optim, images=4, path=path, limit_val_batches=0)
        return watch

    whole = train()
    for epoch in (0, 1, 2):
        resumed = train(tmp_path / f"epoch={epoch}.ckpt")
        assert resumed.learning == whole.learning[epoch + 1 :]
        assert all(torch.equal(value, whole.states[-1][key]) for key, value in resumed.states[-1].items())


def test_a_run_that_is_resumed_within_an_epoch_has_the_trunk_of_that_epoch(tmp_path, start):
    def train(path=None):
        model, watch = colorzoo.create("conv_autoencoder", **TINY, weights=start), Watch()
        keep = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, every_n_train_steps=1)
        fit(tmp_path, model, FineTuning(unfreeze_epoch=1), watch, keep, epochs=2, path=path, limit_val_batches=0)
        return watch.learning

    assert train() == [[], LAYERS]
    assert train(tmp_path / "step=1.ckpt") == [[], LAYERS]
    assert train(tmp_path / "step=3.ckpt") == [LAYERS]


def test_schedule_and_rate_reach_the_trunk(tmp_path, model):
    rates = []

    class Rates(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            rates.append({group["lr"] for group in trainer.optimizers[0].param_groups})

    optim = OptimizerConfig(lr=LR, weight_decay=0.1, schedule="cosine")
    fit(tmp_path, model, FineTuning(unfreeze_epoch=1, lr_factor=0.25), Rates(), optim=optim, epochs=2)
    assert all(min(pair) == pytest.approx(0.25 * max(pair)) for pair in rates)
    assert [max(pair) for pair in rates] == sorted((max(pair) for pair in rates), reverse=True)


def test_in_a_game_a_player_may_have_a_frozen_trunk(tmp_path):
    path = written(tmp_path, "pix2pix", size=16, width=8)
    model = colorzoo.create("pix2pix", size=16, width=8, weights=path)
    before, watch = state(model), Watch()
    layers = ["generator.down", "discriminator.0"]
    watch.on_train_epoch_end = lambda trainer, pl_module: watch.states.append(state(pl_module))
    fit(tmp_path, model, FineTuning(trunk=layers, unfreeze_epoch=1), watch, epochs=2)
    assert all(moved(watch.states[0], before, layer) == (0, False) for layer in layers)
    assert all(moved(watch.states[1], before, layer)[0] > 0 for layer in layers)
    assert all(moved(watch.states[0], before, player)[0] > 0 for player in ("discriminator", "generator", "improver"))


def test_what_the_method_keeps_frozen_stays_so(tmp_path):
    hparams = {"backbone": "mobilenetv3_small_050", "input_size": 32}
    model = colorzoo.create("fusion_transfer", **hparams, weights=written(tmp_path, "fusion_transfer", **hparams))
    before = state(model)
    fit(tmp_path, model, FineTuning(unfreeze_epoch=0), epochs=1)
    assert moved(model.state_dict(), before, "backbone") == (0, False)
    assert moved(model.state_dict(), before, "encoder")[0] > 0
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())


def test_two_processes_thaw_what_one_does(tmp_path, start):
    def train(batch, **options):
        hparams = TINY | {"batch_norm": False}
        model = colorzoo.create("conv_autoencoder", **hparams, weights=written(tmp_path, "conv_autoencoder", **hparams))
        sgd = OptimizerConfig(name="sgd", lr=0.5)
        tuning = FineTuning(unfreeze_epoch=1, stages=2)
        fit(tmp_path, model, tuning, optim=sgd, images=4, batch=batch, limit_val_batches=0, **options)
        return state(model)

    alone, together = train(4, devices=1), train(2, devices=2, strategy="ddp_fork")
    for key, value in together.items():
        torch.testing.assert_close(value, alone[key], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"trunk": ["encoder"]},
            UnknownModuleError,
            "no module of ConvAutoencoder is called 'encoder'; available: net",
        ),
        (
            {"trunk": ["net.encodr"]},
            UnknownModuleError,
            "module of ConvAutoencoder.net is called 'encodr'; did you mean 'encoder'",
        ),
        ({"trunk": ["net"]}, UsageError, "net leave the optimiser of net nothing to train"),
        ({"trunk": []}, UsageError, "nothing of ConvAutoencoder can be frozen for fine-tuning; it has net"),
        ({"stages": 6, "unfreeze_epoch": 0}, UsageError, "stages is 6, but the trunk has only 5 layers"),
    ],
)
def test_trunks_that_make_no_sense_are_refused(tmp_path, model, arguments, error, message):
    with pytest.raises(error, match=message):
        fit(tmp_path, model, FineTuning(**arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unfreeze_epoch": -1}, "unfreeze_epoch is -1"),
        ({"stages": 0}, r"stages \(0\)"),
        ({"stage_epochs": 0}, r"stage_epochs \(0\)"),
        ({"stages": 2}, "stages begin at unfreeze_epoch"),
        ({"lr_factor": 0.0}, "lr_factor is 0.0"),
        ({"lr_factor": 1.5}, "lr_factor is 1.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FineTuning(**arguments)


def test_random_weights_are_not_frozen(tmp_path):
    with pytest.raises(UsageError, match=r"would freeze random weights; .* --model\.weights NAME"):
        fit(tmp_path, colorzoo.create("conv_autoencoder", **TINY), FineTuning())


def test_a_method_in_closed_form_has_nothing_to_freeze(tmp_path):
    model = colorzoo.create(
        "pca_denoiser", size=8, components=4, weights=written(tmp_path, "pca_denoiser", size=8, components=4)
    )
    with pytest.raises(UsageError, match="nothing of PCADenoiser can be frozen"):
        fit(tmp_path, model, FineTuning(), noise=Noise(impulse=0.1))


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(24):
        colours = random.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        PIL.Image.fromarray(colours).resize((28, 20)).save(folder / f"{index}.png")
    return folder


def test_a_folder_is_all_it_takes_and_the_result_is_published(tmp_path, photographs, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained = written(tmp_path, "fusion_cnn")
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]
    small = ["--trainer.max_epochs=1", "--data.size=16", "--data.batch_size=8", "--data.num_workers=0", *quiet]
    classes = ["--model=FusionCNN", "--model.num_classes=5", "--model.weights", trained]
    given = ["fit", "--config", str(RECIPE), "--data.root", str(photographs), *small, *classes]
    assert main(given) == 2
    assert "head.weight is [10, 128] there and [5, 128] here" in capsys.readouterr().err
    cli = run([*given, "--reinit=[head]"])
    before, after = checkpoint_file.read(Path(trained)).tensors, cli.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items() if key.startswith("encoder"))
    assert not torch.equal(after["decoder.0.0.weight"], before["decoder.0.0.weight"])

    best = Path(cli.trainer.checkpoint_callback.best_model_path)
    config = Path(cli.trainer.log_dir) / "config.yaml"
    publish(best, "fusion_cnn.mine", config, tmp_path / "published", licence="CC-BY-4.0")
    published = colorzoo.load(tmp_path / "published" / "fusion_cnn.mine.safetensors")
    record = colorzoo.info(tmp_path / "published" / "fusion_cnn.mine.safetensors")
    assert published.hparams["num_classes"] == 5
    assert record.licence == "CC-BY-4.0"
    assert record.base.name == Path(trained).name
    assert record.base.sha256 == checkpoint_file.read(Path(trained)).digest
    assert f"started from {record.base.name}" in record.data
    card = (tmp_path / "published" / "fusion_cnn.mine.md").read_text()
    assert f'colorzoo.load("{tmp_path}/published/fusion_cnn.mine.safetensors")' in card
    assert f"Started from: {record.base.describe()}" in card
    assert record.data.startswith(f"{len(cli.datamodule.split_names()['train'])} train images")
    picture = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(published(picture), colorzoo.load(best)(picture), atol=1 / 255, rtol=0)
    # What was replaced at the start is not replaced in what came of it.
    measured = run(["test", "--config", str(config), "--model.weights", str(best), "--trainer.logger=false"])
    assert torch.equal(measured.model.head.weight, colorzoo.load(best).head.weight)
