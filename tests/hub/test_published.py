"""What is in checkpoints/ loads, answers as it did when it was published, and beats what needs no model."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.errors import DataError, UnknownModelError
from colorzoo.hub.model_card import write_reports
from colorzoo.hub.published import published
from colorzoo.metrics import BASELINES
from colorzoo.registry import model_class
from colorzoo.training.cli import run

ROOT = Path(__file__).parents[2]
GOLDENS = Path(__file__).parents[1] / "goldens"
every_checkpoint = pytest.mark.parametrize(
    "name", sorted(path.stem for path in (ROOT / "checkpoints").glob("*.safetensors"))
)


@pytest.mark.parametrize("name", colorzoo.list_models())
def test_a_method_loads_by_its_name_or_says_that_it_is_not_published(name):
    if any(tag.startswith(f"{name}.") for tag in published()):
        assert not colorzoo.load(name).training
        assert isinstance(colorzoo.load(name), model_class(name))
    else:
        with pytest.raises(UnknownModelError, match=f"nothing is published of {name} yet"):
            colorzoo.load(name)


@every_checkpoint
def test_answers_are_those_of_the_day_of_publication(name, script):
    expected = np.load(GOLDENS / f"{name}.npy")
    np.testing.assert_allclose(script("tests/goldens/write.py").answer(name), expected, atol=1e-4)


@every_checkpoint
def test_it_beats_what_needs_no_model(name):
    record = colorzoo.info(name)
    assert record.metrics["mse"] < min(values["mse"] for values in record.baselines.values() if "mse" in values)


def assert_unchanged(figure, measured, published):
    """Mean errors to a thousandth, which is less than 0.01 dB; PSNR to 0.01 dB."""
    bound = {"abs": 0.01, "rel": 0} if figure.endswith("psnr") else {"rel": 1e-3}
    assert float(measured) == pytest.approx(published, **bound), figure


@pytest.mark.slow  # with its data, which CI does not have: the check before a release
@every_checkpoint
def test_its_figures_are_measured_again(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = colorzoo.info(name)
    recipe = ROOT / record.recipe
    single = ["--trainer.accelerator=cpu", "--trainer.devices=1", "--trainer.logger=false"]
    try:
        measured = run(["test", "--config", str(recipe), "--model.weights", name, *single]).trainer.callback_metrics
    except DataError as error:
        pytest.skip(f"needs its data in COLORZOO_DATA: {error}")
    for figure, value in record.metrics.items():
        assert_unchanged(figure, measured[f"test/{figure}"], value)
    prefixes = {baseline: prefix for prefix, baseline in BASELINES.items()}
    for baseline in set(record.baselines) & set(prefixes):
        for figure, value in record.baselines[baseline].items():
            assert_unchanged(figure, measured[f"test/{prefixes[baseline]}{figure}"], value)


@every_checkpoint
def test_its_recipe_is_here(name):
    assert (ROOT / colorzoo.info(name).recipe).is_file()


@every_checkpoint
def test_it_does_its_work_on_a_photograph(name):
    model = colorzoo.load(name)
    if isinstance(model, Colorizer):
        picture = np.asarray(model.colorize(ROOT / "examples" / "cameraman.png"))
        assert picture.shape == (512, 512, 3)
        assert picture.std(axis=2).mean() > 1
    else:
        whole = PIL.Image.open(ROOT / "examples" / "cameraman.png").convert("RGB" if model.channels == 3 else "L")
        image = whole.crop((100, 100, 400, 300))
        assert model.denoise(image).size == image.size


@every_checkpoint
def test_parameters_are_counted(name):
    assert colorzoo.info(name).parameters == sum(p.numel() for p in colorzoo.load(name).parameters())


@every_checkpoint
def test_stored_tensors_are_finite(name):
    assert all(bool(torch.isfinite(tensor).all()) for tensor in colorzoo.load(name).state_dict().values())


def test_all_files_together_stay_small():
    assert sum(path.stat().st_size for path in (ROOT / "checkpoints").iterdir()) < 60e6


def test_cards_table_and_readme_are_as_generated(tmp_path, monkeypatch):
    monkeypatch.setattr("colorzoo.registry._registered", {})  # what an example in the documentation registers
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    kept = {path.name: path.read_bytes() for path in (ROOT / "checkpoints").iterdir()}
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    (tmp_path / "README.md").write_bytes((ROOT / "README.md").read_bytes())
    write_reports(folder, colorzoo.list_models())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept
    assert (tmp_path / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()
