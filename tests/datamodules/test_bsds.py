"""The Berkeley photographs: who trains, who tests, and what is cut out of them."""

import numpy as np
import PIL.Image
import pytest
import torch

from colorzoo.data.augmentation import random_rot90
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.errors import DataError
from colorzoo.noise.synthesis import Noise

WIDTH, HEIGHT = 30, 20


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Six images to train on and 26 others, every third of them upright; the top is bright, the bottom dark."""
    root = tmp_path_factory.mktemp("bsds")
    for split, count in (("train", 6), ("test", 26)):
        (root / split).mkdir()
        for index in range(count):
            upright = index % 3 == 0
            shape = (WIDTH, HEIGHT) if upright else (HEIGHT, WIDTH)
            picture = np.full((*shape, 3), 40, np.uint8)
            picture[: shape[0] // 2] = 200
            PIL.Image.fromarray(picture).save(root / split / f"{index}.jpg", quality=95)
    return root


def bsds(root, **arguments):
    return BSDSDataModule(**{"root": str(root), "size": 8, "crops_per_image": 4, "val_images": 4, **arguments})


def test_twenty_photographs_test_whatever_validates(photographs):
    names = bsds(photographs).split_names()
    assert {split: len(listed) for split, listed in names.items()} == {"train": 8, "val": 4, "test": 20}
    assert all(name.startswith("test/") for name in names["val"] + names["test"])
    assert len({name for listed in names.values() for name in listed}) == 32
    assert bsds(photographs, val_images=2).split_names()["test"] == names["test"]
    assert bsds(photographs, seed=1).split_names()["test"] != names["test"]


def test_training_takes_crops_of_each_photograph(photographs):
    data = bsds(photographs, batch_size=16)
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert [batch["rgb"].shape for batch in batches] == [(16, 3, 8, 8)] * 2
    seen = [name for batch in batches for name in batch["name"]]
    assert sorted(seen) == sorted(4 * data.split_names()["train"])


def test_crops_lie_anywhere_in_the_photograph_that_they_name(photographs):
    source = bsds(photographs).load_split("train")
    source.rgb = torch.arange(HEIGHT * WIDTH).view(1, 1, HEIGHT, WIDTH).repeat(len(source.names), 1, 1, 1)
    source.rgb += 10_000 * torch.arange(len(source.names))[:, None, None, None]
    batch = source.load_batch([index % len(source) for index in range(1000)])
    corner = batch["rgb"][:, 0, 0, 0]
    assert [source.names[number] for number in (corner // 10_000).tolist()] == batch["name"]
    rows, columns = corner % 10_000 // WIDTH, corner % 10_000 % WIDTH
    assert set(rows.tolist()) == set(range(HEIGHT - 8 + 1))
    assert set(columns.tolist()) == set(range(WIDTH - 8 + 1))
    inside = WIDTH * torch.arange(8)[:, None] + torch.arange(8)
    assert torch.equal(batch["rgb"][:, 0], corner[:, None, None] + inside)


def test_upright_photographs_are_turned_counter_clockwise(photographs):
    data = bsds(photographs, batch_size=16)
    data.setup("test")
    batches = list(data.test_dataloader())
    assert [batch["rgb"].shape for batch in batches] == [(1, 3, HEIGHT, WIDTH)] * 20
    for batch in batches:
        bright = 255 * batch["rgb"].mean(dim=1)[0] > 120
        if int(batch["name"][0].removeprefix("test/").removesuffix(".jpg")) % 3 == 0:
            assert bright[:, : WIDTH // 2].all()
            assert not bright[:, WIDTH // 2 :].any()
        else:
            assert bright[: HEIGHT // 2].all()
            assert not bright[HEIGHT // 2 :].any()


def test_whole_photographs_come_with_the_noise_of_their_name(photographs):
    data = bsds(photographs, noise=Noise(sigma=25.0, clip=False), grey="luma")
    data.setup("validate")
    first, again = (
        [data.on_after_batch_transfer(batch, 0)["noisy"] for batch in data.val_dataloader()] for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (1, 1, HEIGHT, WIDTH)


def test_what_was_measured_on_is_told(photographs):
    assert bsds(photographs).describe("test") == "20 test photographs of BSDS400 (JPEG), whole, seed 0"
    assert "8 train photographs of BSDS400 (JPEG), 4 crops of 8x8" in bsds(photographs).describe("train")


def test_turns_are_those_of_a_quarter_and_each_as_frequent():
    corner = torch.zeros(400, 3, 5, 5)
    corner[..., 0, 0] = 1.0
    corners = random_rot90(corner)[:, 0, ::4, ::4].flatten(start_dim=1).T
    assert torch.equal(corners.sum(dim=0), torch.ones(400))
    assert all(0.17 < share < 0.33 for share in corners.mean(dim=1).tolist())


def test_only_squares_are_turned():
    with pytest.raises(ValueError, match="4x3 cannot be turned; set rot90=False"):
        random_rot90(torch.zeros(1, 3, 3, 4))


def test_what_is_missing_or_does_not_fit_is_told(photographs, tmp_path):
    with pytest.raises(DataError, match="no photographs in"):
        bsds(tmp_path).split_names()
    with pytest.raises(DataError, match="too few for 20 to test and 7 to validate"):
        bsds(photographs, val_images=7).split_names()
    with pytest.raises(DataError, match="size is 21, but the images have 30x20 pixels"):
        bsds(photographs, size=21).load_split("train")
    for name in ("size", "crops_per_image", "val_images"):
        with pytest.raises(ValueError, match=rf"{name} \(0\)"):
            bsds(photographs, **{name: 0})


def test_photographs_of_another_size_are_named(photographs, tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for path in (photographs / split).iterdir():
            (tmp_path / split / path.name).write_bytes(path.read_bytes())
    PIL.Image.new("RGB", (WIDTH, HEIGHT + 1)).save(tmp_path / "train" / "other.jpg")
    with pytest.raises(DataError, match=r"other\.jpg has 30x21 pixels, not 30x20"):
        bsds(tmp_path).load_split("train")
