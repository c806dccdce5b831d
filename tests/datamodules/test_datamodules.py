import warnings

import numpy as np
import PIL.Image
import pytest
import torch

from colorzoo.color.conversions import grey_to_lightness, rgb_to_lab, rgb_to_luma
from colorzoo.data.augmentation import random_flip, random_shift
from colorzoo.data.batches import color_batch
from colorzoo.data.splits import fraction_of, hash_order, split_hash
from colorzoo.datamodules.cifar10 import CLASSES, CIFAR10DataModule
from colorzoo.datamodules.folder import FolderDataset, ImageFolderDataModule
from colorzoo.datamodules.imagenette import CLASSES as IMAGENETTE_CLASSES
from colorzoo.datamodules.imagenette import ImagenetteDataModule
from colorzoo.datamodules.mnist import MNISTDataModule
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.noise.synthesis import Noise
from colorzoo.runtime.batch_random import SharedRandom


def test_ranking_ignores_order_and_what_else_is_there():
    names = [f"picture{i}" for i in range(50)]
    order = hash_order(names, seed=1)
    assert sorted(order) == sorted(names)
    assert order == hash_order(reversed(names), seed=1)
    assert order != hash_order(names, seed=2)
    some = set(names[::2])
    assert [name for name in order if name in some] == hash_order(some, seed=1)


def test_split_hash_sees_every_move():
    splits = {"train": ["a", "b"], "val": ["c"]}
    assert split_hash(splits) == split_hash({"val": ["c"], "train": ["b", "a"]})
    assert split_hash(splits) != split_hash({"train": ["a"], "val": ["b", "c"]})


def test_pairs_keep_lightness_or_luma():
    rgb = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    pairs = color_batch({"rgb": rgb, "label": torch.arange(4)})
    torch.testing.assert_close(pairs["rgb"], rgb / 255)
    torch.testing.assert_close(pairs["lab"], rgb_to_lab(rgb / 255))
    torch.testing.assert_close(grey_to_lightness(pairs["grey"]), pairs["lab"][:, :1], atol=0.05, rtol=0)
    assert torch.equal(pairs["label"], torch.arange(4))
    assert torch.equal(color_batch({"rgb": rgb}, "luma")["grey"], rgb_to_luma(rgb / 255))
    assert "label" not in color_batch({"rgb": rgb})


def test_flip_mirrors_about_half_and_shift_moves_within_bounds():
    rgb = torch.arange(8, dtype=torch.uint8).expand(200, 3, 8, 8).contiguous()
    mirrored = (random_flip(rgb)[:, 0, 0, 0] == 7).float().mean()
    assert 0.35 < mirrored < 0.65
    moved = random_shift(rgb, 2)
    assert moved.shape == rgb.shape
    assert moved.dtype == rgb.dtype
    assert set(moved[:, 0, 0, 4].tolist()) == {2, 3, 4, 5, 6}


def test_a_flipped_batch_keeps_its_order():
    rgb = torch.arange(20 * 3 * 2 * 4, dtype=torch.uint8).view(20, 3, 2, 4)
    after = random_flip(rgb, SharedRandom(1))
    mirrored = [torch.equal(picture, other) for picture, other in zip(after, rgb.flip(-1), strict=True)]
    kept = [torch.equal(picture, other) for picture, other in zip(after, rgb, strict=True)]
    assert {*mirrored} == {True, False}
    assert [not mirror for mirror in mirrored] == kept


def test_synthetic_pictures_depend_on_the_index_alone():
    long = SyntheticDataModule(size=16, train_images=6).load_split("train")
    short = SyntheticDataModule(size=16, train_images=3).load_split("train")
    assert torch.equal(long.rgb[:3], short.rgb)
    assert not torch.equal(long.rgb[0], SyntheticDataModule(size=16, train_images=1, seed=1).load_split("train").rgb[0])


def test_batches_come_whole_and_in_order():
    data = SyntheticDataModule(size=16, train_images=10, val_images=5, batch_size=4)
    data.setup("fit")
    assert [len(batch["rgb"]) for batch in data.train_dataloader()] == [4, 4]
    seen = torch.cat([batch["rgb"] for batch in data.val_dataloader()])
    assert torch.equal(seen, data.load_split("val").rgb / 255)


def test_batches_outside_training_may_be_larger():
    data = SyntheticDataModule(size=16, train_images=4, val_images=5, batch_size=1, eval_batch_size=3)
    data.setup("fit")
    assert [len(batch["rgb"]) for batch in data.train_dataloader()] == [1, 1, 1, 1]
    assert [len(batch["rgb"]) for batch in data.val_dataloader()] == [3, 2]


def test_workers_give_what_the_main_process_gives():
    alone, helped = (SyntheticDataModule(size=16, val_images=5, num_workers=count) for count in (0, 1))
    for data in (alone, helped):
        data.setup("validate")
    pairs = zip(alone.val_dataloader(), helped.val_dataloader(), strict=True)
    assert all(torch.equal(a["rgb"], b["rgb"]) for a, b in pairs)


def test_resuming_on_other_splits_is_refused():
    state = SyntheticDataModule(train_images=10).state_dict()
    SyntheticDataModule(train_images=10).load_state_dict(state)
    with pytest.raises(DataError, match="other splits"):
        SyntheticDataModule(train_images=11).load_state_dict(state)


@pytest.mark.parametrize(
    "arguments",
    [
        {"batch_size": 0},
        {"eval_batch_size": 0},
        {"num_workers": -1},
        {"size": 0},
        {"random_shift": -1},
        {"val_images": 0},
    ],
)
def test_numbers_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SyntheticDataModule(**arguments)


@pytest.fixture
def cifar_folder(tmp_path):
    for split, suffixes in (("train", ("png", "png", "png", "jpg")), ("test", ("png",))):
        for label, name in enumerate(CLASSES):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for index, suffix in enumerate(suffixes):
                picture = np.full((32, 32, 3), 10 * label + index, np.uint8)
                PIL.Image.fromarray(picture).save(folder / f"batch1_{label}{index}.{suffix}")
    return tmp_path


def test_cifar_validates_on_lossless_pictures_only(cifar_folder):
    data = CIFAR10DataModule(str(cifar_folder), val_images=8)
    names = data.split_names()
    assert {split: len(listed) for split, listed in names.items()} == {"train": 32, "val": 8, "test": 10}
    assert all(name.endswith(".png") for name in names["val"])
    assert not set(names["train"]) & set(names["val"])
    assert data.describe("train") == "32 train images of CIFAR-10, 10 of them JPEG"


def test_cifar_pictures_and_labels_belong_together(cifar_folder):
    test = CIFAR10DataModule(str(cifar_folder), val_images=1).load_split("test")
    assert torch.equal(test.rgb[:, 0, 0, 0].long(), 10 * test.label)
    ships = CIFAR10DataModule(str(cifar_folder), val_images=1, classes=["ship"]).load_split("test")
    assert ships.label.tolist() == [CLASSES.index("ship")]


def test_cifar_subsets_are_drawn_by_seed(cifar_folder):
    draw = [CIFAR10DataModule(str(cifar_folder), val_images=4, train_images=6, seed=seed) for seed in (0, 0, 1)]
    assert draw[0].split_hash() == draw[1].split_hash() != draw[2].split_hash()
    # Published checkpoints carry such fingerprints: how images are drawn must never change.
    assert draw[0].split_hash() == "449799719c87fd1cc9ca753b24206f03883b235577e9ae364ec8551261ac2a45"


def test_cifar_of_torchvision_has_the_same_names(tmp_path, monkeypatch):
    class Stored:
        def __init__(self, root, train=True, download=False):
            self.data = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(32, 1).repeat(32, 2).repeat(3, 3)
            self.targets = [i % 10 for i in range(12)]

    monkeypatch.setattr("torchvision.datasets.CIFAR10", Stored)
    data = CIFAR10DataModule(str(tmp_path), val_images=2)
    assert "test/airplane/test_00010.png" in data.split_names()["test"]
    train = data.load_split("train")
    assert len(train) == 10
    assert all(int(name[-9:-4]) == int(picture[0, 0, 0]) for name, picture in zip(train.names, train.rgb, strict=True))


def test_missing_or_small_cifar_says_what_to_do(tmp_path, cifar_folder):
    with pytest.raises(DataError, match="download=True"):
        CIFAR10DataModule(str(tmp_path / "nothing")).split_names()
    with pytest.raises(DataError, match=r"40 training images, 30 of them \.png: too few"):
        CIFAR10DataModule(str(cifar_folder), val_images=31).split_names()
    with pytest.raises(ValueError, match="no class 'boat'"):
        CIFAR10DataModule(classes=["boat"])


def colorful(width, height):
    return PIL.Image.merge("RGB", [PIL.Image.effect_noise((width, height), 90) for _ in range(3)])


@pytest.fixture
def photos(tmp_path):
    for index in range(10):
        folder = tmp_path / ("a" * (index % 3)) / "été"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{index}.{'png' if index % 2 else 'JPG'}"
        colorful(40 + index, 30).save(folder / name)
    return tmp_path


def test_folder_of_any_depth_and_size(photos):
    data = ImageFolderDataModule(str(photos), size=16, num_workers=0, batch_size=4, test_fraction=0.2)
    data.setup("fit")
    names = data.split_names()
    assert sorted(name for listed in names.values() for name in listed) == sorted(
        path.relative_to(photos).as_posix() for path in photos.rglob("*.*")
    )
    assert names["train"]
    assert names["val"]
    assert next(iter(data.train_dataloader()))["rgb"].shape == (4, 3, 16, 16)


def test_a_new_photograph_moves_no_other_between_train_and_val(photos):
    before = ImageFolderDataModule(str(photos), val_fraction=0.4, seed=1).split_names()
    for index in range(20):
        PIL.Image.new("RGB", (20, 20)).save(photos / f"new{index}.png")
    after = ImageFolderDataModule(str(photos), val_fraction=0.4, seed=1).split_names()
    assert len(before["val"]) > 1
    assert all(set(before[split]) <= set(after[split]) for split in before)


def test_place_of_a_name_is_uniform_and_in_the_order_of_ranking():
    names = [f"picture{i}" for i in range(2000)]
    places = [fraction_of(name, 3) for name in hash_order(names, 3)]
    assert places == sorted(places)
    assert sum(place < 0.1 for place in places) / 2000 == pytest.approx(0.1, abs=0.02)


def test_sixteen_bit_pictures_keep_their_tones(tmp_path):
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    for index in range(3):
        PIL.Image.fromarray(ramp).save(tmp_path / f"{index}.png")
    rgb = ImageFolderDataModule(str(tmp_path), size=32, colorless="keep").load_split("train")[0]["rgb"]
    assert np.abs(rgb[0].numpy().astype(int) - ramp / 257).max() <= 1


def test_files_that_are_no_pictures_are_named_and_skipped_or_fatal(photos):
    (photos / "broken.png").write_text("no image")
    with pytest.warns(UserWarning, match=r"broken\.png"):
        names = ImageFolderDataModule(str(photos)).split_names()
    assert all("broken.png" not in listed for listed in names.values())
    with pytest.raises(UnreadableImageError, match=r"broken\.png"):
        ImageFolderDataModule(str(photos), unreadable="fail").split_names()


def test_truncated_pictures_are_named_and_skipped_or_fatal(photos):
    whole = next(iter(sorted(photos.rglob("*.JPG"))))
    whole.write_bytes(whole.read_bytes()[:-400])
    for unreadable in ("skip", "fail"):
        data = ImageFolderDataModule(str(photos), size=16, unreadable=unreadable)
        names = data.split_names()
        split = next(split for split, listed in names.items() if whole.relative_to(photos).as_posix() in listed)
        source = data.load_split(split)
        names = [*source.names, *(n for listed in data.split_names().values() for n in listed if n not in source.names)]
        source.names = names
        if unreadable == "fail":
            with pytest.raises(UnreadableImageError, match=whole.name):
                source.load_batch(list(range(10)))
        else:
            with pytest.warns(UserWarning, match=whole.name):
                batch = source.load_batch(list(range(10)))
            assert len(batch["rgb"]) == 10
            assert whole.relative_to(photos).as_posix() not in batch["name"]


def test_a_split_without_any_readable_picture_is_an_error(photos):
    source = ImageFolderDataModule(str(photos), size=16).load_split("train")
    for name in source.names:
        (photos / name).unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UnreadableImageError, match="none of the"):
            source[0]


def test_folders_that_cannot_serve_are_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        ImageFolderDataModule(str(tmp_path / "missing")).split_names()
    with pytest.raises(DataError, match="too few"):
        ImageFolderDataModule(str(tmp_path)).split_names()
    with pytest.raises(ValueError, match="must leave images"):
        ImageFolderDataModule(str(tmp_path), val_fraction=0.6, test_fraction=0.5)


@pytest.fixture
def imagenette(tmp_path):
    for split, count in (("train", 6), ("val", 2)):
        for name in IMAGENETTE_CLASSES:
            folder = tmp_path / "imagenette2-320" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                size = (48, 40 + index)
                PIL.Image.effect_noise(size, 64).convert("RGB").save(folder / f"{name}_{index}.JPEG")
    return tmp_path


def test_imagenette_validates_on_training_pictures_and_tests_on_the_others(imagenette):
    data = ImagenetteDataModule(root=str(imagenette), size=32, val_images=20, batch_size=5, num_workers=0)
    names = data.split_names()
    assert {split: len(found) for split, found in names.items()} == {"train": 40, "val": 20, "test": 20}
    assert not set(names["train"]) & set(names["val"])
    assert all(name.startswith("val/") for name in names["test"])
    assert data.describe("test") == "20 test photographs of Imagenette, 32x32 pixels"
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["rgb"].shape == (5, 3, 32, 32)
    assert [IMAGENETTE_CLASSES[label] for label in batch["label"]] == [name.split("/")[1] for name in batch["name"]]


def test_imagenette_says_what_is_missing(imagenette, tmp_path):
    with pytest.raises(DataError, match="too few for 60 to validate"):
        ImagenetteDataModule(root=str(imagenette), val_images=60).split_names()
    with pytest.raises(DataError, match="download=True"):
        ImagenetteDataModule(root=str(tmp_path / "nothing")).split_names()
    with pytest.raises(ValueError, match=r"size \(0\)"):
        ImagenetteDataModule(size=0)


@pytest.fixture
def mnist(tmp_path):
    """Twelve training digits and three test digits in the format of the original files."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for split, count in (("train", 12), ("t10k", 3)):
        pixels = bytes(index % 256 for index in range(count * 28 * 28))
        header = b"".join(number.to_bytes(4, "big") for number in (2051, count, 28, 28))
        (folder / f"{split}-images-idx3-ubyte").write_bytes(header + pixels)
        labels = bytes(index % 10 for index in range(count))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(
            (2049).to_bytes(4, "big") + count.to_bytes(4, "big") + labels
        )
    return tmp_path


def test_mnist_gives_grey_digits_with_their_labels(mnist):
    data = MNISTDataModule(root=str(mnist), val_images=4, batch_size=4, noise=Noise(sigma=10.0))
    assert {split: len(names) for split, names in data.split_names().items()} == {"train": 8, "val": 4, "test": 3}
    assert data.describe("test") == "3 test digits of MNIST"
    data.setup("test")
    batch = next(iter(data.test_dataloader()))
    assert batch["label"].tolist() == [0, 1, 2]
    assert batch["clean"].shape == (3, 1, 28, 28)
    torch.testing.assert_close(batch["clean"][0].flatten()[:256], torch.arange(256) / 255, atol=1e-5, rtol=0)


def test_mnist_says_what_is_missing(mnist, tmp_path):
    with pytest.raises(DataError, match="too few for 12 to validate"):
        MNISTDataModule(root=str(mnist), val_images=12).split_names()
    with pytest.raises(DataError, match="download=True"):
        MNISTDataModule(root=str(tmp_path / "nothing")).split_names()
    with pytest.raises(ValueError, match="at least 1"):
        MNISTDataModule(val_images=0)


@pytest.fixture
def class_folders(tmp_path):
    for split, count in (("train", 3), ("val", 2)):
        for name in ("tower", "cat"):
            for index in range(count):
                path = tmp_path / split / name / "any" / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                colorful(20, 20).save(path)
    return tmp_path


def test_class_folders_give_labels(class_folders):
    data = ImageFolderDataModule(str(class_folders), size=8, labels=True, batch_size=6, num_workers=0)
    assert data.classes == ["cat", "tower"]
    batch = next(iter(data.train_dataloader()))
    assert batch["label"].tolist() == [int("tower" in name) for name in batch["name"]]
    assert set(batch["label"].tolist()) == {0, 1}
    assert all(name.startswith("train/") for name in batch["name"])
    one = ImageFolderDataModule(str(class_folders / "train"), size=8, labels=True, num_workers=0)
    assert one.classes == ["cat", "tower"]
    plain = ImageFolderDataModule(str(class_folders), size=8, num_workers=0)
    assert plain.classes is None
    assert "label" not in plain.dataset("train")[0]


def test_images_outside_class_folders_are_named(class_folders):
    colorful(20, 20).save(class_folders / "train" / "stray.png")
    with pytest.raises(DataError, match=r"stray\.png lies in no class folder"):
        ImageFolderDataModule(str(class_folders), labels=True).dataset("train")


def test_folders_train_and_val_are_the_splits(class_folders):
    names = ImageFolderDataModule(str(class_folders)).split_names()
    assert {split: len(found) for split, found in names.items()} == {"train": 6, "val": 4, "test": 0}
    assert all(name.startswith(f"{split}/") for split, found in names.items() for name in found)


@pytest.mark.parametrize("kind", ["L", "1", "I;16", "grey", "sepia"])
def test_colorless_images_are_named_and_skipped_or_fatal_or_kept(tmp_path, kind):
    for index in range(3):
        colorful(40, 40).save(tmp_path / f"{index}.png")
    ramp = PIL.Image.linear_gradient("L").resize((40, 40))
    toned = PIL.Image.merge("RGB", [ramp, ramp.point(lambda value: value * 0.9), ramp.point(lambda value: value * 0.7)])
    images = {"grey": ramp.convert("RGB"), "sepia": toned}
    images.get(kind, ramp.convert(kind) if len(kind) < 4 else ramp.convert("I").convert("I;16")).save(
        tmp_path / "old.png"
    )

    def names(**options):
        source = FolderDataset(tmp_path, ["old.png", "0.png", "1.png"], 16, **options)
        return source.load_batch([0, 1])["name"]

    with pytest.warns(UserWarning, match=r"old\.png is grey or toned"):
        assert names(colorless="skip") == ["0.png", "0.png"]
    with pytest.raises(DataError, match=r"old\.png .*set colorless"):
        names(colorless="fail")
    assert names(colorless="keep") == ["old.png", "0.png"]
    assert ImageFolderDataModule(str(tmp_path)).colorless == "skip"
    assert ImageFolderDataModule(str(tmp_path), noise={"sigma": 1}).colorless == "keep"
    with pytest.raises(ValueError, match="colorless is 'no'"):
        ImageFolderDataModule(str(tmp_path), colorless="no")


def test_hidden_files_do_not_count_and_other_kinds_are_named(photos):
    (photos / ".trash").mkdir()
    colorful(20, 20).save(photos / ".trash" / "deleted.png")
    (photos / "._1.png").write_bytes(b"Mac")
    colorful(20, 20).save(photos / "2.png")
    (photos / "2.png").rename(photos / "2.heic")
    with pytest.warns(UserWarning, match=r"1 \.heic file is left out"):
        names = ImageFolderDataModule(str(photos)).split_names()
    assert sum(map(len, names.values())) == 10
