"""Degradations are data: the same for the same image and seed, wherever pairs are made, and written in a recipe."""

from dataclasses import dataclass

import pytest
import torch
import yaml

from colorzoo.data.pair_maker import PairMaker
from colorzoo.datamodules import SyntheticDataModule
from colorzoo.noise.damage import Dust, Hair, Scratches, Stains
from colorzoo.noise.degradations import Degradation, Degradations, degrade
from colorzoo.noise.paper import Cracks, Folds, WornEdges
from colorzoo.noise.photographic import (
    Blur,
    CameraNoise,
    Fading,
    Grain,
    Grey,
    Jpeg,
    Resample,
    SaltAndPepper,
    UnevenExposure,
)
from colorzoo.training.cli import run

EVERY_STEP = [
    Grey(probability=0.5),
    Fading(),
    UnevenExposure(),
    Blur(),
    Grain(),
    CameraNoise(),
    Resample(steps=[Jpeg()]),
    Dust(),
    Hair(),
    Scratches(),
    Folds(),
    Cracks(),
    WornEdges(),
    Stains(),
    SaltAndPepper(),
    Jpeg(),
]
CHAIN = Degradations(EVERY_STEP)


@pytest.mark.parametrize("step", EVERY_STEP, ids=lambda step: type(step).__name__)
@pytest.mark.parametrize(("channels", "height", "width"), [(3, 17, 40), (1, 16, 16), (3, 1, 1)])
def test_every_step_takes_images_of_any_size_and_keeps_them_in_range(step, channels, height, width):
    clean = torch.rand(1, channels, height, width)
    noisy, target, mask = degrade(clean, Degradations([step]), seeds=[3])
    assert noisy.shape == target.shape == clean.shape
    assert mask.shape == (1, 1, height, width)
    assert 0 <= float(noisy.min()) <= float(noisy.max()) <= 1
    assert set(mask.unique().tolist()) <= {0.0, 1.0}


def test_a_pair_is_a_function_of_image_and_seed_whatever_the_batch():
    images = torch.rand(3, 3, 24, 24)
    together = degrade(images, CHAIN, seeds=[5, 6, 7])
    alone = degrade(images[1:2], CHAIN, seeds=[6])
    assert all(torch.equal(whole[1:2], one) for whole, one in zip(together, alone, strict=True))
    other = degrade(images[1:2], CHAIN, seeds=[8])
    assert not torch.equal(other.noisy, alone.noisy)


def test_each_step_happens_with_its_probability():
    noisy, clean, _ = degrade(torch.full((200, 1, 2, 2), 0.5), Degradations([Grain(probability=0.3)]), range(200))
    assert 0.2 < float((noisy != clean).flatten(1).any(dim=1).float().mean()) < 0.4


def test_what_belongs_to_the_scene_changes_the_target_too():
    image = torch.rand(1, 3, 32, 32)
    kept = degrade(image, Degradations([Fading(), Blur(sigma=1.0), Resample(scale=0.5)]), seeds=[1])
    assert torch.equal(kept.noisy, kept.clean)
    assert not torch.equal(kept.clean, image)
    undone = degrade(image, Degradations([Blur(sigma=1.0, target=False)]), seeds=[1])
    assert torch.equal(undone.clean, image)
    assert not torch.equal(undone.noisy, image)


def test_training_pairs_follow_the_batch_and_the_others_the_name():
    make = PairMaker(noise=CHAIN, eval_noise=CHAIN, color=True)
    rgb = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    batch = {"rgb": rgb, "name": list("abcd"), "seed": 3}
    first, again, second = make(batch, True), make(batch, True), make({**batch, "seed": 4}, True)
    assert sorted(first) == ["clean", "mask", "name", "noisy"]
    assert all(torch.equal(first[key], again[key]) for key in ("noisy", "clean", "mask"))
    assert not torch.equal(first["noisy"], second["noisy"])
    assert torch.equal(make(batch, False)["noisy"], make({**batch, "seed": 9}, False)["noisy"])
    halves = [make({**batch, "rgb": rgb[part::2], "name": "ab"}, True, part, 2)["noisy"] for part in (0, 1)]
    assert torch.equal(torch.stack(halves, dim=1).flatten(end_dim=1), first["noisy"])


def test_every_data_module_shows_input_target_and_damage():
    data = SyntheticDataModule(size=32, train_images=4, batch_size=2, noise=Degradations([Folds(count=3)]), color=True)
    batch = next(iter(data.train_dataloader()))
    assert batch["mask"].shape == (2, 1, 32, 32)
    assert data.show_batch(rows=1).size[0] == 3 * (32 + 2) + 2
    plain = SyntheticDataModule(size=32, train_images=4, noise=Degradations([Jpeg()]))
    assert plain.show_batch(rows=1).size[0] == 2 * (32 + 2) + 2
    assert data.dataset("train")[0]["mask"].shape == (1, 32, 32)


def test_a_recipe_says_it_in_a_few_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jpeg = {"class_path": "Jpeg", "init_args": {"quality": [30, 95], "probability": 0.5}}
    steps = [
        {"class_path": "Grain", "init_args": {"strength": [0.02, 0.1]}},
        {"class_path": "Resample", "init_args": {"scale": [0.5, 1], "steps": [jpeg]}},
        {"class_path": "Cracks"},
    ]
    recipe = {
        "model": {"class_path": "ConvDenoiser", "init_args": {"filters": [2]}},
        "data": {
            "class_path": "SyntheticDataModule",
            "init_args": {"size": 16, "train_images": 4, "val_images": 2, "batch_size": 2, "noise": {"steps": steps}},
        },
        "trainer": {"fast_dev_run": True, "accelerator": "cpu", "enable_progress_bar": False},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    data = run(["fit", "--config", "recipe.yaml", "--trainer.enable_model_summary=false"]).datamodule
    expected = [
        Grain(strength=(0.02, 0.1)),
        Resample(scale=(0.5, 1.0), steps=[Jpeg(quality=(30, 95), probability=0.5)]),
        Cracks(),
    ]
    assert data.noise == Degradations(expected)
    assert "Jpeg(probability=0.5, quality=(30.0, 95.0)" in data.describe_pairs()


def test_a_step_of_ones_own_is_one_class():
    @dataclass(frozen=True, kw_only=True)
    class Negative(Degradation):
        def apply(self, images, random):
            return images._replace(noisy=1 - images.noisy)

    image = torch.rand(1, 1, 4, 4)
    assert torch.equal(degrade(image, Degradations([Negative()]), seeds=[0]).noisy, 1 - image)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grain(strength=(0.2, 0.1)), r"strength of Grain is \(0\.2, 0\.1\); give a number from 0 to 1, or"),
        (lambda: Jpeg(quality=101), "quality of Jpeg is 101"),
        (lambda: Blur(probability=1.5), "probability of Blur"),
        (lambda: Scratches(gaps=1.0), "gaps of Scratches"),
        (lambda: Degradations([]), "at least one step"),
        (lambda: degrade(torch.rand(2, 3, 4, 4), CHAIN, seeds=[1]), "1 seeds for images"),
    ],
)
def test_senseless_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
