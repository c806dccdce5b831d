"""What is mended, what is left alone, and what having no biases gives."""

import pytest
import torch

import colorzoo


@pytest.fixture
def gaussian():
    return colorzoo.create("cnn_denoiser", widths=[8, 16], blocks=1).eval()


@pytest.fixture
def impulse():
    return colorzoo.create("cnn_denoiser", widths=[8, 16], blocks=1, noise="impulse").eval()


@torch.no_grad()
def test_a_picture_of_half_the_contrast_is_restored_to_half_the_contrast(gaussian):
    noisy = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(gaussian.restore(noisy / 2), gaussian.restore(noisy) / 2, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_only_impulses_are_mended(impulse):
    clean = torch.rand(2, 1, 32, 32) * 0.8 + 0.1
    noise = torch.rand_like(clean) < 0.3
    noisy = torch.where(noise, (torch.rand_like(clean) < 0.5).float(), clean)
    restored = impulse(noisy)
    assert torch.equal(restored[~noise], clean[~noise])
    assert bool((restored[noise] != noisy[noise]).any())


@torch.no_grad()
def test_salt_is_told_from_pepper(impulse):
    picture = torch.full((1, 1, 16, 16), 0.5)
    black, white = picture.clone(), picture.clone()
    black[..., 8, 8], white[..., 8, 8] = 0, 1
    assert not torch.equal(impulse.restore(black), impulse.restore(white))


@torch.no_grad()
def test_a_picture_of_nothing_but_impulses_comes_back_finite(impulse):
    restored = impulse((torch.rand(1, 1, 40, 40) < 0.5).float())
    assert bool(restored.isfinite().all())


@pytest.mark.parametrize("noise", ["gaussian", "impulse"])
def test_three_channels_are_restored_together(noise):
    model = colorzoo.create("cnn_denoiser", channels=3, widths=[8], blocks=1, noise=noise).eval()
    assert model(torch.rand(2, 3, 9, 13)).shape == (2, 3, 9, 13)
    with pytest.raises(ValueError, match=r"give \(B, 3, H, W\)"):
        model(torch.rand(2, 2, 8, 8))


@torch.no_grad()
def test_a_network_for_colours_restores_grey_images_and_leaves_them_grey():
    model = colorzoo.create("cnn_denoiser", channels=3, widths=[8], blocks=1).eval()
    grey = torch.rand(2, 1, 9, 13)
    expected = model(grey.expand(-1, 3, -1, -1)).mean(dim=1, keepdim=True)
    assert torch.equal(model(grey), expected)
    torch.testing.assert_close(model.denoise(grey), expected)
    array = (255 * grey[0, 0]).byte().numpy()
    assert model.denoise(array).shape == array.shape


@torch.no_grad()
def test_the_loss_of_psnr_weighs_all_images_alike():
    clean = torch.rand(2, 1, 16, 16)
    batch = {"noisy": clean + torch.tensor([0.1, 0.01])[:, None, None, None], "clean": clean}
    model = colorzoo.create("cnn_denoiser", widths=[8], blocks=1, loss="psnr").eval()
    torch.nn.init.zeros_(model.net.last.weight)
    assert float(model.losses(batch)["loss"]) == pytest.approx(-29.8, abs=0.1)
    assert float(model.losses({"noisy": clean, "clean": clean})["loss"]) == pytest.approx(-50)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 2}, "give 1 or 3"),
        ({"widths": []}, "at least one width"),
        ({"blocks": 0}, "must be positive"),
        ({"noise": "speckle"}, "'gaussian' or 'impulse'"),
        ({"loss": "l1"}, "'mse' or 'psnr'"),
    ],
)
def test_unknown_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("cnn_denoiser", **arguments)


@torch.no_grad()
def test_noise_at_the_border_is_not_drawn_out_into_lines(gaussian):
    noisy = torch.rand(1, 1, 13, 16)
    mirrored = torch.cat([noisy, noisy.flip(2)[:, :, 1:4]], dim=2)
    torch.testing.assert_close(gaussian.restore(noisy), gaussian.restore(mirrored)[:, :, :13])
