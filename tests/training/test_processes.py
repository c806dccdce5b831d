"""Two processes learn, measure and write what one does."""

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.callbacks.prediction_writer import PredictionWriter
from colorzoo.datamodules.folder import ImageFolderDataModule
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import DataError
from colorzoo.noise.synthesis import Noise, add_noise
from colorzoo.runtime.batch_random import SharedRandom
from colorzoo.training.cli import run

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
NOISE = Noise(impulse=0.1, sigma=(5.0, 30.0))


def together():
    # Processes that wait for each other for ever should fail, not hang.
    return {"devices": 2, "strategy": DDPStrategy(start_method="fork", timeout=timedelta(seconds=180))}


def fit(model, data, folder, **options):
    trainer = Trainer(max_epochs=2, default_root_dir=folder, enable_checkpointing=False, **QUIET, **options)
    trainer.fit(with_optim(model, OptimizerConfig(name="sgd", lr=0.1)), data)
    return model.state_dict(), trainer.callback_metrics


def of_size(batch_size, **options):
    # Five validation images in batches of two: one process has two batches to measure, the other one.
    counts = {"train_images": 9, "val_images": 5, "test_images": 5, "eval_batch_size": 2}
    return SyntheticDataModule(size=16, batch_size=batch_size, random_shift=2, **counts, **options)


@pytest.mark.parametrize(
    ("name", "options", "data"),
    [
        ("mlp", {"size": 16, "batch_norm": False, "norm_output": False}, {}),
        ("dense_denoiser", {"size": 16, "batch_norm": False}, {"noise": NOISE}),
        ("pca_denoiser", {"size": 8, "components": 4, "recentre": True}, {"noise": NOISE}),
    ],
)
def test_two_processes_learn_and_measure_what_one_does_with_the_joint_batch(name, options, data, tmp_path):
    before = colorzoo.create(name, **options).state_dict()

    def trained(batch_size, **devices):
        model = colorzoo.create(name, **options)
        model.load_state_dict(before)
        return fit(model, of_size(batch_size, **data), tmp_path, **devices)

    alone, figures = trained(4)
    shared, same = trained(2, **together())
    for key, value in alone.items():
        torch.testing.assert_close(shared[key], value, atol=1e-5, rtol=1e-4)
    assert any((value - before[key]).abs().max() > 1e-4 for key, value in alone.items())
    measured = [key for key in figures if key.startswith("val/")]
    assert len(measured) > 3
    for key in measured:
        torch.testing.assert_close(same[key], figures[key], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "data"), [("mlp", {"size": 16}, {}), ("linear_denoiser", {"fill": True}, {"noise": NOISE})]
)
def test_buffers_and_unequal_shares_keep_no_process_waiting(name, options, data, tmp_path):
    model = colorzoo.create(name, **options)
    _, figures = fit(model, of_size(2, **data), tmp_path, **together())
    assert torch.isfinite(figures["val/loss"])
    # What was measured is what came back, the statistics of the first process included.
    trainer = Trainer(**QUIET)
    again = trainer.validate(model, of_size(2, **data), verbose=False)[0]
    assert again["val/mse"] == pytest.approx(float(figures["val/mse"]), rel=1e-4)


def test_the_test_loop_measures_each_picture_once():
    task = colorzoo.create("mlp", size=16)
    alone, shared = (
        Trainer(**QUIET, **devices).test(task, of_size(2), verbose=False)[0] for devices in ({"devices": 1}, together())
    )
    assert shared == pytest.approx(alone, rel=1e-4)


def test_more_processes_than_pictures_to_measure_are_refused(monkeypatch):
    data = SyntheticDataModule(size=8, val_images=1)
    data.setup("validate")
    monkeypatch.setattr(SyntheticDataModule, "_process", lambda _: (1, 2))
    with pytest.raises(DataError, match=r"1 val images are too few for 2 processes; set trainer\.devices lower"):
        data.val_dataloader()


def test_noise_is_that_of_the_joint_batch():
    clean = torch.rand(6, 1, 8, 8)
    noisy = add_noise(clean, NOISE, draws=SharedRandom(3))
    for process in (0, 1, 2):
        mine = add_noise(clean[process::3], NOISE, draws=SharedRandom(3, process=process, processes=3))
        assert torch.equal(mine, noisy[process::3])
    assert not torch.equal(add_noise(clean, NOISE, draws=SharedRandom(4)), noisy)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for index in range(7):
        path = folder / f"box{index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = np.random.default_rng(index).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        PIL.Image.fromarray(levels).save(path)
    return folder


def predict(photos, folder, writer=None, unreadable="fail", **devices):
    data = ImageFolderDataModule(str(photos), size=16, batch_size=2, num_workers=0, unreadable=unreadable)
    trainer = Trainer(callbacks=[writer or PredictionWriter(str(folder))], **QUIET, **devices)
    trainer.predict(colorzoo.create("mlp", size=16), data, return_predictions=False)


def written(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.png")}


@pytest.mark.parametrize("devices", [dict, together], ids=["one", "two"])
def test_every_picture_of_a_folder_is_predicted_once_and_not_again(photos, tmp_path, devices):
    folder = tmp_path / "out"
    # Nothing may be there that is to be written: an image that came twice would end the run.
    predict(photos, folder, **devices())
    first = written(folder)
    assert set(first) == {f"{path.relative_to(photos).as_posix()}.png" for path in photos.rglob("*.png")}

    gone = folder / "box1" / "3.png.png"
    gone.unlink()
    (photos / "box0" / "0.png").write_bytes(b"who reads this ends the run")
    predict(photos, folder, PredictionWriter(str(folder), skip_existing=True), **devices())
    second = written(folder)
    assert set(second) == set(first)
    assert [name for name in first if second[name] != first[name]] == ["box1/3.png.png"]
    predict(photos, folder, PredictionWriter(str(folder), skip_existing=True), **devices())
    assert written(folder) == second


def test_no_picture_is_written_in_place_of_one_that_cannot_be_read(photos, tmp_path):
    (photos / "box0" / "2.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"skipped: .*2\.png"):
        predict(photos, tmp_path / "out", unreadable="skip")
    assert len(written(tmp_path / "out")) == 6


def test_predictions_are_not_written_among_what_is_read(photos):
    with pytest.raises(DataError, match="lies in the folder of the images; choose another"):
        predict(photos, photos / "out")


def test_replacing_and_leaving_out_contradict_each_other():
    with pytest.raises(ValueError, match="contradict"):
        PredictionWriter(overwrite=True, skip_existing=True)


CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.skipif("COLORZOO_SLOW" not in os.environ, reason="takes minutes; set COLORZOO_SLOW=1")
@pytest.mark.parametrize("recipe", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_runs_in_two_processes(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["--data.train_images=8", "--data.val_images=3", "--data.test_images=2", "--data.batch_size=4"]
    quiet = [
        f"--trainer.{key}={str(value).lower()}"
        for key, value in (QUIET | {"devices": 2, "strategy": "ddp_fork"}).items()
    ]
    options = [
        "--trainer.max_epochs=1",
        "--trainer.limit_train_batches=1",
        "--trainer.check_val_every_n_epoch=1",
        "--data=Synthetic",
        *small,
        *quiet,
    ]
    if "backbone_weights: runs/" in recipe.read_text():
        options.append("--model.backbone_weights=null")
    cli = run(["fit", "--config", str(recipe), *options])
    assert torch.isfinite(cli.trainer.callback_metrics["val/loss"])
