"""What a user types after ``colorzoo fit``: names, optimisers, and mistakes that are answered in one line."""

from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LightningCLI

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.cli import main
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.models import ConvDenoiser
from colorzoo.training.arguments import find_config
from colorzoo.training.cli import run

TINY = ["--model=ConvDenoiser", "--model.filters=[2]", "--data=synthetic", "--data.noise.impulse=0.1"]
FEW = ["--data.train_images=8", "--data.val_images=4", "--data.test_images=4", "--data.batch_size=4"]
QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]
ONE_EPOCH = ["--trainer.max_epochs=1", "--trainer.logger=false", "--trainer.enable_checkpointing=false"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def printed(*args, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", *args, "--print_config"])
    assert stop.value.code == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("model", "data"),
    [("fusion_cnn", "cifar10"), ("FusionCNN", "CIFAR10"), ("FusionCNN", "CIFAR10DataModule")],
)
def test_models_and_data_are_known_by_several_names(model, data, capsys):
    config = printed("--model", model, f"--data={data}", "--model.alpha=0.5", capsys=capsys)
    assert config["model"]["class_path"].startswith("colorzoo.models.")
    assert config["model"]["init_args"]["alpha"] == 0.5
    assert config["data"]["class_path"].endswith(".CIFAR10DataModule")


def test_callbacks_are_known_by_their_class_names(capsys):
    callbacks = ["FineTuning", "ReduceLROnPlateauAndStop", "ImageGrid"]
    config = printed(*TINY, *(f"--trainer.callbacks+={name}" for name in callbacks), capsys=capsys)
    assert [entry["class_path"].rpartition(".")[2] for entry in config["trainer"]["callbacks"]] == callbacks


@pytest.mark.parametrize("name", ["configs/fusion_cnn.yaml", "fusion_cnn.yaml", "fusion_cnn"])
@pytest.mark.parametrize("home", ["site/colorzoo/configs", "site/configs"], ids=["wheel", "checkout"])
def test_configs_of_the_package_are_found_from_any_folder(name, home, tmp_path, monkeypatch):
    packaged = tmp_path / home / "fusion_cnn.yaml"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    monkeypatch.setattr(colorzoo, "__file__", str(tmp_path / "site" / "colorzoo" / "__init__.py"))
    assert find_config(name) == packaged
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).touch()
    assert find_config(name) == Path(name), "a file of one's own comes first"


def test_a_packaged_config_needs_only_its_name(capsys):
    assert printed("--config", "fusion_cnn", capsys=capsys)["model"]["class_path"] == "colorzoo.models.FusionCNN"


WRONG = {
    "--model fusion_cn --data cifar10": "no model is called 'fusion_cn'; did you mean 'fusion_cnn'?",
    "--model FusionCN --data cifar10": "did you mean 'FusionCNN'?",
    "--model photo_unet.true --data cifar10": "give --model photo_unet --model.weights photo_unet.true",
    "--model fusion_cnn --data cifar": "no DataModule is called 'cifar'; did you mean 'cifar10'?",
    "--model fusion_cnn --data cifar10 --model.alfa 1": "no argument of FusionCNN is called 'alfa'; did you mean",
    "--model fusion_cnn --data cifar10 --data.batch_sze 1": "did you mean 'batch_size'?",
    "--model fusion_cnn --data cifar10 --data.noise.impuls 1": "no argument of Noise is called 'impuls'",
    "--model fusion_cnn --data cifar10 --trainer.acelerator cpu": "did you mean --trainer.accelerator?",
    "--model fusion_cnn --data cifar10 --trainer.max_epochs few": "--trainer.max_epochs is few; give int or null",
    "--model fusion_cnn --data cifar10 --data.batch_size few": "--data.batch_size is few; give int",
    "--model fusion_cnn --data cifar10 --data.grey light": "--data.grey is light; give lightness or luma",
    "--model fusion_cnn --data cifar10 --optimizer Adamm": "did you mean 'Adam'?",
    "--model fusion_cnn --data cifar10 --trainer.callbacks+=FineTunin": "did you mean 'FineTuning'?",
    "--model fusion_cnn --data cifar10 --trainer.callbacks+=EarlyStopping": "EarlyStopping needs monitor",
    "--model fusion_cnn --data cifar10 --optim.lr -1": "lr is -1.0; give a positive number",
    "--model fusion_cnn --data cifar10 --ckpt_path missing.ckpt": "missing.ckpt is no file",
    "--model fusion_cnn --data cifar10 --reinit [head]": "add --model.weights NAME",
    "--model fusion_cnn": "give --data",
    "--model.alpha 1 --data cifar10": "give --model NAME too",
    "--config fusion_cn": "no packaged config is called 'fusion_cn'; did you mean 'fusion_cnn'?",
}


@pytest.mark.parametrize("args", WRONG)
def test_mistakes_are_answered_in_one_line(args, capsys):
    assert main(["fit", *args.split()]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert WRONG[args] in line


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--trainer.strategy=no_such"], "invalid strategy name"),
        (["--optim.schedule=cosine", "--trainer.max_epochs=-1"], "set max_epochs or max_steps"),
        (["--model=Pix2Pix", "--model.size=16", "--model.width=8", "--data.noise=null"], "leave out --optimizer"),
    ],
)
def test_what_lightning_refuses_ends_in_one_line_without_a_traceback(args, message, capsys):
    given = ["--optimizer=SGD"] if "Pix2Pix" in args[0] else []
    assert main(["fit", *TINY, *FEW, *QUIET, "--trainer.logger=false", *args, *given]) == 2
    error = capsys.readouterr().err
    assert message in error.strip().splitlines()[-1]
    assert "Traceback" not in error


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_named(capsys):
    assert main(["fit", *TINY, *FEW, "--trainer.accelerator=gpu"]) == 2
    assert "gpu" in capsys.readouterr().err.strip().splitlines()[-1]


def test_optimizer_and_schedule_may_be_classes_and_stand_in_the_log():
    classes = ["--optimizer=SGD", "--optimizer.momentum=0.5", "--lr_scheduler=StepLR", "--lr_scheduler.step_size=1"]
    logger = ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=logs"]
    cli = run(["fit", *TINY, *FEW, *QUIET, *classes, "--optim.lr=0.02", "--trainer.max_epochs=2", *logger])
    (optimizer,) = cli.trainer.optimizers
    assert type(optimizer) is torch.optim.SGD
    assert optimizer.defaults["momentum"] == 0.5
    assert optimizer.param_groups[0]["initial_lr"] == 0.02
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.02 * 0.1**2)
    logged = yaml.safe_load((Path(cli.trainer.log_dir) / "hparams.yaml").read_text())
    assert logged["model/filters"] == [2]
    assert logged["optim/name"] == "torch.optim.SGD"
    assert (logged["optim/lr"], logged["optim/momentum"]) == (0.02, 0.5)
    assert logged["data/batch_size"] == 4


def test_a_schedule_may_watch_a_metric_beside_our_optimizer():
    watch = ["--lr_scheduler=ReduceLROnPlateau", "--lr_scheduler.monitor=val/mse"]
    cli = run(["fit", *TINY, *FEW, *QUIET, *ONE_EPOCH, *watch, "--optim.name=adam"])
    assert type(cli.trainer.optimizers[0]) is torch.optim.Adam
    assert type(cli.trainer.lr_scheduler_configs[0].scheduler).__name__ == "ReduceLROnPlateau"


def test_the_learning_rate_finder_works():
    steps = ["--data.train_images=16", "--data.batch_size=1", "--trainer.callbacks+=LearningRateFinder"]
    steps += ["--trainer.callbacks.num_training_steps=16", "--trainer.callbacks.early_stop_threshold=null"]
    cli = run(["fit", *TINY, *FEW, *QUIET, *ONE_EPOCH, *steps, "--optimizer=SGD"])
    assert cli.model.lr != OptimizerConfig().lr
    assert cli.trainer.optimizers[0].param_groups[0]["lr"] == cli.model.lr


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    cli = run(["fit", *TINY, *FEW, *QUIET, "--trainer.max_epochs=1", f"--trainer.default_root_dir={folder}"])
    return cli.trainer.checkpoint_callback.best_model_path


@pytest.mark.parametrize("option", ["--ckpt_path", "--model.weights"])
def test_what_is_not_said_of_the_model_its_checkpoint_says(trained, option):
    data = [TINY[2], TINY[3], *FEW, *QUIET, "--trainer.logger=false"]
    cli = run(["test", "--model=conv_denoiser", option, trained, *data])
    assert cli.model.hparams["filters"] == [2]


def test_a_checkpoint_of_another_model_is_refused_in_one_line(trained, capsys):
    for option in ("--ckpt_path", "--model.weights"):
        assert (
            main(["test", "--model=dense_denoiser", option, trained, "--data=synthetic", "--data.noise.impulse=0.1"])
            == 2
        )
        assert "holds a conv_denoiser, not a dense_denoiser" in capsys.readouterr().err.strip().splitlines()[-1]


def test_the_models_and_data_work_in_a_lightning_cli_of_ones_own():
    config = {
        "model": {"class_path": "colorzoo.models.ConvDenoiser", "init_args": {"filters": [2]}},
        "data": {
            "class_path": "colorzoo.datamodules.synthetic.SyntheticDataModule",
            "init_args": {"train_images": 8, "val_images": 4, "batch_size": 4, "noise": {"impulse": 0.1}},
        },
        "trainer": {"accelerator": "cpu", "fast_dev_run": True, "enable_progress_bar": False},
    }
    Path("config.yaml").write_text(yaml.safe_dump(config))
    cli = LightningCLI(
        LightningModule,
        ImageDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=None,
        args=["fit", "--config=config.yaml"],
    )
    assert cli.model.hparams["filters"] == [2]
    assert cli.trainer.global_step == 1


class MyDenoiser(ConvDenoiser):
    def __init__(self, filters: list[int] = [2], gain: float = 1.0, weights: str | None = None) -> None:  # noqa: B006
        super().__init__(filters=filters)


def test_a_registered_model_is_known_by_its_name(monkeypatch):
    monkeypatch.setattr("colorzoo.registry._registered", {})
    colorzoo.register(MyDenoiser)
    cli = run(["fit", "--model=my_denoiser", "--model.gain=2", *TINY[2:], *FEW, *QUIET, "--trainer.fast_dev_run=true"])
    assert type(cli.model) is MyDenoiser
    assert cli.model.hparams["gain"] == 2
