"""What forward refuses, and what precision it answers in."""

import numpy as np
import pytest
import torch
from small import small_model

import colorzoo
from colorzoo.models.linear_denoiser import LinearDenoiser


@pytest.mark.parametrize("name", ["fusion_cnn", "linear_denoiser"])
def test_pictures_of_another_range_are_refused(name):
    model = colorzoo.create(name).eval()
    picture = torch.rand(1, 1, 64, 48)
    for bad, error, message in (
        ((picture * 255).byte(), ValueError, r"give floats in \[0, 1\]"),
        (picture * 255, ValueError, r"scale them to \[0, 1\]"),
        (picture.numpy(), TypeError, "called with a ndarray; give a tensor"),
    ):
        with pytest.raises(error, match=message):
            model(bad)
    assert model(picture).dtype == torch.float32


def test_noise_that_is_not_clipped_is_taken():
    noisy = 0.5 + 0.4 * torch.randn(1, 1, 64, 64)
    assert LinearDenoiser().eval()(noisy).shape == noisy.shape


@pytest.mark.parametrize("name", colorzoo.list_models())
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_every_model_runs_in_the_precision_of_its_parameters(name, dtype):
    model = small_model(name, **{"shrink": True} if name == "pca_denoiser" else {}).eval()
    channels = getattr(model, "channels", 1)
    # 8-bit levels, which no detector of black and white mistakes when they are rounded.
    levels = torch.randint(20, 230, (24, 20) if channels == 1 else (24, 20, 3), dtype=torch.uint8).numpy()
    picture = torch.from_numpy(levels.reshape(24, 20, -1)).movedim(2, 0)[None] / 255
    process = model.denoise if model.task == "denoising" else model.colorize
    with torch.no_grad():
        expected, image = model(picture), process(levels)
        model.to(dtype)
        answer, again = model(picture), process(levels)
    assert answer.dtype == torch.float32
    atol = 1e-5 if dtype == torch.float64 else 0.03
    torch.testing.assert_close(answer, expected, atol=atol, rtol=0)
    assert np.abs(image.astype(int) - again).max() <= (1 if dtype == torch.float64 else 8)


@pytest.mark.parametrize("name", ["fusion_cnn", "photo_unet", "linear_denoiser", "cnn_denoiser"])
def test_the_default_type_of_numbers_may_be_another(name):
    levels = torch.randint(256, (24, 20), dtype=torch.uint8).numpy()

    def process():
        model = colorzoo.load(name)
        return (model.denoise if model.task == "denoising" else model.colorize)(levels)

    expected = process()
    torch.set_default_dtype(torch.float64)
    try:
        assert np.abs(process().astype(int) - expected).max() <= 1
    finally:
        torch.set_default_dtype(torch.float32)
