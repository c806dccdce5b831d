"""Distributions over colours: what their mean, their temperature and their certainty say."""

import pytest
import timm
import torch

import colorzoo
from colorzoo.color.conversions import lightness_to_grey
from colorzoo.errors import CheckpointError
from colorzoo.hub import checkpoint_file
from colorzoo.models._ab_bins import annealed_mean, bin_width, confidence_of_bins, kl_divergence, soft_encode_ab
from colorzoo.models._efficientnet_lite import SCALES, EfficientNetLite, HalvingConv2d

BINS = 14


@pytest.fixture
def small():
    return colorzoo.create("photo_unet", widths=[16, 16, 16]).eval()


def spread(ab):
    index, share = soft_encode_ab(ab, BINS)
    return torch.zeros(ab.shape[0], BINS * BINS, *ab.shape[2:]).scatter(1, index, share)


def test_every_colour_is_the_mean_of_the_four_bins_around_it():
    ab = torch.rand(2, 2, 5, 7) * 220 - 110
    distribution = spread(ab)
    torch.testing.assert_close(distribution.sum(dim=1), torch.ones(2, 5, 7))
    assert int((distribution > 0).sum(dim=1).max()) <= 4
    torch.testing.assert_close(annealed_mean(distribution.log()), ab, atol=1e-3, rtol=0)


def test_the_ends_of_the_plane_have_a_bin_and_what_is_beyond_counts_as_the_end():
    ends = torch.tensor([[110.0, 110.0], [-110.0, 130.0]]).T[None, :, :, None]
    torch.testing.assert_close(annealed_mean(spread(ends).log()), ends.clamp(-110, 110), atol=1e-3, rtol=0)


def test_a_low_temperature_gives_the_likeliest_colour():
    ab = torch.tensor([0.0, 0.0]).view(1, 2, 1, 1) + bin_width(BINS) / 2
    rare = ab - 3 * bin_width(BINS)
    pure = [spread(colour) for colour in (ab, rare)]
    logarithm = (0.7 * pure[0] + 0.3 * pure[1]).clamp(min=1e-9).log()
    torch.testing.assert_close(annealed_mean(logarithm), 0.7 * ab + 0.3 * rare, atol=0.1, rtol=0)
    torch.testing.assert_close(annealed_mean(logarithm, 0.05), ab, atol=0.1, rtol=0)


def test_certainty_goes_from_all_alike_to_a_single_bin():
    alike = torch.full((1, BINS * BINS, 1, 1), 1 / BINS**2).log()
    single = torch.full((1, BINS * BINS, 1, 1), -1e4)
    single[:, 7] = 0
    assert confidence_of_bins(alike).item() == pytest.approx(0, abs=1e-5)
    assert confidence_of_bins(single).item() == 1


def test_divergence_is_nothing_for_the_truth_itself_and_something_for_all_else():
    index, share = soft_encode_ab(torch.rand(1, 2, 3, 3) * 100, BINS)
    truth = torch.zeros(1, BINS * BINS, 3, 3).scatter(1, index, share).clamp(min=1e-12).log()
    assert kl_divergence(truth, index, share).item() == pytest.approx(0, abs=1e-5)
    assert kl_divergence(torch.randn_like(truth).log_softmax(dim=1), index, share).item() > 1


@torch.no_grad()
def test_a_temperature_below_one_takes_nothing_but_the_temperature(small):
    lively = colorzoo.create("photo_unet", widths=[16, 16, 16], temperature=0.4).eval()
    lively.load_state_dict(small.state_dict())
    lightness = 100 * torch.rand(1, 1, 64, 48)
    mean, sure = small.predict_ab_with_confidence(lightness)
    likelier, as_sure = lively.predict_ab_with_confidence(lightness)
    assert torch.equal(sure, as_sure)
    assert sure.shape == (1, 1, 16, 12)
    assert bool(((sure >= 0) & (sure <= 1)).all())
    assert not torch.equal(mean, likelier)


@torch.no_grad()
def test_a_vivid_model_answers_with_more_of_the_same_chroma(small):
    vivid = colorzoo.create("photo_unet", widths=[16, 16, 16], vividness=1.5).eval()
    vivid.load_state_dict(small.state_dict())
    lightness = 100 * torch.rand(1, 1, 40, 50)
    assert torch.equal(vivid.predict_ab(lightness), 1.5 * small.predict_ab(lightness))


@torch.no_grad()
def test_its_distribution_is_the_one_that_it_answers_from():
    lively = colorzoo.create("photo_unet", widths=[16, 16, 16], temperature=0.5, vividness=1.5).eval()
    lightness = 100 * torch.rand(2, 1, 70, 41)
    distribution = lively.predict_distribution(lightness)
    answer, confidence = lively.predict_ab_with_confidence(lightness)
    torch.testing.assert_close(distribution.ab(), answer, atol=1e-3, rtol=0)
    assert torch.equal(distribution.confidence, confidence)
    features = distribution.features()
    assert features.shape[-2:] == (9, 6)
    torch.testing.assert_close(features.square().sum(dim=1), torch.full((2, 9, 6), 3.0))


@torch.no_grad()
def test_variants_and_references_work_in_half_precision_and_on_one_pixel():
    small = colorzoo.create("photo_unet", widths=[16, 16]).eval()
    grey, reference = torch.rand(1, 1, 40, 36), torch.rand(1, 3, 50, 30)
    expected = small.colorize(grey, variant=2, like=reference)
    assert not torch.equal(expected, small.colorize(grey))
    torch.testing.assert_close(small.bfloat16().colorize(grey, variant=2, like=reference), expected, atol=0.1, rtol=0)
    assert small.colorize(grey[..., :1, :1], variant=2, like=reference[..., :1, :1]).shape == (1, 3, 1, 1)


@torch.no_grad()
def test_global_context_begins_without_effect_and_then_reaches_every_place(small, tmp_path):
    start = checkpoint_file.Checkpoint(tmp_path / "a.ckpt", "photo_unet", small.hparams, small.state_dict(), None)
    checkpoint_file.write_ckpt(start)
    new = colorzoo.create("photo_unet", context=8, weights=str(start.path), reinit=["context"]).eval()
    grey = torch.rand(1, 1, 40, 36)
    torch.testing.assert_close(new(grey), small(grey), atol=1e-4, rtol=0)
    before = new.predict_ab(100 * grey)
    for level in new.context.shifts:
        level.bias += 1
        after = new.predict_ab(100 * grey)
        assert bool(((after - before).abs().amax(dim=1) > 1e-3).all())
        before = after


def test_older_checkpoints_have_no_global_context(tmp_path, record):
    def written(context):
        model = colorzoo.create("photo_unet", widths=[16, 16, 16], context=context)
        hparams = {name: value for name, value in model.hparams.items() if name != "context"}
        path = tmp_path / f"{context}.safetensors"
        checkpoint_file.write(checkpoint_file.Checkpoint(path, "photo_unet", hparams, model.state_dict(), record))
        return path

    assert colorzoo.load(written(0)).hparams["context"] == 0
    with pytest.raises(CheckpointError, match=r"has no place.*context is unknown there and 0 here"):
        colorzoo.load(written(4))
    with pytest.raises(CheckpointError, match=r"is missing.*context is unknown there and 4 here.*reinit context"):
        colorzoo.create("photo_unet", weights=str(written(0)), context=4)


def test_fidelity_is_what_restraint_is_learnt_from(small):
    lightness = 100 * torch.rand(2, 1, 32, 32)
    batch = {"grey": lightness_to_grey(lightness), "lab": torch.cat([lightness, torch.zeros(2, 2, 32, 32)], dim=1)}
    careful = colorzoo.create("photo_unet", widths=[16, 16, 16], mean_weight=0.0, fidelity_weight=2.0).eval()
    careful.load_state_dict(small.state_dict())
    losses = careful.losses(batch)
    chroma = annealed_mean(careful._answer(batch["grey"]))
    expected = (chroma.square().sum(dim=1).mean(dim=(1, 2)) + 1).log().mean()
    torch.testing.assert_close(losses["fidelity"], expected.detach())
    torch.testing.assert_close(losses["loss"], losses["divergence"] + 2 * expected)


@torch.no_grad()
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "tf_mobilenetv3_small_075"])
def test_the_encoder_is_timms_where_sizes_are_even(name):
    model = colorzoo.create("photo_unet", encoder=name, widths=[16, 16, 16]).eval()
    its_own = timm.create_model(name, features_only=True, out_indices=(1, 2, 3, 4)).eval()
    its_own.load_state_dict(model.encoder.net.state_dict())
    seen = torch.rand(1, 3, 64, 96)
    assert all(torch.equal(a, b) for a, b in zip(its_own(seen), model.encoder.net(seen), strict=True))
    assert any(isinstance(module, HalvingConv2d) for module in model.encoder.net.modules())


@torch.no_grad()
def test_a_small_network_leaves_out_the_last_level_of_the_encoder(small):
    smaller = colorzoo.create("photo_unet", widths=[16, 16]).eval()
    state = small.state_dict()
    mine = {key: value for key, value in smaller.state_dict().items() if key.startswith("encoder")}
    assert set(mine) < set(state)
    smaller.load_state_dict({**smaller.state_dict(), **{key: state[key] for key in mine}})
    seen = torch.rand(1, 1, 64, 32)
    assert [list(maps.shape[1:]) for maps in smaller.encoder(seen)] == [[24, 16, 8], [40, 8, 4], [112, 4, 2]]
    assert all(torch.equal(a, b) for a, b in zip(smaller.encoder(seen), small.encoder(seen), strict=False))
    assert smaller(torch.rand(1, 1, 49, 33)).shape == (1, 3, 49, 33)


@torch.no_grad()
@pytest.mark.parametrize("name", SCALES)
def test_efficientnet_lite_is_that_of_timm_bit_for_bit(name):
    torch.manual_seed(7)
    theirs = timm.create_model(name, features_only=True).eval()
    torch.manual_seed(7)
    ours = EfficientNetLite(name).eval()
    tensors = theirs.state_dict()
    assert list(ours.state_dict()) == list(tensors)
    assert all(torch.equal(value, tensors[key]) for key, value in ours.state_dict().items())
    assert ours.channels == theirs.feature_info.channels()
    for height, width in [(64, 32), (39, 50), (1, 7)]:
        seen = torch.rand(1, 3, height, width)
        assert all(torch.equal(a, b) for a, b in zip(theirs(seen), ours(seen), strict=True))


def test_the_encoder_may_come_from_another_model(tmp_path, record):
    source = colorzoo.create("fusion_transfer", backbone="resnet18", features="maps")
    path = tmp_path / "fusion_transfer.mine.safetensors"
    checkpoint_file.write(
        checkpoint_file.Checkpoint(path, "fusion_transfer", source.hparams, source.state_dict(), record)
    )
    model = colorzoo.create("photo_unet", encoder="resnet18", encoder_weights=str(path))
    taken = source.backbone.net.state_dict()
    assert all(torch.equal(value, taken[key]) for key, value in model.encoder.net.state_dict().items())
    assert "encoder_weights" not in model.hparams


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": [8]}, "give two or three positive numbers"),
        ({"bins": 1}, "give at least 2"),
        ({"context": -1}, "0 for none"),
        ({"temperature": 0.0}, "must be positive"),
        ({"encoder": "no_such_net"}, "timm has no model"),
    ],
)
def test_senseless_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("photo_unet", **arguments)
