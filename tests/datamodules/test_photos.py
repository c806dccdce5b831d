"""Photographs of weighted sources: what is drawn, what is held out, and what is refused."""

import PIL.Image
import pytest
import torch

from colorzoo.data.image_cache import decode_images
from colorzoo.data.photo_sources import PhotoSource, WeightedCrops
from colorzoo.datamodules.imagenette import CLASSES
from colorzoo.datamodules.photos import PhotosDataModule
from colorzoo.errors import DataError


def save(path, color, size=(40, 36)):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", size, color).save(path)


@pytest.fixture
def root(tmp_path, monkeypatch):
    for index in range(12):
        save(tmp_path / "kodachrome" / f"{index}.png", (200, 20 * index, 0))
        save(tmp_path / "photos" / "train" / f"{index}.png", (0, 0, 200))
        save(tmp_path / "tinyimagenet32" / "train" / "n01" / f"n01_{index}.JPEG", (200, 0, 0))
        save(tmp_path / "tinyimagenet32" / "val" / "n01" / f"n01_{index}.JPEG", (200, 0, 0))
        save(tmp_path / "bsds400" / "train" / f"{index}.jpg", (0, 90, 90))
    for index in range(4):
        save(tmp_path / "photos" / "val" / f"{index}.png", (0, 50, 200))
    for index in range(33):
        save(tmp_path / "bsds400" / "test" / f"{index}.jpg", (0, 90, 90))
    for wnid in CLASSES:
        for index in range(3):
            save(tmp_path / "imagenette" / "train" / wnid / f"{index}.JPEG", (0, 200, 0) if index else (90, 90, 90))
        save(tmp_path / "imagenette" / "val" / wnid / "0.JPEG", (0, 200, 0))
    monkeypatch.setenv("COLORZOO_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def data(root):
    sources = [
        PhotoSource("photos", weight=3, val_images=4, eval_size=24),
        PhotoSource("kodachrome", weight=1, val_images=5, eval_size=16),
        PhotoSource("imagenette", weight=2, grey_share=0.5, val_images=7, eval_size=16),
        PhotoSource("bsds", weight=1),
        PhotoSource("tiny_imagenet", weight=1, tiles=2),
    ]
    return PhotosDataModule(sources, size=16, squares=80, test_size=20, batch_size=8)


def test_an_epoch_draws_the_sources_by_weight(data):
    batches = list(data.train_dataloader())
    assert len(batches) == 10
    assert batches[0]["rgb"].shape == (8, 3, 16, 16)
    drawn = [name.partition("/")[0] for batch in batches for name in batch["name"]]
    assert 20 < drawn.count("photos") < 40
    assert set(drawn) == {"photos", "kodachrome", "imagenette", "bsds", "tiny_imagenet"}


def test_what_is_measured_trains_in_no_source(data):
    splits = data.split_names()
    names = [name for split in splits.values() for name in split]
    assert len(names) == len(set(names))
    counts = [[name.partition("/")[0] for name in splits[split]] for split in ("val", "test")]
    assert [counts[0].count(title) for title in ("photos", "kodachrome", "imagenette", "bsds")] == [4, 5, 7, 0]
    assert counts[1] == ["imagenette"] * 10
    assert len([name for name in splits["train"] if name.startswith("bsds/")]) == 12 + 33 - 20 - 12
    assert "30.0% of" not in data.describe("test")
    assert "37.5% of 12 of photos" in data.describe("train")


def test_each_source_validates_at_its_own_size_and_all_test_at_one(data):
    for batch in data.val_dataloader():
        assert batch["rgb"].shape[-1] == (24 if batch["name"][0].startswith("photos/") else 16)
    assert {batch["rgb"].shape[-1] for batch in data.test_dataloader()} == {20}
    with pytest.raises(ValueError, match="set it to 1"):
        PhotosDataModule(data.sources, eval_batch_size=2)


def test_a_share_of_a_source_is_grey_images_that_stay_grey(root):
    names = [f"train/{wnid}/{index}.JPEG" for wnid in CLASSES for index in range(3)]
    cache = decode_images(root / "imagenette", names, 32, root / "decoded")
    crops = WeightedCrops([(PhotoSource("imagenette", grey_share=0.7), cache)], 16, 200)
    torch.manual_seed(1)
    batch = crops.load_batch(range(200))
    grey = (batch["rgb"].amax(dim=1) == batch["rgb"].amin(dim=1)).flatten(1).all(dim=1)
    assert 0.7 < float(grey.float().mean()) < 0.95  # a third of the others are grey too
    assert all(name.endswith("/0.JPEG") for name, one in zip(batch["name"], grey.tolist(), strict=True) if one)


def test_small_images_make_mosaics(root):
    cache = decode_images(root / "kodachrome", [f"{index}.png" for index in range(12)], 32, root / "decoded")
    square = WeightedCrops([(PhotoSource("kodachrome", tiles=2), cache)], 16, 1).load_batch([0])["rgb"][0]
    tiles = square.unfold(1, 8, 8).unfold(2, 8, 8).flatten(3)
    assert bool((tiles == tiles[..., :1]).all())
    assert len(square.flatten(1).unique(dim=1).T) > 1


def test_the_sources_stand_in_every_checkpoint_as_plain_values(data):
    again = PhotosDataModule(**data.hparams)
    assert again.sources == data.sources
    assert again.hparams["sources"][0]["kind"] == "photos"
    assert again.split_hash() == data.split_hash()


def folder(root, *colors, size=(40, 36), **options):
    for index, color in enumerate(colors):
        save(root / "mine" / f"{index}.png", color, size)
    return PhotosDataModule([PhotoSource(path=str(root / "mine"), **options)], size=16, cache=str(root / "decoded"))


@pytest.mark.parametrize(
    ("colors", "options", "message"),
    [
        ([], {}, r"source 'mine': .*mine is no folder"),
        ([(80, 80, 80)], {}, "all 1 images of source 'mine' are grey"),
        ([(80, 0, 0)], {"grey_share": 0.1}, "no image of source 'mine' is grey; set grey_share to 0"),
        ([(80, 0, 0)], {"size": (40, 3)}, r"source 'mine': 0.png has 40x3 pixels, and squares of 16 need 4"),
        ([(80, 0, 0)], {"tiles": 3}, "do not hold 3 by 3 tiles of 'mine'"),
        ([(80, 0, 0)], {"val_images": 1}, "source 'mine': .* too few"),
    ],
)
def test_sources_that_cannot_train_are_named(tmp_path, colors, options, message):
    with pytest.raises(DataError, match=message):
        folder(tmp_path, *colors, **options).load_split("train")


def test_an_empty_folder_and_too_few_validation_images_are_named(root):
    (root / "mine").mkdir()
    with pytest.raises(DataError, match=r"source 'mine': no images in .*; correct its path"):
        folder(root).split_names()
    with pytest.raises(DataError, match=r"source 'photos': 4 images in .*val; lower val_images"):
        PhotosDataModule([PhotoSource("photos", val_images=5)]).split_names()


def test_sources_of_one_folder_are_refused(root):
    sources = [PhotoSource("photos"), PhotoSource(path=str(root / "photos" / "val"))]
    with pytest.raises(DataError, match="'val' lies in the folder of 'photos'"):
        PhotosDataModule(sources).split_names()


@pytest.mark.parametrize("weight", [0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_draws_nothing_is_refused(weight):
    with pytest.raises(ValueError, match="the weight of source 'photos'"):
        PhotoSource("photos", weight=weight)


def test_senseless_arguments_are_refused():
    with pytest.raises(ValueError, match="needs a path"):
        PhotoSource("folder")
    with pytest.raises(ValueError, match="grey_share from 0 to 1"):
        PhotoSource("photos", grey_share=2)
    with pytest.raises(ValueError, match="a name of its own"):
        PhotosDataModule([PhotoSource("photos"), PhotoSource("photos")])
    with pytest.raises(ValueError, match="squares"):
        PhotosDataModule([PhotoSource("photos")], squares=0)
