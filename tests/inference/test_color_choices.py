"""Variants and reference images, of a tiny model that is sure on the left and unsure on the right."""

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from unsure import Unsure

import colorzoo
from colorzoo.color.conversions import rgb_to_lab
from colorzoo.errors import NoDistributionError, UnreadableImageError
from colorzoo.inference.color_variants import MAX_VARIANTS
from colorzoo.io.raster import RasterImage

PINK = "#e0b0a8"


@pytest.fixture
def model():
    return Unsure().eval()


@pytest.fixture
def halves():
    """Dark on the left, light on the right."""
    picture = np.full((60, 80), 80, np.uint8)
    picture[:, 40:] = 170
    return picture


@pytest.fixture
def reference():
    """Dark blue above, light orange below: other places than those of `halves`."""
    picture = np.empty((50, 40, 3), np.uint8)
    picture[:25], picture[25:] = (20, 40, 120), (240, 160, 100)
    return picture


def ab(coloured):
    return rgb_to_lab(torch.from_numpy(np.array(coloured) / 255).float().movedim(2, 0)[None])[0, 1:]


def test_variants_differ_where_the_model_is_unsure_and_go_as_one_each_to_another_hue(model, halves):
    first, *others = model.colorize_variants(halves, MAX_VARIANTS)
    assert np.array_equal(first, model.colorize(halves))
    plain = ab(first)
    moved = [ab(variant) - plain for variant in others]
    assert max(float(change[:, :, :36].abs().max()) for change in moved) < 1, "sure"
    right = [change[:, :, 44:] for change in moved]
    assert min(float(change.norm(dim=0).min()) for change in right) > 15
    assert max(float(change.flatten(1).std(dim=1).max()) for change in right) < 0.5
    hues = [torch.atan2(*change.mean(dim=(1, 2)).flip(0)).rad2deg() % 360 for change in right]
    assert torch.stack(hues).round().tolist() == pytest.approx([270, 30, 150, 90, 210, 330], abs=12)
    assert np.array_equal(others[1], model.colorize_variants(halves, 3)[2]), "the same, however many there are"


def test_variants_of_any_kind_of_image_are_of_that_kind(model, halves):
    deep = halves.astype(np.uint16) * 257
    alpha = np.full(halves.shape, 9, np.uint8)
    scan = model.colorize_variants(RasterImage(deep, alpha), 2)[1]
    assert scan.levels.dtype == np.uint16
    assert (scan.alpha == 9).all()
    grey = torch.from_numpy(halves / 255).float()[None, None]
    batch = model.colorize_variants(torch.cat([grey, 1 - grey]), 2)[1]
    assert batch.shape == (2, 3, 60, 80)
    assert np.abs((batch[0] * 255).round().movedim(0, 2).numpy() - scan.levels / 257).max() <= 1.5
    assert isinstance(model.colorize_variants(PIL.Image.fromarray(halves), 1)[0], PIL.Image.Image)


def test_saturation_confidence_and_hints_hold_for_every_variant(model, halves):
    grey = model.colorize_variants(halves, 4, saturation=0)
    assert all(np.array_equal(variant, np.dstack([halves] * 3)) for variant in grey)
    for variant in model.colorize_variants(halves, 4, hints=[((60, 30), PINK)], saturation=0.5):
        expected = ab(np.array([[list(bytes.fromhex(PINK[1:]))]]))[:, 0, 0]
        torch.testing.assert_close(ab(variant)[:, 30, 60], expected, atol=1.5, rtol=0)
    plain, faded = (ab(model.colorize(halves, variant=2, min_confidence=least)) for least in (0, 0.4))
    torch.testing.assert_close(faded[:, :, 44:], plain[:, :, 44:] / 4, atol=1, rtol=0)
    torch.testing.assert_close(faded[:, :, :36], plain[:, :, :36], atol=0.5, rtol=0)


@pytest.mark.parametrize("count", [0, 8, 2.5])
def test_counts_that_there_are_not_are_refused(model, halves, count):
    with pytest.raises(ValueError, match=rf"{count} variants cannot be made; give a whole number from 1 to 7"):
        model.colorize_variants(halves, count)


def test_what_looks_alike_is_coloured_alike_as_far_as_the_model_is_unsure(model, halves, reference):
    plain, like = ab(model.colorize(halves)), ab(model.colorize(halves, like=reference))
    orange = ab(reference)[:, 40, 20]
    torch.testing.assert_close(like[:, 30, 70], orange, atol=8, rtol=0)
    assert float((plain[:, 30, 70] - orange).norm()) > 30
    assert float((like - plain)[:, :, :36].abs().max()) < 4, "sure that it is green, not blue"


def test_a_reference_is_looked_at_once_for_many(model, halves, reference, tmp_path):
    path = tmp_path / "sunset.png"
    PIL.Image.fromarray(reference).save(path)
    expected = model.colorize(halves, like=path)
    assert np.array_equal(model.colorize(halves, like=model.read_reference(str(path))), expected)
    assert model.read_reference(path).name == "sunset.png"
    assert np.array_equal(model.colorize(halves, like=RasterImage(reference)), expected)
    tensor = torch.from_numpy(reference / 255).float().movedim(2, 0)[None]
    assert np.array_equal(model.colorize(halves, like=tensor), expected)
    sepia = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None] * np.array([1, 0.9, 0.7])
    assert model.read_reference(sepia.astype(np.uint8)).name == "image", "of one hue, as a sunset is"
    large = PIL.Image.fromarray(reference).resize((800, 1000), PIL.Image.Resampling.NEAREST)
    torch.testing.assert_close(ab(model.colorize(halves, like=large)), ab(expected), atol=2, rtol=0)


def test_hints_win_over_a_reference_and_variants_go_on_from_it(model, halves, reference):
    hinted = ab(model.colorize(halves, like=reference, hints=[((60, 30), "#2e8b57")]))
    assert float(hinted[0, 30, 60]) < -30
    own, like = (ab(model.colorize(halves, variant=2, like=given))[:, :, 44:] for given in (None, reference))
    assert float((own - like).norm(dim=0).min()) > 10


@pytest.mark.parametrize(
    ("like", "error", "message"),
    [
        (np.full((9, 9), 7, np.uint8), ValueError, "the reference image is grey; give an image in colour"),
        (np.full((9, 9, 3), 7, np.uint8), ValueError, "is grey"),
        (torch.rand(2, 3, 9, 9), ValueError, "there are 2 images"),
        ("no such.png", UnreadableImageError, "no such.png does not exist"),
        (7, TypeError, "cannot read an image from a int"),
    ],
)
def test_what_is_no_reference_is_refused(model, halves, like, error, message):
    with pytest.raises(error, match=message):
        model.colorize(halves, like=like)


def test_a_reference_that_another_model_has_read_is_refused(model, halves, reference):
    read = model.read_reference(reference)
    other = replace(read, features=read.features[:, :1])
    with pytest.raises(ValueError, match="the reference image was read by another model"):
        model.colorize(halves, like=other)


def test_models_that_know_one_colour_for_each_place_say_so(halves, reference):
    model = colorzoo.create("mlp").eval()
    assert not model.predicts_distribution()
    assert colorzoo.load("photo_unet").predicts_distribution(), "the message names it"
    for options in ({"variant": 2}, {"like": reference}):
        with pytest.raises(NoDistributionError, match=r"mlp knows one colour for each place.* such as photo_unet"):
            model.colorize(halves, **options)
    assert np.array_equal(model.colorize_variants(halves, 1)[0], model.colorize(halves))


def test_a_model_in_training_mode_reads_no_reference(model, reference):
    with pytest.raises(ValueError, match="training mode"):
        model.train().read_reference(reference)


def test_variants_look_at_their_reference_once(model, halves, reference, monkeypatch):
    alone = [model.colorize(halves, like=reference, variant=number) for number in (1, 2, 3)]
    seen = []
    read = model.read_reference
    monkeypatch.setattr(model, "read_reference", lambda image: seen.append(image) or read(image))
    together = model.colorize_variants(halves, 3, like=reference)
    assert len(seen) == 1
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
