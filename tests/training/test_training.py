import csv
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
import yaml

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.cli import main
from colorzoo.data.batches import color_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import CheckpointError, DataError
from colorzoo.hub import checkpoint_file
from colorzoo.hub.model_card import write_reports
from colorzoo.metrics import color_metrics, colorfulness, denoising_metrics, median, mse, psnr
from colorzoo.noise.synthesis import Noise
from colorzoo.training.cli import run
from colorzoo.training.publish import publish

CONFIGS = Path(__file__).parents[2] / "configs"
RECIPES = sorted(CONFIGS.glob("*.yaml"))
by_name = {"ids": lambda path: path.stem}

SMALL = ["--data.train_images=8", "--data.val_images=4", "--data.test_images=4", "--data.batch_size=4"]
QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    config = {
        "model": {"class_path": "FusionCNN"},
        "data": {
            "class_path": "SyntheticDataModule",
            "init_args": {"train_images": 16, "val_images": 8, "test_images": 8, "batch_size": 8},
        },
        "trainer": {"max_epochs": 1, "enable_progress_bar": False, "accelerator": "cpu"},
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def trained(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    cli = run(["fit", "--config", str(recipe), "--trainer.default_root_dir", str(folder)])
    return Path(cli.trainer.checkpoint_callback.best_model_path)


def run_before(recipe):
    """Run, for an epoch, the recipe whose run another one starts from, and before it that one's own."""
    given = yaml.safe_load(recipe.read_text())["model"].get("init_args", {})
    source = given.get("weights") or given.get("backbone_weights")
    if source is not None and source.startswith("runs/"):
        before = CONFIGS / f"{Path(source).parts[1]}.yaml"
        run_before(before)
        run(["fit", "--config", str(before), "--data=Synthetic", *SMALL, *QUIET, "--trainer.max_epochs=1"])


def starting_weights(recipe):
    """Weights, here random ones in a file, for a recipe that leaves it to the command line to name some."""
    config = yaml.safe_load(recipe.read_text())
    if "weights" in config["model"].get("init_args", {}) or not any(
        "FineTuning" in callback["class_path"] for callback in config["trainer"].get("callbacks", [])
    ):
        return []
    model = colorzoo.create("photo_unet", **config["model"].get("init_args", {}))
    start = checkpoint_file.Checkpoint(Path("start.ckpt"), "photo_unet", model.hparams, model.state_dict(), None)
    checkpoint_file.write_ckpt(start)
    return ["--model.weights=start.ckpt"]


@pytest.mark.parametrize("recipe", RECIPES, **by_name)
def test_every_recipe_runs_as_it_stands(recipe):
    run_before(recipe)
    given = ["--data=Synthetic", *SMALL, *QUIET, *starting_weights(recipe)]
    run(["fit", "--config", str(recipe), *given, "--trainer.fast_dev_run=true"])


@pytest.mark.parametrize("recipe", RECIPES, **by_name)
def test_every_recipe_prints_its_configuration(recipe, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", str(recipe), "--print_config"])
    assert stop.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["model"]["class_path"].startswith("colorzoo.models.")
    assert printed["optim"].items() >= yaml.safe_load(recipe.read_text()).get("optim", {}).items()


def test_unknown_weights_end_with_one_line(recipe, capsys):
    assert main(["test", "--config", str(recipe), "--model.weights", "fusion_cn"]) == 2
    assert "did you mean 'fusion_cnn" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_run_that_was_not_made_yet_ends_with_one_line(capsys):
    recipe = CONFIGS / "fusion_transfer.resnet18.yaml"
    assert main(["fit", "--config", str(recipe), "--data=Synthetic", *SMALL, *QUIET]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("colorzoo: runs/fusion_transfer.tiny_imagenet/")
    assert "is no file" in said


@pytest.mark.parametrize("verb", ["test", "validate", "predict"])
def test_random_weights_are_never_measured(recipe, verb, capsys):
    assert main([verb, "--config", str(recipe)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "--model.weights NAME" in line


def test_fit_logs_figures_baselines_and_pictures(recipe):
    logger = ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=logs"]
    cli = run(["fit", "--config", str(recipe), *logger])
    folder = Path(cli.trainer.log_dir)
    with (folder / "metrics.csv").open() as stream:
        columns = set(csv.DictReader(stream).fieldnames)
    assert {"train/loss_epoch", "val/mse", "val/grey_mse", "val/luma_mse", "val/psnr", "val/accuracy"} <= columns
    with PIL.Image.open(folder / "pictures" / "epoch-000.png") as image:
        assert image.size == (3 * 34 + 2, 8 * 34 + 2)


def test_validation_figures_do_not_depend_on_the_batch_size(recipe, trained):
    arguments = ["test", "--config", str(recipe), "--model.weights", str(trained), "--trainer.logger=false"]
    figures = [dict(run([*arguments, f"--data.batch_size={size}"]).trainer.callback_metrics) for size in (8, 3)]
    for name, value in figures[0].items():
        torch.testing.assert_close(figures[1][name], value, atol=1e-5, rtol=1e-4)


def test_weights_of_a_run_start_another_and_ckpt_path_resumes(recipe, trained):
    source = colorzoo.load(trained).state_dict()
    still = ["--optim.lr=1e-30", "--trainer.limit_train_batches=1", "--trainer.logger=false"]
    started = run(["fit", "--config", str(recipe), "--model.weights", str(trained), *still])
    assert torch.allclose(started.model.state_dict()["head.weight"], source["head.weight"])
    resumed = run(["fit", "--config", str(recipe), "--ckpt_path", str(trained), "--trainer.max_epochs=2"])
    assert resumed.trainer.current_epoch == 2
    assert resumed.trainer.global_step == 4


def test_predict_writes_each_picture_under_its_name(recipe, trained, tmp_path):
    run(["predict", "--config", str(recipe), "--model.weights", str(trained), "--predictions.folder", str(tmp_path)])
    written = sorted(path.name for path in tmp_path.glob("synthetic-*.png"))
    assert written == [f"synthetic-32-0-{2_000_000 + index}.png" for index in range(8)]
    model, grey = colorzoo.load(trained), held_out_pairs()["grey"]
    with torch.no_grad():
        expected = (model(grey)[3] * 255).round()
    with PIL.Image.open(tmp_path / written[3]) as image:
        seen = torch.from_numpy(np.asarray(image).copy()).movedim(-1, 0)
    assert float((seen - expected).abs().max()) <= 1


def test_predict_overwrites_nothing(recipe, trained, tmp_path):
    precious = tmp_path / "synthetic-32-0-2000000.png"
    precious.write_text("precious")
    given = ["predict", "--config", str(recipe), "--model.weights", str(trained), "--predictions.folder", str(tmp_path)]
    assert main(given) == 2
    assert precious.read_text() == "precious"


def held_out_pairs():
    return color_batch(SyntheticDataModule(test_images=8).load_split("test").load_batch(list(range(8))))


def test_publish_measures_writes_and_never_replaces(recipe, trained, tmp_path, monkeypatch):
    folder = tmp_path / "published"
    said = publish(trained, "fusion_cnn.toy", recipe, folder, notes="A toy.")
    path = folder / "fusion_cnn.toy.safetensors"
    assert str(path) in said
    record = checkpoint_file.read(path).record
    assert record.evaluated_on == "8 test images of SyntheticDataModule, seed 0"
    assert set(record.baselines) == {"luma grey", "L* grey", "truth", "most frequent class"}
    assert next(iter(record.metrics)) == "mse"

    monkeypatch.setenv("COLORZOO_HOME", str(folder))
    arguments = ["test", "--config", str(recipe), "--model.weights", "fusion_cnn.toy", "--trainer.logger=false"]
    measured = run(arguments).trainer.callback_metrics
    assert float(measured["test/mse"]) == pytest.approx(record.metrics["mse"], rel=1e-6)

    card = (folder / "fusion_cnn.toy.md").read_text()
    assert "A toy." in card
    assert "luma grey" in card
    with (folder / "results.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["baseline"] for row in rows if row["figure"] == "mse"} == {"luma grey", "L* grey"}
    before = {file: file.read_bytes() for file in folder.iterdir()}
    write_reports(folder, colorzoo.list_models())
    assert {file: file.read_bytes() for file in folder.iterdir()} == before

    with pytest.raises(CheckpointError, match="never change"):
        publish(trained, "fusion_cnn.toy", recipe, folder)


def test_publish_refuses_other_names_and_other_splits(recipe, trained, tmp_path):
    for name in ("other_cnn.toy", "fusion_cnn"):
        with pytest.raises(CheckpointError, match=r"publish it as fusion_cnn\.TAG"):
            publish(trained, name, recipe, tmp_path / "published")
    other = tmp_path / "other.yaml"
    other.write_text(
        recipe.read_text().replace("class_path: FusionCNN", "class_path: FusionCNN\n  init_args: {alpha: 0}")
    )
    with pytest.raises(CheckpointError, match="says otherwise"):
        publish(trained, "fusion_cnn.toy", other, tmp_path / "published")
    other.write_text(recipe.read_text().replace("train_images: 16", "train_images: 17"))
    with pytest.raises(CheckpointError, match="trained on other splits"):
        publish(trained, "fusion_cnn.toy", other, tmp_path / "published")
    assert not (tmp_path / "published").exists()


def test_cosine_schedule_rises_and_falls():
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    optim = OptimizerConfig(lr=1.0, schedule="cosine", warmup=0.1)
    optimizer = optim.optimizer([parameter])
    scheduler = optim.scheduler(optimizer, steps=100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[-1] < 0.001
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_constant_rate_is_no_schedule_that_would_undo_what_a_callback_sets():
    optim = OptimizerConfig()
    assert optim.scheduler(optim.optimizer([torch.nn.Parameter(torch.zeros(2, 2))]), steps=float("inf")) is None


def test_a_cosine_without_an_end_is_refused():
    optim = OptimizerConfig(schedule="cosine")
    with pytest.raises(ValueError, match="max_epochs"):
        optim.scheduler(optim.optimizer([torch.nn.Parameter(torch.zeros(2, 2))]), steps=float("inf"))


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop"])
def test_every_optimizer_learns_and_spares_norms_from_decay(name):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    optimizer = OptimizerConfig(name=name, lr=0.01, weight_decay=0.1, momentum=0.5).optimizer(model.parameters())
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 3]


@pytest.mark.parametrize("name", ["adamw", "adam"])
def test_a_fused_step_is_the_same_step(name):
    ends = []
    for fused in (False, True):
        torch.manual_seed(0)
        net = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        optimizer = OptimizerConfig(name=name, lr=0.01, weight_decay=0.1).optimizer(net.parameters(), fused=fused)
        for _ in range(3):
            optimizer.zero_grad()
            net(torch.rand(2, 3, 8, 8)).square().mean().backward()
            optimizer.step()
        ends.append(torch.cat([parameter.detach().flatten() for parameter in net.parameters()]))
    torch.testing.assert_close(*ends)


@pytest.mark.parametrize("arguments", [{"lr": 0}, {"weight_decay": -1}, {"momentum": 1}, {"warmup": 1}])
def test_optimisers_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        OptimizerConfig(**arguments)


def test_figures_of_known_pictures():
    truth = torch.full((2, 3, 16, 16), 0.5)
    off = truth.clone()
    off[0] += 0.1
    torch.testing.assert_close(mse(off, truth), torch.tensor([0.01, 0.0]))
    torch.testing.assert_close(psnr(off, truth), torch.tensor([20.0, 100.0]), atol=1e-3, rtol=0)
    assert float(colorfulness(truth).max()) == pytest.approx(0, abs=1e-4)
    # One half pure red, the other pure blue: by hand, sd(rg) = 127.5, sd(yb) = 191.25, and means 127.5 and -63.75.
    halves = torch.zeros(1, 3, 2, 2)
    halves[0, 0, 0] = halves[0, 2, 1] = 1.0
    by_hand = (127.5**2 + 191.25**2) ** 0.5 + 0.3 * (127.5**2 + 63.75**2) ** 0.5
    assert float(colorfulness(halves)) == pytest.approx(by_hand, rel=1e-5)


def test_figures_do_not_depend_on_precision():
    truth, rgb = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    expected = color_metrics(rgb, truth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert color_metrics(rgb, truth) == expected


def test_the_panel_stands_beside_its_baselines():
    truth = torch.rand(3, 3, 16, 16)
    figures = color_metrics(truth, truth)
    assert float(figures["mse"]) == 0
    assert float(figures["grey_mse"]) > float(figures["luma_mse"]) > 0
    assert {name for name in figures if name.endswith("ssim")} == {"ssim", "grey_ssim", "luma_ssim"}
    assert not any(name.endswith("ssim") for name in color_metrics(truth[..., :8], truth[..., :8]))


def test_the_panel_of_denoisers_stands_beside_noise_and_median():
    clean = torch.full((2, 1, 16, 16), 0.5)
    noisy = clean.clone()
    noisy[:, :, 8, 8] = 1.0
    figures = denoising_metrics(clean, clean, noisy)
    assert float(figures["mse"]) == 0
    assert float(figures["noisy_mse"]) == pytest.approx(0.25 / 256)
    assert float(figures["median_mse"]) == pytest.approx(0, abs=1e-9)
    assert float(figures["switching_mse"]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model=LinearDenoiser"], "data.noise.impulse"),
        (["--model=FusionCNN", "--data.noise.impulse=0.1"], "leave out data.noise"),
    ],
)
def test_data_of_another_kind_are_refused(options, message, capsys):
    assert main(["fit", "--data=Synthetic", *SMALL, *QUIET, "--trainer.fast_dev_run=true", *options]) == 2
    assert message in capsys.readouterr().err


def test_denoisers_of_one_channel_learn_from_colour():
    options = ["--data.noise.impulse=0.1", "--data.color=true", "--model=LinearDenoiser"]
    run(["fit", "--data=Synthetic", *SMALL, *QUIET, "--trainer.fast_dev_run=true", *options])


def test_a_run_is_not_resumed_on_other_noise():
    data = SyntheticDataModule(noise=Noise(impulse=0.4))
    with pytest.raises(DataError, match="salt and pepper on 40 %"):
        SyntheticDataModule(noise=Noise(impulse=0.15)).load_state_dict(data.state_dict())


def test_the_median_repeats_the_border():
    corner = torch.zeros(1, 1, 3, 3)
    corner[..., :2, :2] = 1.0
    assert float(median(corner)[0, 0, 0, 0]) == 1.0
    assert float(median(corner)[0, 0, 2, 2]) == 0.0
