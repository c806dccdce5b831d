"""Noise is what was asked for, and the same for the same image wherever it is drawn."""

import pytest
import torch

from colorzoo.data.batches import noisy_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.noise.synthesis import Noise, add_noise

GREY = torch.full((1, 1, 200, 200), 0.5)


@pytest.mark.parametrize("share", [0.04, 0.15, 0.64])
def test_as_many_pixels_turn_black_and_white_as_were_asked_for(share):
    noisy = add_noise(GREY, Noise(impulse=share), seeds=[1])
    black, white = float((noisy == 0).float().mean()), float((noisy == 1).float().mean())
    assert black == pytest.approx(share / 2, abs=0.01)
    assert white == pytest.approx(share / 2, abs=0.01)
    assert float(((noisy != 0) & (noisy != 1) & (noisy != 0.5)).float().mean()) == 0


def test_gaussian_noise_has_its_deviation_and_mean():
    noise = add_noise(GREY, Noise(sigma=25, bias=10, clip=False), seeds=[1]) - GREY
    assert float(noise.std()) == pytest.approx(25 / 255, rel=0.03)
    assert float(noise.mean()) == pytest.approx(10 / 255, abs=0.003)


def test_clipping_keeps_to_what_a_file_can_hold():
    assert float(add_noise(GREY, Noise(sigma=300, clip=False), seeds=[0]).max()) > 1
    clipped = add_noise(GREY, Noise(sigma=300), seeds=[0])
    assert 0 <= float(clipped.min()) < float(clipped.max()) <= 1


def test_noise_of_a_seed_never_changes():
    noisy = add_noise(torch.full((1, 1, 2, 4), 0.5), Noise(impulse=(0.2, 0.6), sigma=(5, 50)), seeds=[1])
    expected = [1.0, 0.5496962666511536, 0.5388275384902954, 0.0]
    expected += [0.5591839551925659, 0.5486139059066772, 0.47653645277023315, 0.4123624563217163]
    assert noisy.flatten().tolist() == pytest.approx(expected, abs=1e-7)


def test_each_picture_draws_its_own_level():
    noisy = add_noise(GREY.expand(20, -1, -1, -1), Noise(sigma=(0.0, 50.0)), seeds=range(20))
    deviations = (noisy - 0.5).flatten(start_dim=1).std(dim=1) * 255
    assert float(deviations.min()) < 15
    assert 35 < float(deviations.max()) < 51


def test_noise_of_a_seed_does_not_depend_on_its_neighbours_in_the_batch():
    pictures = torch.rand(4, 3, 8, 8)
    noise = Noise(impulse=0.3, sigma=(5.0, 20.0))
    together = add_noise(pictures, noise, seeds=[5, 6, 7, 8])
    assert torch.equal(add_noise(pictures[2:3], noise, seeds=[7]), together[2:3])
    assert not torch.equal(add_noise(pictures[2:3], noise), together[2:3])


@pytest.mark.parametrize(("color", "channels"), [(False, 1), (True, 3)])
def test_pairs_are_grey_or_coloured(color, channels):
    rgb = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    pairs = noisy_batch({"rgb": rgb, "label": torch.arange(2)}, Noise(sigma=25), color)
    assert pairs["noisy"].shape == pairs["clean"].shape == (2, channels, 8, 8)
    assert torch.equal(pairs["label"], torch.arange(2))


def test_validation_noise_is_that_of_the_picture_whatever_the_batch():
    def noisy(batch_size):
        data = SyntheticDataModule(size=8, val_images=6, batch_size=batch_size, noise=Noise(impulse=0.3))
        data.setup("validate")
        return torch.cat([data.on_after_batch_transfer(batch, 0)["noisy"] for batch in data.val_dataloader()])

    assert torch.equal(noisy(6), noisy(4))
    assert float((noisy(6) == 0).float().mean()) > 0.1


def test_pictures_may_be_measured_at_one_level_of_those_that_are_learnt():
    learnt, measured = Noise(sigma=(0.0, 50.0), clip=False), Noise(sigma=25.0, clip=False)
    data = SyntheticDataModule(size=64, val_images=4, noise=learnt, eval_noise=measured)
    data.setup("validate")
    pairs = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
    deviations = (pairs["noisy"] - pairs["clean"]).flatten(start_dim=1).std(dim=1)
    torch.testing.assert_close(deviations, torch.full((4,), 25 / 255), atol=0.005, rtol=0)
    assert "with Gaussian noise of sigma 0 to 50" in data.describe_pairs()
    assert "measured with Gaussian noise of sigma 25" in data.describe_pairs()
    assert "measured" not in SyntheticDataModule(noise=learnt).describe_pairs()
    with pytest.raises(ValueError, match="give noise too"):
        SyntheticDataModule(eval_noise=measured)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (Noise(), "no noise"),
        (Noise(impulse=0.15), "salt and pepper on 15 % of the values"),
        (Noise(sigma=(0.0, 50.0)), "Gaussian noise of sigma 0 to 50, mean 0 (8-bit levels)"),
    ],
)
def test_noise_describes_itself(noise, words):
    assert noise.describe() == words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"impulse": 1.1}, r"impulse is 1\.1"),
        ({"impulse": (0.5, 0.2)}, "impulse"),
        ({"sigma": -1}, "sigma is -1"),
        ({"bias": float("nan")}, "bias"),
    ],
)
def test_levels_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Noise(**arguments)


def test_seeds_must_be_as_many_as_pictures():
    with pytest.raises(ValueError, match="2 seeds for 1 images"):
        add_noise(GREY, Noise(sigma=1), seeds=[0, 1])


def test_pictures_without_a_batch_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 8, 8\); give \(B, C, H, W\)"):
        add_noise(torch.rand(3, 8, 8), Noise(impulse=0.1))
