"""Photographs of many kinds in one set: what an epoch holds, and that nothing measured is trained on."""

import PIL.Image
import pytest
import torch

from colorzoo.data.datasets import InMemoryDataset
from colorzoo.datamodules.imagenette import CLASSES
from colorzoo.datamodules.photos import MixedDataset, MosaicDataset, PhotosDataModule


def save(path, level, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", size, (level, level, level)).save(path)


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    for split, count in (("train", 3), ("val", 1)):
        for wnid in CLASSES:
            for index in range(count):
                save(tmp_path / "imagenette" / split / wnid / f"{wnid}_{index}.JPEG", 100, (40, 36))
        for index in range(6):
            save(tmp_path / "tinyimagenet32" / split / "n01" / f"n01_{index}.JPEG", 200, (32, 32))
    for split, count in (("train", 2), ("test", 34)):
        for index in range(count):
            save(tmp_path / "bsds400" / split / f"{index}.jpg", 30, (48, 32))
    monkeypatch.setenv("COLORZOO_DATA", str(tmp_path))
    return PhotosDataModule(
        size=16, eval_size=24, mosaics=7, crops_per_image=3, val_images=5, batch_size=4, num_workers=0
    )


def test_an_epoch_has_all_sources(photographs):
    photographs.setup("fit")
    source = photographs.load_split("train")
    assert len(source) == 25 + 7 + 3 * 4
    levels = source.load_batch(list(range(len(source))))["rgb"].float().mean(dim=(1, 2, 3)).round()
    assert [int((levels == level).sum()) for level in (100, 200, 30)] == [25, 7, 12]
    batch = next(iter(photographs.train_dataloader()))
    assert batch["rgb"].shape == (4, 3, 16, 16)
    assert batch["lab"].shape == (4, 3, 16, 16)
    assert photographs.describe("train").startswith("25 photographs of Imagenette, 7 mosaics of four pictures of Tiny")


def test_only_imagenette_is_measured_and_nothing_of_it_twice(photographs):
    names = photographs.split_names()
    assert [len(names[split]) for split in ("val", "test")] == [5, 10]
    assert all(name.startswith("imagenette/") for split in ("val", "test") for name in names[split])
    assert not set(names["train"]) & set(names["val"] + names["test"])
    assert {name.split("/")[0] for name in names["train"]} == {"imagenette", "tiny_imagenet", "bsds"}
    photographs.setup("test")
    assert next(iter(photographs.test_dataloader()))["rgb"].shape[-2:] == (24, 24)


def test_a_mosaic_is_four_whole_pictures():
    levels = torch.arange(10, 90, 10, dtype=torch.uint8)
    pictures = InMemoryDataset([str(level) for level in levels], levels[:, None, None, None].expand(-1, 3, 32, 32))
    square = MosaicDataset(pictures, size=20, count=3).load_batch([0])["rgb"][0]
    quarters = square.unfold(1, 10, 10).unfold(2, 10, 10).flatten(3)
    assert bool((quarters == quarters[..., :1]).all())
    assert set(quarters.flatten().tolist()) <= set(levels.tolist())


def test_indices_go_to_the_source_that_has_them():
    parts = [
        InMemoryDataset([f"{part}{index}" for index in range(count)], torch.full((count, 3, 2, 2), part).byte())
        for part, count in ((1, 3), (2, 2))
    ]
    mixed = MixedDataset(parts)
    assert len(mixed) == 5
    answer = mixed.load_batch([4, 0, 3])
    assert sorted(zip(answer["name"], answer["rgb"][:, 0, 0, 0].tolist(), strict=True)) == [
        ("10", 1),
        ("20", 2),
        ("21", 2),
    ]


@pytest.mark.parametrize("argument", ["size", "eval_size", "max_zoom", "mosaics", "crops_per_image"])
def test_senseless_numbers_are_refused(argument):
    with pytest.raises(ValueError, match=argument):
        PhotosDataModule(**{argument: 0})
