"""How far a de-noiser goes, and how far it sees."""

import numpy as np
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.base.denoiser import Denoiser
from colorzoo.hub import checkpoint_file
from colorzoo.hub.record import CheckpointInfo
from colorzoo.noise.synthesis import KINDS, Noise, add_noise
from colorzoo.registry import model_class

DENOISERS = [name for name in colorzoo.list_models() if issubclass(model_class(name), Denoiser)]


def clean_picture(size=(48, 40)):
    """A slope with a burnt corner: clean, but with black and white in it."""
    rows, columns = torch.meshgrid(*(torch.linspace(0, 1, length) for length in size), indexing="ij")
    slope = (0.2 + 0.6 * rows * columns)[None, None]
    slope[..., :12, :12], slope[..., -9:, :9] = 1, 0
    return (255 * slope).round() / 255


@pytest.fixture(scope="module")
def impulse_model():
    return colorzoo.load("linear_denoiser")


def test_auto_leaves_clean_pictures_exactly_alone(impulse_model):
    clean = clean_picture()
    assert torch.equal(impulse_model.denoise(clean, "auto"), clean)
    assert not torch.equal(impulse_model.denoise(clean), clean)
    for dtype in (np.uint8, np.uint16, np.float32, np.float64):
        top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
        array = (clean[0, 0].numpy().astype(np.float64) * top).round(12).astype(dtype)
        assert np.array_equal(impulse_model.denoise(array, "auto"), array)
    image = PIL.Image.fromarray((clean[0, 0].numpy() * 255).astype(np.uint8))
    assert impulse_model.denoise(image, "auto").tobytes() == image.tobytes()


def test_what_auto_gives_back_is_a_copy(impulse_model):
    clean = clean_picture()
    impulse_model.denoise(clean, "auto").zero_()
    assert torch.equal(clean, clean_picture())


def test_auto_restores_noisy_pictures_wholly(impulse_model):
    noisy = add_noise(clean_picture(), Noise(impulse=0.15), seeds=[0])
    assert torch.equal(impulse_model.denoise(noisy, "auto"), impulse_model.denoise(noisy))


def test_auto_judges_each_picture_of_a_batch(impulse_model):
    clean = clean_picture()
    noisy = add_noise(clean, Noise(impulse=0.15), seeds=[0])
    restored = impulse_model.denoise(torch.cat([clean, noisy]), "auto")
    assert torch.equal(restored[:1], clean)
    torch.testing.assert_close(restored[1:], impulse_model.denoise(noisy))


def test_auto_looks_for_the_noise_of_the_training(impulse_model, tmp_path, record):
    assert impulse_model.noise_kinds == ("impulse",)
    assert colorzoo.create("linear_denoiser", detector="extremes", fill=True).noise_kinds == KINDS
    grainy = add_noise(torch.full((1, 1, 64, 64), 0.5), Noise(sigma=30), seeds=[0])
    assert torch.equal(impulse_model.denoise(grainy, "auto"), grainy)

    path = tmp_path / "linear_denoiser.grain.safetensors"
    model = colorzoo.create("linear_denoiser", detector="none")
    about = {**vars(record), "noise": ("gaussian",)}
    checkpoint_file.write(
        checkpoint_file.Checkpoint(path, model.name(), model.hparams, model.state_dict(), CheckpointInfo(**about))
    )
    grain_model = colorzoo.load(path)
    assert grain_model.noise_kinds == ("gaussian",)
    assert torch.equal(grain_model.denoise(grainy, "auto"), grain_model.denoise(grainy))
    assert colorzoo.create("linear_denoiser", detector="none", weights=str(path)).noise_kinds == ("gaussian",)


def test_each_picture_may_have_its_own_strength(impulse_model):
    noisy = add_noise(clean_picture().expand(2, -1, -1, -1), Noise(impulse=0.15), seeds=[0, 1])
    restored = impulse_model.denoise(noisy, [0, 0.5])
    assert torch.equal(restored[0], noisy[0])
    torch.testing.assert_close(restored[1:], impulse_model.denoise(noisy[1:], 0.5))
    with pytest.raises(ValueError, match="3 strengths for 2 images"):
        impulse_model.denoise(noisy, [0, 1, 1])


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "full", [0.5, 2]])
def test_other_strengths_are_refused(impulse_model, strength):
    with pytest.raises(ValueError, match="; give a number from 0"):
        impulse_model.denoise(clean_picture(), strength)


@pytest.mark.parametrize("name", DENOISERS)
def test_no_pixel_depends_on_what_lies_beyond_the_reach(name):
    model = colorzoo.create(name).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    reach, grid = model.receptive_radius, model.grid
    middle = -(-(reach + 2) // grid) * grid + grid // 2
    noisy = torch.rand(1, model.channels, 2 * middle + 1, 2 * middle + 1)
    other = noisy.clone()
    other[..., middle, middle] = 1 - other[..., middle, middle]
    with torch.no_grad():
        changed = ((model(noisy) - model(other)).abs() > 1e-6).any(dim=1)[0].nonzero()
    assert bool(((changed - middle).abs() <= reach).all())


@pytest.mark.parametrize("strength", [1.0, "auto"])
@pytest.mark.parametrize("tile", [16, 33])
def test_tiles_give_what_the_whole_picture_gives(impulse_model, monkeypatch, strength, tile):
    noisy = add_noise(clean_picture((70, 90)), Noise(impulse=0.3), seeds=[0])
    with torch.no_grad():
        whole = impulse_model(noisy)
    monkeypatch.setattr("colorzoo.base.denoiser._TILE", tile)
    torch.testing.assert_close(impulse_model.denoise(noisy, strength), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (30, 20)])
@pytest.mark.parametrize("strength", [1.0, "auto"])
def test_constant_pictures_come_back(impulse_model, value, size, strength):
    constant = torch.full((1, 1, *size), value)
    torch.testing.assert_close(impulse_model.denoise(constant, strength), constant, atol=0.5 / 255, rtol=0)
