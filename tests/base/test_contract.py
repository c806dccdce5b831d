"""What every model of the zoo promises, whatever its method."""

import copy
import functools

import numpy as np
import PIL.Image
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from small import small_model
from trained import train, with_optim

import colorzoo
from colorzoo.base.closed_form import ClosedFormModule
from colorzoo.base.colorizer import Colorizer
from colorzoo.base.denoiser import Denoiser
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.color.conversions import grey_to_lightness
from colorzoo.data.batches import color_batch, noisy_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.hub import checkpoint_file
from colorzoo.noise.synthesis import Noise
from colorzoo.registry import model_class
from colorzoo.zoo import to_channels_last

NOISE = Noise(impulse=0.2, sigma=10.0)
every_model = pytest.mark.parametrize("name", colorzoo.list_models())


@functools.cache
def settled(name):
    """Running statistics of a fresh batch norm are no fixed point: let it see a few images first."""
    model = small_model(name)
    pairs = batch(model)
    with torch.no_grad():
        for _ in range(20):
            model.losses(pairs)
    return model.eval()


def of(kind):
    return [name for name in colorzoo.list_models() if issubclass(model_class(name), kind)]


@pytest.fixture(params=colorzoo.list_models())
def model(request):
    return copy.deepcopy(settled(request.param))


@pytest.fixture(params=of(Colorizer))
def colorizer(request):
    return copy.deepcopy(settled(request.param))


@pytest.fixture(params=of(Denoiser))
def denoiser(request):
    return copy.deepcopy(settled(request.param))


def trainable(module):
    return {key: parameter for key, parameter in module.named_parameters() if parameter.requires_grad}


@functools.cache
def pictures_of(count, size):
    source = SyntheticDataModule(size=size, train_images=count).load_split("train")
    return source.load_batch(list(range(count)))


def batch(model, count=8, size=32):
    pictures = pictures_of(count, size)
    if isinstance(model, Colorizer):
        return color_batch(pictures)
    return noisy_batch(pictures, NOISE, color=model.channels == 3, seeds=range(count))


def shown(model, count=2, size=(32, 32)):
    """Images of the kind that the model sees."""
    return torch.rand(count, getattr(model, "channels", 1), *size)


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (1, 20), (7, 3), (33, 47), (64, 40)])
def test_any_size_gives_colours_of_that_size_in_range(colorizer, size):
    rgb = colorizer(torch.rand(2, 1, *size))
    assert rgb.shape == (2, 3, *size)
    assert rgb.dtype == torch.float32
    assert bool(((rgb >= 0) & (rgb <= 1)).all())


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_lightness_is_kept(colorizer, size):
    grey = torch.rand(2, 1, *size)
    rgb = colorizer.colorize(grey)
    lightness = colorzoo.color.conversions.rgb_to_lab(rgb)[:, :1]
    torch.testing.assert_close(lightness, grey_to_lightness(grey), atol=0.3, rtol=0)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 20), (7, 3), (300, 270)])
def test_lightness_of_eight_bit_pictures_is_kept_however_strong_the_colours(colorizer, size):
    predict = colorizer.predict_ab
    colorizer.predict_ab = lambda lightness: 200 * torch.nn.functional.normalize(predict(lightness) + 1e-3, dim=1)
    levels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    coloured = colorizer.colorize(levels)
    assert float(np.ptp(coloured, axis=2).mean()) > 15
    rgb = torch.from_numpy(coloured / 255).movedim(2, 0)[None]
    kept = colorzoo.color.conversions.rgb_to_lab(rgb)[:, :1]
    expected = grey_to_lightness(torch.from_numpy(levels / 255)[None, None])
    torch.testing.assert_close(kept, expected, atol=0.6, rtol=0)


def test_colorize_of_a_small_picture_is_forward(colorizer):
    grey = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(colorizer.colorize(grey), colorizer(grey))


def test_working_size_changes_colour_but_not_size_or_lightness(colorizer):
    grey = torch.rand(1, 1, 60, 80)
    small = colorizer.colorize(grey, working_size=20)
    assert small.shape == (1, 3, 60, 80)
    torch.testing.assert_close(
        colorzoo.color.conversions.rgb_to_lab(small)[:, :1], grey_to_lightness(grey), atol=0.3, rtol=0
    )


def test_answer_is_deterministic_and_independent_of_the_batch(model):
    pictures = shown(model, 4)
    with torch.no_grad():
        together = model(pictures)
        assert torch.equal(together, model(pictures))
        alone = torch.cat([model(picture[None]) for picture in pictures])
    # Kernels differ with the batch, and norms magnify it: a fortieth of an 8-bit step.
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_channels_last_gives_the_same_answer(model):
    pictures = shown(model)
    with torch.no_grad():
        expected = model(pictures)
        actual = model.to(memory_format=torch.channels_last)(pictures)
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=0)


def test_the_meta_device_gives_the_shape(model):
    pictures = shown(model)
    shape = model(pictures).shape
    assert model.to("meta")(pictures.to("meta")).shape == shape


def test_reduced_precision_stays_close(model):
    pictures = shown(model)
    with torch.no_grad():
        expected = model(pictures)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            actual = model(pictures)
    assert actual.dtype == torch.float32
    assert float((actual - expected).abs().mean()) < 0.02


def test_training_mode_and_colour_are_refused(colorizer):
    with pytest.raises(ValueError, match=r"call eval\(\)"):
        colorizer.train().colorize(torch.rand(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"give \(B, 1, H, W\)"):
        colorizer.eval()(torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (1, 20), (7, 3), (33, 47)])
def test_restored_pictures_have_size_and_channels_of_the_noisy_ones(denoiser, size):
    noisy = shown(denoiser, 2, size)
    restored = denoiser(noisy)
    assert restored.shape == noisy.shape
    assert restored.dtype == torch.float32
    assert bool(((restored >= 0) & (restored <= 1)).all())


def test_strength_leads_from_the_noisy_to_the_restored_picture(denoiser):
    noisy = shown(denoiser)
    with torch.no_grad():
        whole = denoiser(noisy)
    assert torch.equal(denoiser.denoise(noisy, strength=0), noisy)
    torch.testing.assert_close(denoiser.denoise(noisy), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(denoiser.denoise(noisy, strength=0.5), (noisy + whole) / 2, atol=1e-6, rtol=0)


def test_tiles_leave_no_seam(denoiser, monkeypatch):
    noisy = shown(denoiser, 1, (70, 45))
    whole = denoiser.denoise(noisy)
    monkeypatch.setattr("colorzoo.base.denoiser._TILE", 32)
    torch.testing.assert_close(denoiser.denoise(noisy), whole, atol=1 / 255, rtol=0)


def test_what_lies_beyond_the_reach_does_not_matter(denoiser):
    far, wide = denoiser.receptive_radius + 1, 2 * (denoiser.receptive_radius + denoiser.grid)
    noisy = shown(denoiser, 1, (denoiser.grid, wide))
    with torch.no_grad():
        whole = denoiser(noisy)
        for column in range(wide // 2, wide // 2 + denoiser.grid):
            other = noisy.clone()
            other[..., : column - far + 1] = other[..., column + far :] = torch.rand(())
            torch.testing.assert_close(denoiser(other)[..., column], whole[..., column], atol=1e-6, rtol=0)


def test_kinds_of_pictures_come_back_as_they_were(denoiser):
    depth = getattr(denoiser, "channels", 1)
    array = np.random.default_rng(0).integers(0, 256, (20, 30, 3) if depth == 3 else (20, 30), dtype=np.uint8)
    assert denoiser.denoise(array).shape == array.shape
    assert denoiser.denoise(array).dtype == np.uint8
    double = torch.from_numpy(array / 255).reshape(1, depth, 20, 30)
    assert denoiser.denoise(double).dtype == torch.float64
    deep = array.astype(np.uint16) * 257
    assert denoiser.denoise(deep).dtype == np.uint16
    image = PIL.Image.fromarray(array)
    assert denoiser.denoise(image).mode == image.mode
    image.putalpha(128)
    assert denoiser.denoise(image).getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_denoising_in_training_mode_or_too_far_is_refused(denoiser):
    with pytest.raises(ValueError, match="strength is 2"):
        denoiser.denoise(shown(denoiser), strength=2)
    with pytest.raises(ValueError, match=r"call eval\(\)"):
        denoiser.train().denoise(shown(denoiser))


def test_losses_see_the_grey_input_and_not_the_truth(colorizer):
    pairs = batch(colorizer)
    expected = {key: float(value) for key, value in colorizer.losses(pairs).items()}
    pairs["lab"] = pairs["lab"].clone()
    pairs["lab"][:, 0] = 50
    assert {key: float(value) for key, value in colorizer.losses(pairs).items()} == expected


def test_pictures_without_a_class_train_every_parameter_too(model):
    pairs = batch(model)
    del pairs["label"]
    model.train().losses(pairs)["loss"].backward()
    reached = [parameter.grad is not None for parameter in trainable(model).values()]
    assert all(reached) or not model.automatic_optimization


@every_model
def test_every_parameter_has_one_optimizer(name):
    model = small_model(name)
    optimizers = train(model, batch(model)).optimizers
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    trained = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(trained) == sorted(id(parameter) for parameter in trainable(model).values())


@every_model
def test_every_parameter_is_trained(name):
    model = small_model(name)
    assert trainable(model)
    if isinstance(model, ClosedFormModule):
        model.losses(batch(model))["loss"].backward()
        assert not [key for key, value in trainable(model).items() if value.grad is None or not value.grad.any()]
        return
    before = {key: value.detach().clone() for key, value in trainable(model).items()}
    train(model, batch(model))
    assert not [key for key, value in trainable(model).items() if torch.equal(value, before[key])]


@every_model
def test_what_is_frozen_stays_as_it_is(name):
    model = small_model(name).train()
    frozen = [module for module in model.modules() if list(module.parameters()) and not trainable(module)]
    before = [{key: value.clone() for key, value in module.state_dict().items()} for module in frozen]
    train(with_optim(model, OptimizerConfig(lr=0.1)), batch(model))
    for module, state in zip(frozen, before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


@every_model
def test_a_trunk_can_be_kept_while_the_rest_learns(name):
    model = small_model(name)
    if not model.backbone_modules:
        pytest.skip("it has no backbone")
    model.freeze(*model.backbone_modules)
    model.train()
    before = {
        key: value.clone()
        for part in model.backbone_modules
        for key, value in model.get_submodule(part).state_dict(prefix=part).items()
    }
    assert trainable(model)
    train(with_optim(model, OptimizerConfig(lr=0.1)), batch(model))
    after = {
        key: value
        for part in model.backbone_modules
        for key, value in model.get_submodule(part).state_dict(prefix=part).items()
    }
    assert all(torch.equal(value, before[key]) for key, value in after.items())
    model.unfreeze(*model.backbone_modules)
    assert all(module.training for part in model.backbone_modules for module in model.get_submodule(part).modules())


@every_model
def test_overfits_one_batch(name):
    model = small_model(name)
    pairs = batch(model, count=4)
    with torch.no_grad():
        first = last = float(model.losses(pairs)["loss"])

    class StopWhenOverfitted(Callback):
        # Networks trained against one another go back and forth, and no two processors alike.
        def on_train_batch_end(self, trainer, pl_module, outputs, shown, batch_idx):
            nonlocal last
            if batch_idx % 10 == 9:
                with torch.no_grad():
                    last = float(pl_module.losses(pairs)["loss"])
                trainer.should_stop = last < 0.2 * first

    optim = OptimizerConfig(lr=5e-3, clip_norm=1.0)
    if isinstance(model, ClosedFormModule):
        pytest.skip(
            "what it solves for is tested with it: a projection of noisy patches need not be near the clean ones"
        )
    train(with_optim(model, optim), pairs, steps=200, callbacks=[StopWhenOverfitted()])
    assert last < 0.2 * first, f"the loss went from {first:.4g} to {last:.4g} only"


@every_model
def test_hyper_parameters_rebuild_the_model(name):
    model = small_model(name)
    again = colorzoo.create(name, **model.hparams)
    assert again.hparams == model.hparams
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}


@every_model
def test_written_and_loaded_model_answers_bit_equal(name, tmp_path, record):
    model = small_model(name).eval()
    path = tmp_path / f"{name}.test.safetensors"
    checkpoint_file.write(checkpoint_file.Checkpoint(path, name, model.hparams, model.state_dict(), record))
    pictures = shown(model)
    with torch.no_grad():
        assert torch.equal(colorzoo.load(path)(pictures), to_channels_last(model)(pictures))


@every_model
def test_checkpoint_of_a_run_loads_by_path_and_resumes(name, tmp_path):
    noise = NOISE if issubclass(model_class(name), Denoiser) else None
    data = SyntheticDataModule(size=32, train_images=16, val_images=4, batch_size=8, noise=noise)
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(max_epochs=1, default_root_dir=tmp_path, **options)
    task = with_optim(small_model(name), OptimizerConfig())
    trainer.fit(task, data)
    path = tmp_path / "run.ckpt"
    trainer.save_checkpoint(path)

    loaded = colorzoo.load(path).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in task.state_dict().items())

    resumed = Trainer(max_epochs=2, default_root_dir=tmp_path, **options)
    resumed.fit(with_optim(small_model(name), OptimizerConfig()), data, ckpt_path=path, weights_only=True)
    assert resumed.current_epoch == 2


@every_model
def test_weights_argument_starts_from_a_file(name, tmp_path, record):
    source = small_model(name)
    path = tmp_path / "start.safetensors"
    checkpoint_file.write(checkpoint_file.Checkpoint(path, name, source.hparams, source.state_dict(), record))
    started = small_model(name, weights=str(path))
    assert "weights" not in started.hparams
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in started.state_dict().items())


def without(device):
    here = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    return pytest.mark.skipif(not here, reason=f"this machine has no {device} device")


@every_model
def test_what_is_replaced_is_not_taken_from_the_weights(name, tmp_path, record):
    source = small_model(name)
    tensors = {key: value + 1 for key, value in source.state_dict().items()}
    path = tmp_path / "start.safetensors"
    checkpoint_file.write(checkpoint_file.Checkpoint(path, name, source.hparams, tensors, record))
    last = list(tensors)[-1]
    replaced = last.rpartition(".")[0] or last
    started = small_model(name, weights=str(path), reinit=[replaced]).state_dict()
    kept = {key for key in tensors if key.startswith(replaced)}
    assert not any(torch.equal(started[key], tensors[key]) for key in kept)
    assert all(torch.equal(started[key], value) for key, value in tensors.items() if key not in kept)


@pytest.mark.parametrize("device", [pytest.param(device, marks=without(device)) for device in ("cuda", "mps")])
@every_model
def test_every_device_gives_the_answer_of_the_cpu_within_two_levels(name, device):
    model = small_model(name).eval()
    pictures = shown(model)
    with torch.no_grad():
        expected = model(pictures)
        actual = model.to(device)(pictures.to(device)).cpu()
    torch.testing.assert_close(actual, expected, atol=2 / 255, rtol=0)
