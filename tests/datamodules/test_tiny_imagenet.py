"""Tiny ImageNet: two layouts of the same images, decoded once."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from colorzoo.datamodules.tiny_imagenet import TinyImageNetDataModule
from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.training.cli import run

RECIPE = Path(__file__).parents[2] / "configs" / "fusion_transfer.tiny_imagenet.yaml"
WNIDS = ("n02", "n01", "n10")
TRAIN, VAL = 4, 2


def save(path, level, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.full((size, size, 3), level, np.uint8)).save(path, format="JPEG")


def level_of(name):
    """Tell the grey level of an image by its class and number, which its name carries."""
    _, wnid, file = name.split("/")
    return 60 * sorted(WNIDS).index(wnid) + 10 * (int(file.split("_")[1].removesuffix(".JPEG")) % 5)


def names():
    for wnid in WNIDS:
        yield from (f"train/{wnid}/{wnid}_{index}.JPEG" for index in range(TRAIN))
    for index in range(VAL * len(WNIDS)):
        yield f"val/{WNIDS[index % len(WNIDS)]}/val_{index}.JPEG"


@pytest.fixture
def folders(tmp_path):
    for name in names():
        save(tmp_path / "tinyimagenet32" / name, level_of(name), 32)
    return tmp_path / "tinyimagenet32"


@pytest.fixture
def archive(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    table = []
    for name in names():
        split, wnid, file = name.split("/")
        folder = root / split / "images" if split == "val" else root / split / wnid / "images"
        save(folder / file, level_of(name), 64)
        if split == "val":
            table.append(f"{file}\t{wnid}\t0\t32\t44\t62\n")
        else:
            (root / split / wnid / f"{wnid}_boxes.txt").write_text(f"{file}\t0\t0\t63\t63\n")
    (root / "val" / "val_annotations.txt").write_text("".join(table))
    (root / "test" / "images").mkdir(parents=True)
    return root


def test_part_of_train_validates_and_the_official_val_tests(folders):
    data = TinyImageNetDataModule(str(folders), val_images=5)
    found = data.split_names()
    assert {split: len(listed) for split, listed in found.items()} == {"train": 7, "val": 5, "test": 6}
    assert not set(found["train"]) & set(found["val"])
    assert all(name.startswith("train/") for name in found["train"] + found["val"])
    assert data.describe("test") == "6 test images of Tiny ImageNet, JPEG, 32x32 pixels"


def test_both_layouts_hold_the_same_splits(folders, archive):
    found = [TinyImageNetDataModule(str(root), val_images=3, train_images=4) for root in (folders, archive)]
    assert found[0].split_names() == found[1].split_names()
    other = TinyImageNetDataModule(str(folders), val_images=3, train_images=4, seed=1)
    assert found[0].split_hash() != other.split_hash()


@pytest.mark.parametrize("layout", ["folders", "archive"])
@pytest.mark.parametrize("size", [32, 48])
def test_pictures_labels_and_names_belong_together(layout, size, request):
    data = TinyImageNetDataModule(str(request.getfixturevalue(layout)), size=size, val_images=2, batch_size=4)
    data.setup("fit")
    data.setup("test")
    batches = [*data.train_dataloader(), *data.val_dataloader(), *data.test_dataloader()]
    assert sum(len(batch["name"]) for batch in batches) == 4 * (10 // 4) + 2 + 6
    for batch in batches:
        assert batch["rgb"].shape[1:] == (3, size, size)
        expected = torch.tensor([level_of(name) for name in batch["name"]])
        assert (255 * batch["rgb"] - expected[:, None, None, None]).abs().max() <= 1
        assert [sorted(WNIDS)[label] for label in batch["label"]] == [name.split("/")[1] for name in batch["name"]]


def test_labels_do_not_depend_on_the_pictures_drawn(folders):
    one = TinyImageNetDataModule(str(folders), val_images=1, train_images=1).load_split("train")
    assert [sorted(WNIDS)[label] for label in one.label] == [name.split("/")[1] for name in one.names]


@pytest.mark.parametrize("layout", ["folders", "archive"])
def test_either_layout_is_found_below_the_data_root(layout, request, monkeypatch):
    root = request.getfixturevalue(layout)
    monkeypatch.setenv("COLORZOO_DATA", str(root.parent))
    assert TinyImageNetDataModule().root == root


def test_what_is_missing_or_damaged_is_named(folders, tmp_path):
    with pytest.raises(DataError, match=r"nothing/train.*tiny-imagenet-200\.zip"):
        TinyImageNetDataModule(str(tmp_path / "nothing")).split_names()
    with pytest.raises(DataError, match="12 training images: too few for 12 to validate"):
        TinyImageNetDataModule(str(folders), val_images=12).split_names()
    with pytest.raises(ValueError, match=r"size \(0\)"):
        TinyImageNetDataModule(size=0)
    (folders / "val" / "n01" / "val_1.JPEG").write_bytes(b"no picture")
    with pytest.raises(UnreadableImageError, match=r"val_1\.JPEG"):
        TinyImageNetDataModule(str(folders), val_images=2).load_split("test")
    save(folders / "val" / "n99" / "val_9.JPEG", 0, 32)
    with pytest.raises(DataError, match="n99, which has no training image"):
        TinyImageNetDataModule(str(folders), val_images=2).split_names()


def test_the_recipe_runs_on_pictures_of_either_layout(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = [f"--data.root={archive}", "--data.val_images=4", "--data.batch_size=4"]
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]
    cli = run(["fit", "--config", str(RECIPE), *small, *quiet, "--trainer.fast_dev_run=true"])
    assert cli.trainer.global_step == 1
    assert "train/accuracy" in cli.trainer.callback_metrics
