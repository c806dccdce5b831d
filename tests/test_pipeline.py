"""Models one after another give what they give one by one."""

import numpy as np
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.color.conversions import grey_to_lightness, rgb_to_lab
from colorzoo.data.batches import color_batch
from colorzoo.data.splits import seed_of
from colorzoo.datamodules.cifar10 import CIFAR10DataModule
from colorzoo.errors import DataError, UnknownModelError
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import write_raster
from colorzoo.noise.synthesis import Noise, add_noise
from colorzoo.pipeline import COLOR_RESTORERS, RESTORERS


@pytest.fixture(scope="module")
def models():
    return [colorzoo.load("linear_denoiser"), colorzoo.load("fusion_cnn")]


@pytest.fixture(scope="module")
def restore(models):
    return colorzoo.Pipeline(models, strength="auto")


@pytest.fixture
def noisy():
    slope = torch.linspace(0.2, 0.8, 40).expand(1, 1, 48, 40)
    return add_noise(slope, Noise(impulse=0.15), seeds=[0])


def test_models_work_in_the_order_given(models, restore, noisy):
    denoiser, colorizer = models
    assert torch.equal(restore(noisy), colorizer.colorize(denoiser.denoise(noisy)))
    halfway = colorzoo.Pipeline(models, strength=0.5)
    assert torch.equal(halfway(noisy), colorizer.colorize(denoiser.denoise(noisy, 0.5)))
    coloured_first = colorzoo.Pipeline(models[::-1])
    assert torch.equal(coloured_first(noisy), denoiser.denoise(colorizer.colorize(noisy)))


def test_names_and_paths_are_loaded(restore, noisy):
    assert torch.equal(
        colorzoo.Pipeline(["linear_denoiser", "fusion_cnn.cifar10"], strength="auto")(noisy), restore(noisy)
    )


def test_each_kind_of_picture_comes_back_as_that_kind(restore, noisy, tmp_path):
    array = np.rint(255 * noisy[0, 0].numpy()).astype(np.uint8)
    assert restore(array).shape == (48, 40, 3)
    assert restore(array).dtype == np.uint8
    image = PIL.Image.fromarray(array)
    assert np.array_equal(np.asarray(restore(image)), restore(array))
    image.save(tmp_path / "scan.png")
    assert restore(tmp_path / "scan.png").tobytes() == restore(image).tobytes()
    assert restore(str(tmp_path / "scan.png")).mode == "RGB"
    image.putalpha(77)
    assert restore(image).getchannel("A").getextrema() == (77, 77)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_path_is_seen_at_full_depth(models, tmp_path, suffix):
    levels = np.random.default_rng(0).integers(0, 65536, (24, 20, 3), dtype=np.uint16)
    scan = RasterImage(levels)
    write_raster(scan, tmp_path / f"deep{suffix}")
    pipeline, seen = colorzoo.Pipeline(models), []
    for model in models:
        method = "denoise" if model.task == "denoising" else "colorize"
        process = getattr(model, method)
        spy = lambda image, *args, process=process: seen.append(image) or process(image, *args)  # noqa: E731
        vars(model)[method] = spy
    try:
        result = pipeline(tmp_path / f"deep{suffix}")
    finally:
        for model in models:
            vars(model).pop("denoise", None), vars(model).pop("colorize", None)
    assert [image.levels.dtype for image in seen] == [np.uint16] * 2
    assert np.array_equal(seen[0].levels, levels)
    assert result.mode == "RGB"
    assert np.array_equal(np.asarray(result), np.asarray(pipeline(scan).to_pil()))


def test_clean_and_noisy_pictures_share_a_batch(models, restore, noisy):
    clean = torch.full_like(noisy, 0.4)
    together = restore(torch.cat([clean, noisy]))
    torch.testing.assert_close(together[:1], models[1].colorize(clean), atol=1e-4, rtol=0)
    torch.testing.assert_close(together[1:], restore(noisy), atol=1e-4, rtol=0)


def test_each_step_tells_what_it_found_and_did(models, restore, noisy):
    cleaning, colouring = restore.steps(noisy)
    assert cleaning.found[0].impulse == pytest.approx(0.15, abs=0.03)
    assert cleaning.describe().endswith(", sigma 0.0; linear_denoiser.impulse at strength 1")
    assert "% salt and pepper" in cleaning.describe()
    assert colouring.describe() == "fusion_cnn.cifar10 coloured it"
    left_alone = next(restore.steps(torch.full((1, 1, 9, 9), 0.5)))
    assert left_alone.describe() == "0.0 % salt and pepper, sigma 0.0; linear_denoiser.impulse left it alone"
    fixed = next(colorzoo.Pipeline(models, strength=0.5).steps(noisy))
    assert fixed.describe() == "linear_denoiser.impulse at strength 0.5"
    own = next(colorzoo.Pipeline([colorzoo.create("linear_denoiser").eval()], strength=0.5).steps(noisy))
    assert own.describe() == "linear_denoiser at strength 0.5"


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (30, 20)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_pictures_keep_their_lightness(restore, value, size):
    grey = torch.full((1, 1, *size), value)
    lightness = rgb_to_lab(restore(grey))[:, :1]
    torch.testing.assert_close(lightness, grey_to_lightness(grey), atol=0.3, rtol=0)


@pytest.mark.parametrize("restorers", [RESTORERS, COLOR_RESTORERS])
def test_the_published_denoisers_are_those_for_their_noise(restorers):
    for kind, name in restorers.items():
        assert kind in colorzoo.load(name).noise_kinds


def test_a_device_may_be_chosen(models, noisy):
    pipeline = colorzoo.Pipeline(models)
    assert pipeline.to("cpu") is pipeline
    if torch.cuda.is_available():
        assert pipeline.to("cuda")(noisy).device.type == "cpu"
        pipeline.to("cpu")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), ValueError, "at least one"),
        (("fusion_cnn",), ValueError, "give a list"),
        ((["fusion_cnn", "linear_denoiser", "mlp"],), ValueError, "mlp would colour what fusion_cnn has coloured"),
        (([torch.nn.Linear(1, 1)],), TypeError, "a Linear neither de-noises nor colours"),
        ((["linear_denoise"],), UnknownModelError, "did you mean 'linear_denoiser'"),
        ((["linear_denoiser"], 2), ValueError, "strength is 2"),
        ((["linear_denoiser"], "full"), ValueError, "strength is full"),
    ],
)
def test_what_cannot_be_is_refused_at_once(arguments, error, message):
    with pytest.raises(error, match=message):
        colorzoo.Pipeline(*arguments)


def test_bad_pictures_are_named(restore):
    with pytest.raises(ValueError, match="NaN"):
        restore(torch.full((1, 1, 4, 4), torch.nan))
    with pytest.raises(ValueError, match=r"scale them to \[0, 1\]"):
        restore(torch.full((1, 1, 4, 4), 255.0))
    with pytest.raises(ValueError, match="give 1"):
        restore(torch.rand(1, 3, 4, 4))


def test_noisy_pictures_get_nearly_the_colours_of_clean_ones(restore):
    data = CIFAR10DataModule()
    try:
        pictures = data.load_split("test").load_batch(list(range(0, 1017, 5)))
    except DataError as error:
        pytest.skip(f"needs CIFAR-10 in COLORZOO_DATA: {error}")
    pairs = color_batch(pictures)
    noisy = add_noise(pairs["grey"], Noise(impulse=0.15), [seed_of(name, 0) for name in pictures["name"]])
    color = restore.models[1].colorize
    aim, chain, alone = (
        float((rgb - pairs["rgb"]).square().mean()) for rgb in (color(pairs["grey"]), restore(noisy), color(noisy))
    )
    assert aim < chain < 1.1 * aim
    assert alone > 5 * aim
