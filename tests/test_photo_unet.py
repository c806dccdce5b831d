"""Distributions over colours: what their mean, their temperature and their certainty say."""

import pytest
import torch

import colorzoo
from colorzoo.models._chroma_bins import bin_width, certainty, divergence, mean_colour, surroundings

BINS = 14


@pytest.fixture
def small():
    return colorzoo.create("photo_unet", widths=[16, 16, 16]).eval()


def spread(ab):
    index, share = surroundings(ab, BINS)
    return torch.zeros(ab.shape[0], BINS * BINS, *ab.shape[2:]).scatter(1, index, share)


def test_every_colour_is_the_mean_of_the_four_bins_around_it():
    ab = torch.rand(2, 2, 5, 7) * 220 - 110
    distribution = spread(ab)
    torch.testing.assert_close(distribution.sum(dim=1), torch.ones(2, 5, 7))
    assert int((distribution > 0).sum(dim=1).max()) <= 4
    torch.testing.assert_close(mean_colour(distribution.log()), ab, atol=1e-3, rtol=0)


def test_the_ends_of_the_plane_have_a_bin_and_what_is_beyond_counts_as_the_end():
    ends = torch.tensor([[110.0, 110.0], [-110.0, 130.0]]).T[None, :, :, None]
    torch.testing.assert_close(mean_colour(spread(ends).log()), ends.clamp(-110, 110), atol=1e-3, rtol=0)


def test_a_low_temperature_gives_the_likeliest_colour():
    ab = torch.tensor([0.0, 0.0]).view(1, 2, 1, 1) + bin_width(BINS) / 2
    rare = ab - 3 * bin_width(BINS)
    pure = [spread(colour) for colour in (ab, rare)]
    logarithm = (0.7 * pure[0] + 0.3 * pure[1]).clamp(min=1e-9).log()
    torch.testing.assert_close(mean_colour(logarithm), 0.7 * ab + 0.3 * rare, atol=0.1, rtol=0)
    torch.testing.assert_close(mean_colour(logarithm, 0.05), ab, atol=0.1, rtol=0)


def test_certainty_goes_from_all_alike_to_a_single_bin():
    alike = torch.full((1, BINS * BINS, 1, 1), 1 / BINS**2).log()
    single = torch.full((1, BINS * BINS, 1, 1), -1e4)
    single[:, 7] = 0
    assert certainty(alike).item() == pytest.approx(0, abs=1e-5)
    assert certainty(single).item() == 1


def test_divergence_is_nothing_for_the_truth_itself_and_something_for_all_else():
    index, share = surroundings(torch.rand(1, 2, 3, 3) * 100, BINS)
    truth = torch.zeros(1, BINS * BINS, 3, 3).scatter(1, index, share).clamp(min=1e-12).log()
    assert divergence(truth, index, share).item() == pytest.approx(0, abs=1e-5)
    assert divergence(torch.randn_like(truth).log_softmax(dim=1), index, share).item() > 1


@torch.no_grad()
def test_a_temperature_below_one_takes_nothing_but_the_temperature(small):
    lively = colorzoo.create("photo_unet", widths=[16, 16, 16], temperature=0.4).eval()
    lively.load_state_dict(small.state_dict())
    lightness = 100 * torch.rand(1, 1, 64, 48)
    mean, sure = small.chroma_and_confidence(lightness)
    likelier, as_sure = lively.chroma_and_confidence(lightness)
    assert torch.equal(sure, as_sure)
    assert sure.shape == (1, 1, 16, 12)
    assert bool(((sure >= 0) & (sure <= 1)).all())
    assert not torch.equal(mean, likelier)


def test_the_encoder_may_come_from_another_model(tmp_path, record):
    from colorzoo import weights

    source = colorzoo.create("fusion_transfer", backbone="resnet18", features="maps")
    path = tmp_path / "fusion_transfer.mine.safetensors"
    weights.write(weights.Checkpoint(path, "fusion_transfer", source.hparams, source.state_dict(), record))
    model = colorzoo.create("photo_unet", encoder="resnet18", encoder_weights=str(path))
    taken = source.backbone.net.state_dict()
    assert all(torch.equal(value, taken[key]) for key, value in model.encoder.net.state_dict().items())
    assert "encoder_weights" not in model.hparams


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": [8, 8]}, "give three positive numbers"),
        ({"bins": 1}, "give at least 2"),
        ({"temperature": 0.0}, "must be positive"),
        ({"encoder": "no_such_net"}, "timm has no model"),
    ],
)
def test_senseless_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("photo_unet", **arguments)
