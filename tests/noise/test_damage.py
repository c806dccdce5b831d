"""Damage hides what its mask says, is light or dark, and as large as was asked for."""

import numpy as np
import PIL.Image
import pytest
import torch

from colorzoo.errors import DataError
from colorzoo.noise.damage import Dust, Hair, Scratches, Shapes, Stains
from colorzoo.noise.degradations import Degradations, degrade
from colorzoo.noise.paper import Cracks, Folds, WornEdges
from colorzoo.noise.photographic import Grain, Resample
from colorzoo.noise.strokes import Canvas, draw_blob, draw_path, split_path

MIDDLE = torch.full((1, 3, 128, 128), 0.5)
SURE = {"opacity": 1.0, "flaking": 0.0, "softness": 0.2}
KINDS = [Dust(count=30), Hair(count=10), Scratches(count=10), Folds(), Cracks(count=4), WornEdges(), Stains()]


@pytest.mark.parametrize("step", KINDS, ids=lambda step: type(step).__name__)
def test_damage_changes_what_its_mask_says_and_no_target(step):
    noisy, clean, mask = degrade(MIDDLE, Degradations([step]), seeds=[4])
    changed = (noisy - clean).abs().amax(dim=1, keepdim=True)
    assert torch.equal(clean, MIDDLE)
    assert 0 < float(mask.mean()) < 0.5
    assert float(changed[mask == 1].mean()) > 0.1
    # Beside folds it is darker, and edges are soft.
    assert float(changed[mask == 0].mean()) < 0.01


@pytest.mark.parametrize("light_share", [0.0, 1.0])
def test_shapes_are_light_or_dark_to_the_limit(light_share):
    step = Hair(count=20, width=4.0, light_share=light_share, **SURE)
    values = degrade(MIDDLE, Degradations([step]), seeds=[1]).noisy
    extreme = float(values.max() if light_share else 1 - values.min())
    assert extreme > 0.95
    assert float(values.min() if light_share else 1 - values.max()) == 0.5


def test_lines_are_as_wide_as_asked_for():
    shares = []
    for width in (1.0, 4.0):
        step = Folds(count=1, width=width, jag=0.0, branches=0, **SURE)
        masks = [degrade(MIDDLE, Degradations([step]), seeds=[seed]).mask.mean() for seed in range(8)]
        shares.append(float(torch.stack(masks).mean()))
    assert 2 < shares[1] / shares[0] < 5


def test_counts_grow_with_the_area_but_those_of_folds():
    small, large = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 256, 256)
    dust, fold = Dust(count=60, width=2.0, swarm=1.0, **SURE), Folds(count=1, width=2.0, branches=0, **SURE)

    def mean_share(step, image):
        masks = [degrade(image, Degradations([step]), seeds=[seed]).mask.mean() for seed in range(12)]
        return float(torch.stack(masks).mean())

    assert mean_share(dust, large) == pytest.approx(mean_share(dust, small), rel=0.5)
    assert mean_share(fold, large) < 0.5 * mean_share(fold, small)


def test_masks_of_several_steps_are_joined_and_damage_may_lie_under_grain():
    folds, dust = Folds(count=1), Dust(count=40)
    alone = degrade(MIDDLE, Degradations([folds]), seeds=[2])
    both = degrade(MIDDLE, Degradations([folds, dust, Grain()]), seeds=[2])
    assert bool((both.mask >= alone.mask).all())
    assert both.mask.mean() > alone.mask.mean()
    scaled = degrade(MIDDLE, Degradations([Resample(scale=0.5, steps=[folds])]), seeds=[2])
    assert 0 < float(scaled.mask.mean()) < 0.2


def test_real_shapes_come_from_a_folder(tmp_path):
    shape = np.zeros((40, 40), dtype=np.uint8)
    shape[10:30, 18:22] = 255
    PIL.Image.fromarray(shape).save(tmp_path / "hair_1.png")
    PIL.Image.new("L", (40, 40)).save(tmp_path / "empty_1.png")
    step = Shapes(folder=str(tmp_path), pattern="hair_*", count=20, width=40, light_share=1.0, **SURE)
    noisy, _, mask = degrade(MIDDLE, Degradations([step]), seeds=[1])
    assert 0.01 < float(mask.mean()) < 0.3
    assert float(noisy.max()) > 0.8
    with pytest.raises(DataError, match="no shapes dust"):
        degrade(MIDDLE, Degradations([Shapes(folder=str(tmp_path), pattern="dust*")]), seeds=[1])


def test_lines_have_the_length_asked_for_and_gaps_shorten_them():
    random = np.random.default_rng(0)
    straight = draw_path(np.array([3.0, 4.0]), 0.0, 100.0, 0.0, 0.0, random)
    assert straight[-1] == pytest.approx((103.0, 4.0))
    bent = draw_path(np.array([3.0, 4.0]), 0.0, 100.0, 1.0, 0.0, random)
    assert np.hypot(*(bent[-1] - bent[0])) < 95
    long = draw_path(np.zeros(2), 0.0, 4000.0, 0.0, 0.0, random)
    kept = sum(len(part) - 1 for part in split_path(long, 0.5, random)) / (len(long) - 1)
    assert 0.3 < kept < 0.8


def test_blobs_have_their_size():
    canvas = Canvas(60, 60)
    canvas.add_blob(draw_blob(np.array([30.0, 30.0]), 20.0, 0.0, np.random.default_rng(1)))
    assert 0.4 * np.pi * 400 < float(canvas.coverage().sum()) <= np.pi * 400
