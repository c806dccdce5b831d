"""What every model of the zoo promises, whatever its method."""

import copy
import functools

import pytest
import torch
from lightning.pytorch import Trainer

import colorzoo
from colorzoo import weights
from colorzoo.color import grey_to_lightness
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.pairs import color_pairs
from colorzoo.training.optim import Optim
from colorzoo.training.task import ColorizationTask

every_model = pytest.mark.parametrize("name", colorzoo.list_models())


@functools.cache
def settled(name):
    """Running statistics of a fresh batch norm are no fixed point: let it see a few pictures first."""
    model = colorzoo.create(name)
    with torch.no_grad():
        for _ in range(20):
            model.losses(batch())
    return model.eval()


@pytest.fixture(params=colorzoo.list_models())
def model(request):
    return copy.deepcopy(settled(request.param))


def trainable(module):
    return {key: parameter for key, parameter in module.named_parameters() if parameter.requires_grad}


def backward(model, pairs):
    for _, losses in model.turns(pairs):
        losses["loss"].backward()


def batch(count=8, size=32):
    return color_pairs(
        SyntheticDataModule(size=size, train_images=count).load_split("train").__getitems__(range(count))
    )


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (1, 20), (7, 3), (33, 47), (64, 40)])
def test_any_size_gives_colours_of_that_size_in_range(model, size):
    rgb = model(torch.rand(2, 1, *size))
    assert rgb.shape == (2, 3, *size)
    assert rgb.dtype == torch.float32
    assert bool(((rgb >= 0) & (rgb <= 1)).all())


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_lightness_is_kept(model, size):
    grey = torch.rand(2, 1, *size)
    rgb = model.colorize(grey)
    lightness = colorzoo.color.rgb_to_lab(rgb)[:, :1]
    torch.testing.assert_close(lightness, grey_to_lightness(grey), atol=0.3, rtol=0)


def test_colorize_of_a_small_picture_is_forward(model):
    grey = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(model.colorize(grey), model(grey))


def test_working_size_changes_colour_but_not_size_or_lightness(model):
    grey = torch.rand(1, 1, 60, 80)
    small = model.colorize(grey, working_size=20)
    assert small.shape == (1, 3, 60, 80)
    torch.testing.assert_close(colorzoo.color.rgb_to_lab(small)[:, :1], grey_to_lightness(grey), atol=0.3, rtol=0)


def test_answer_is_deterministic_and_independent_of_the_batch(model):
    grey = torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        together = model(grey)
        assert torch.equal(together, model(grey))
        alone = torch.cat([model(picture[None]) for picture in grey])
    # Kernels differ with the batch, and norms magnify it: a fortieth of an 8-bit step.
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_channels_last_gives_the_same_answer(model):
    grey = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = model(grey)
        actual = model.to(memory_format=torch.channels_last)(grey)
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=0)


def test_reduced_precision_stays_close(model):
    grey = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = model(grey)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            actual = model(grey)
    assert actual.dtype == torch.float32
    assert float((actual - expected).abs().mean()) < 0.02


def test_training_mode_and_colour_are_refused(model):
    with pytest.raises(ValueError, match=r"call eval\(\)"):
        model.train().colorize(torch.rand(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"give \(B, 1, H, W\)"):
        model.eval()(torch.rand(1, 3, 8, 8))


def test_losses_see_the_grey_input_and_not_the_truth(model):
    pairs = batch()
    expected = {key: float(value) for key, value in model.losses(pairs).items()}
    pairs["lab"] = pairs["lab"].clone()
    pairs["lab"][:, 0] = 50
    assert {key: float(value) for key, value in model.losses(pairs).items()} == expected


def test_pictures_without_a_class_train_every_parameter_too(model):
    pairs = batch()
    del pairs["label"]
    backward(model.train(), pairs)
    assert all(parameter.grad is not None for parameter in trainable(model).values())


@every_model
def test_every_parameter_has_one_learner(name):
    model = colorzoo.create(name)
    learning = [id(parameter) for group in model.learners().values() for parameter in group]
    assert sorted(learning) == sorted(id(parameter) for parameter in model.parameters())


@every_model
def test_every_parameter_is_trained(name):
    model = colorzoo.create(name)
    backward(model, batch())
    assert trainable(model)
    assert not [key for key, value in trainable(model).items() if value.grad is None or not value.grad.any()]


@every_model
def test_what_is_frozen_stays_as_it_is(name):
    model = colorzoo.create(name).train()
    frozen = [module for module in model.modules() if list(module.parameters()) and not trainable(module)]
    before = [{key: value.clone() for key, value in module.state_dict().items()} for module in frozen]
    optimizer = torch.optim.AdamW(trainable(model).values(), 0.1)
    backward(model, batch())
    optimizer.step()
    for module, state in zip(frozen, before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


@every_model
def test_one_batch_can_be_learnt_by_heart(name):
    model = colorzoo.create(name)
    pairs = batch()
    optimizers = {learner: torch.optim.AdamW(group, 5e-3) for learner, group in model.learners().items()}
    first = float(model.losses(pairs)["loss"].detach())
    for _ in range(80):
        for learner, losses in model.turns(pairs):
            optimizers[learner].zero_grad()
            losses["loss"].backward()
            optimizers[learner].step()
    assert float(model.losses(pairs)["loss"].detach()) < 0.2 * first


@every_model
def test_hyper_parameters_rebuild_the_model(name):
    model = colorzoo.create(name)
    again = colorzoo.create(name, **model.hparams)
    assert again.hparams == model.hparams
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}


@every_model
def test_written_and_loaded_model_answers_bit_equal(name, tmp_path, record):
    model = colorzoo.create(name).eval()
    path = tmp_path / f"{name}.test.safetensors"
    weights.write(weights.Checkpoint(path, name, model.hparams, model.state_dict(), record))
    grey = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(colorzoo.load(path)(grey), model(grey))


@every_model
def test_checkpoint_of_a_run_loads_by_path_and_resumes(name, tmp_path):
    data = SyntheticDataModule(size=32, train_images=16, val_images=4, batch_size=8)
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(max_epochs=1, default_root_dir=tmp_path, **options)
    task = ColorizationTask(colorzoo.create(name), Optim())
    trainer.fit(task, data)
    path = tmp_path / "run.ckpt"
    trainer.save_checkpoint(path)

    loaded = colorzoo.load(path).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in task.model.state_dict().items())

    resumed = Trainer(max_epochs=2, default_root_dir=tmp_path, **options)
    resumed.fit(ColorizationTask(colorzoo.create(name), Optim()), data, ckpt_path=path, weights_only=True)
    assert resumed.current_epoch == 2


@every_model
def test_weights_argument_starts_from_a_file(name, tmp_path, record):
    source = colorzoo.create(name)
    path = tmp_path / "start.safetensors"
    weights.write(weights.Checkpoint(path, name, source.hparams, source.state_dict(), record))
    started = colorzoo.create(name, weights=str(path))
    assert "weights" not in started.hparams
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in started.state_dict().items())


@every_model
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_gives_the_answer_of_the_cpu(name):
    model = colorzoo.create(name).eval()
    grey = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = model(grey)
        actual = model.cuda()(grey.cuda()).cpu()
    torch.testing.assert_close(actual, expected, atol=2 / 255, rtol=0)
