"""Axes, gains and means against a decomposition of the squares themselves; the one epoch that finds them."""

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch import Trainer

import colorzoo
from colorzoo.base.closed_form import ClosedFormOptimizer
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import CheckpointError
from colorzoo.noise.synthesis import Noise
from colorzoo.training.cli import run
from colorzoo.training.publish import publish

NOISE = Noise(sigma=60.0, bias=30.0)
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def create(**arguments):
    return colorzoo.create("pca_denoiser", **{"components": 5, "size": 4, **arguments})


def batches(count=3):
    """Images of three squares each, that vary most along a few directions, and their noisy versions."""
    mixed = torch.randn(6, 4 * 12) * 0.1
    clean = [(0.5 + torch.randn(20, 6) @ mixed).view(20, 1, 4, 12) for _ in range(count)]
    return [{"clean": picture, "noisy": (picture + 0.1 + 0.2 * torch.randn(20, 1, 4, 12)) * 0.9} for picture in clean]


def fitted(pairs, **arguments):
    model = create(**arguments)
    fit = ClosedFormOptimizer(model, sum_over_processes=lambda value: value)
    for batch in pairs:
        fit.observe(batch)
    fit.step()
    return model


def squares(pairs, key):
    return np.concatenate([batch[key].numpy().reshape(20, 4, 3, 4).swapaxes(1, 2).reshape(60, 16) for batch in pairs])


@pytest.mark.parametrize("fitted_on", ["noisy", "clean"])
def test_axes_and_mean_are_those_of_all_squares(fitted_on):
    pairs = batches()
    model = fitted(pairs, fitted_on=fitted_on)
    own = squares(pairs, fitted_on)
    first = np.linalg.svd(own - own.mean(axis=0))[2][:5]
    axes = model.axes.detach().numpy()
    np.testing.assert_allclose(axes.T @ axes, first.T @ first, atol=1e-4)
    for mean in (model.noisy_mean, model.clean_mean):
        np.testing.assert_allclose(mean.detach().numpy(), own.mean(axis=0), atol=1e-5)
    assert torch.equal(model.gains, torch.ones(5))


def test_the_document_restores_the_projection_on_the_first_axes():
    pairs = batches()
    model = fitted(pairs)
    noisy = squares(pairs, "noisy")
    mean, first = noisy.mean(axis=0), np.linalg.svd(noisy - noisy.mean(axis=0))[2][:5]
    expected = (noisy[:3] - mean) @ first.T @ first + mean
    restored = model.restore(pairs[0]["noisy"][:1]).detach().numpy()
    np.testing.assert_allclose(restored, expected.reshape(3, 4, 4).swapaxes(0, 1).reshape(1, 1, 4, 12), atol=1e-4)


def test_recentred_pictures_have_the_mean_of_the_clean_ones():
    pairs = batches()
    model = fitted(pairs, recentre=True)
    clean, noisy = (torch.cat([batch[key] for batch in pairs]) for key in ("clean", "noisy"))
    with torch.no_grad():
        torch.testing.assert_close(model.restore(noisy).mean(), clean.mean(), atol=1e-5, rtol=0)
        torch.testing.assert_close(fitted(pairs).restore(noisy).mean(), noisy.mean(), atol=1e-5, rtol=0)
    assert float((noisy.mean() - clean.mean()).abs()) > 0.01


@pytest.mark.parametrize("fitted_on", ["noisy", "clean"])
def test_gains_are_the_regressions_of_clean_on_noisy_components(fitted_on):
    pairs = batches()
    model = fitted(pairs, fitted_on=fitted_on, shrink=True, recentre=True)
    axes = model.axes.detach().numpy()
    noisy, clean = ((squares(pairs, key) - squares(pairs, key).mean(axis=0)) @ axes.T for key in ("noisy", "clean"))
    slopes = [np.polyfit(noisy[:, axis], clean[:, axis], 1)[0] for axis in range(5)]
    np.testing.assert_allclose(model.gains.detach().numpy(), slopes, atol=1e-4)


def test_statistics_are_in_full_precision_under_autocast():
    pairs = batches(1)
    exact = create().statistics(pairs[0])
    fit = ClosedFormOptimizer(create(), sum_over_processes=lambda value: value)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fit.observe(pairs[0])
    assert all(torch.equal(fit.totals[name], value) for name, value in exact.items())


def test_a_fit_is_not_resumed_without_what_it_had_observed():
    fit = ClosedFormOptimizer(create(), sum_over_processes=lambda value: value)
    fit.load_state_dict(fit.state_dict())
    fit.observe(batches(1)[0])
    with pytest.raises(CheckpointError, match="start anew"):
        ClosedFormOptimizer(create(), sum_over_processes=lambda value: value).load_state_dict(fit.state_dict())
    fit.step()
    assert not fit.state_dict()["observed"]


def test_one_epoch_is_observed_solved_and_then_validated(tmp_path):
    data = SyntheticDataModule(size=32, train_images=16, val_images=4, batch_size=4, noise=NOISE)
    task = create(size=8, recentre=True)
    trainer = Trainer(max_epochs=5, default_root_dir=tmp_path, **QUIET)
    trainer.fit(task, data)
    assert (trainer.current_epoch, trainer.global_step) == (1, 1)
    measured = float(trainer.callback_metrics["val/mse"])
    loaded = colorzoo.load(trainer.checkpoint_callback.best_model_path)
    assert torch.equal(loaded.axes, task.axes)
    again = trainer.validate(loaded, data, verbose=False)[0]
    assert again["val/mse"] == pytest.approx(measured)
    assert measured < 0.5 * again["val/noisy_mse"]


def test_two_processes_find_what_one_finds(tmp_path):
    start = create(size=8, fitted_on="clean")

    def fit(batch_size, **options):
        model = create(size=8, fitted_on="clean")
        model.load_state_dict(start.state_dict())
        data = SyntheticDataModule(
            size=32, train_images=16, val_images=4, batch_size=batch_size, noise=NOISE, hflip=False
        )
        trainer = Trainer(max_epochs=1, default_root_dir=tmp_path, limit_val_batches=0, **QUIET, **options)
        trainer.fit(model, data)
        return model

    alone = fit(4, devices=1)
    together = fit(2, devices=2, strategy="ddp_fork")
    torch.testing.assert_close(together.clean_mean, alone.clean_mean, atol=1e-6, rtol=0)
    projections = [model.axes.T @ model.axes for model in (together, alone)]
    torch.testing.assert_close(*projections, atol=1e-3, rtol=0)


def test_a_fit_is_published_like_every_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "tiny.yaml"
    data = {"train_images": 16, "val_images": 8, "test_images": 8, "batch_size": 8, "noise": {"sigma": 60.0}}
    config = {
        "model": {"class_path": "PCADenoiser", "init_args": {"components": 5, "size": 8}},
        "data": {"class_path": "SyntheticDataModule", "init_args": data},
        "trainer": {"enable_progress_bar": False, "accelerator": "cpu"},
    }
    recipe.write_text(yaml.safe_dump(config))
    best = run(["fit", "--config", str(recipe)]).trainer.checkpoint_callback.best_model_path
    publish(tmp_path / best, "pca_denoiser.toy", recipe, tmp_path / "published")
    record = colorzoo.info(tmp_path / "published" / "pca_denoiser.toy.safetensors")
    assert record.metrics["mse"] < record.baselines["noisy input"]["mse"]


def test_a_step_without_observations_is_refused():
    with pytest.raises(ValueError, match="nothing was observed"):
        ClosedFormOptimizer(create(), sum_over_processes=lambda value: value).step()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"components": 0}, "components is 0"),
        ({"components": 17}, "has 1 to 16"),
        ({"fitted_on": "both"}, "noisy or clean"),
        ({"channels": 2}, "1 or 3 channels"),
    ],
)
def test_unknown_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        create(**arguments)
