"""Shards: what is stored, what a data module makes of them, and what it shares with the folder they were made of."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.cli import main
from colorzoo.data.crop import Crop
from colorzoo.data.samplers import image_seed
from colorzoo.datamodules.folder import FolderDataset, ImageFolderDataModule
from colorzoo.datamodules.streaming import StreamingDataModule
from colorzoo.errors import DataError, UsageError
from colorzoo.noise.synthesis import Noise

pytest.importorskip("litdata", reason="pip install 'colorzoo[streaming]'")

OPTIONS = {"size": 16, "batch_size": 4, "num_workers": 0}
SMALL = ["--shard-megabytes", "0.012"]


def save_pictures(folder, count):
    rng = np.random.default_rng(0)
    for index in range(count):
        path = folder / ("a" * (index % 3)) / "été" / f"{index}.{'png' if index % 2 else 'JPG'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rng.integers(0, 256, (30 + index, 40, 3), dtype=np.uint8)).save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    save_pictures(folder, 30)
    return folder


@pytest.fixture(scope="module")
def shards(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharded") / "shards"
    assert main(["shard", str(photos), str(folder), *SMALL]) == 0
    assert len(list((folder / "train").glob("*.bin"))) > 3
    return folder


def names_of(batches):
    return [name for batch in batches for name in batch["name"]]


def test_splits_are_those_of_the_folder(photos, shards):
    folder, stream = ImageFolderDataModule(str(photos)), StreamingDataModule(str(shards))
    assert stream.split_names() == folder.split_names()
    assert stream.split_hash() == folder.split_hash()
    assert all(stream.split_names().values())


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("remote", [False, True])
def test_what_validates_and_tests_is_that_of_the_folder(photos, shards, tmp_path, workers, remote):
    if remote and not workers:
        pytest.skip("a store is read likewise, with workers and without")
    root = f"local:{shards}" if remote else str(shards)
    options = {**OPTIONS, "num_workers": workers, "noise": Noise(impulse=0.3), "color": True}
    folder = ImageFolderDataModule(str(photos), **options)
    stream = StreamingDataModule(root, cache=str(tmp_path / "cache"), **options)
    for data in (folder, stream):
        data.setup("validate")
        data.setup("test")
    for loader in ("val_dataloader", "test_dataloader"):
        batches = list(zip(getattr(folder, loader)(), getattr(stream, loader)(), strict=True))
        assert batches
        for expected, actual in batches:
            assert actual["name"] == expected["name"]
            assert torch.equal(actual["clean"], expected["clean"])
            assert torch.equal(actual["noisy"], expected["noisy"])
    assert (tmp_path / "cache").exists() == remote


def test_what_trains_is_that_of_the_folder_in_the_same_order(photos, shards):
    data = StreamingDataModule(str(shards), max_zoom=1.5, hflip=False, **OPTIONS)
    data.setup("fit")
    loader = data.train_dataloader()
    for epoch in range(2):
        batches = list(loader)
        assert len(batches) == len(data.split_names()["train"]) // 4
        source = FolderDataset(photos, names_of(batches), 16, random_crop=True, max_zoom=1.5)
        for index, square in enumerate(torch.cat([batch["rgb"] for batch in batches])):
            torch.manual_seed(image_seed(source.names[index], epoch, seed=0))
            assert torch.equal(square, source[index]["rgb"] / 255)


def test_an_epoch_has_each_picture_once_and_another_order_than_the_last(photos, shards, tmp_path):
    assert main(["shard", str(photos), str(tmp_path / "other"), *SMALL, "--seed", "1"]) == 0

    def epochs(folder, seed, workers=0):
        options = {**OPTIONS, "batch_size": 1, "num_workers": workers, "seed": seed}
        data = StreamingDataModule(str(folder), **options)
        loader = data.train_dataloader()
        orders = [names_of(loader) for _ in range(2)]
        assert all(sorted(order) == data.split_names()["train"] for order in orders)
        return orders

    first, second = epochs(shards, 0)
    assert first != second
    assert first != sorted(first)
    assert epochs(shards, 0) == [first, second], "the order is a function of seed and epoch"
    assert epochs(shards, 0, workers=2) != [first, second]
    assert set(epochs(tmp_path / "other", 1)[0]) != set(first), "another seed splits differently"


def test_processes_share_an_epoch_out(shards, monkeypatch):
    seen = []
    for rank in range(2):
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setenv("GLOBAL_RANK", str(rank))
        data = StreamingDataModule(str(shards), **OPTIONS)
        seen.append(names_of(data.train_dataloader()))
    assert len(seen[0]) == len(seen[1]) >= 8
    assert not set(seen[0]) & set(seen[1])


class Seen(Callback):
    def __init__(self, stop_after=None):
        self.names = []
        self.pairs = []
        self.stop_after = stop_after

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.names += batch["name"]
        self.pairs += list(batch["rgb"])
        if len(self.names) == self.stop_after:
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "middle.ckpt")


@pytest.mark.parametrize(("workers", "stop_after"), [(0, 6), (2, 6), (0, 18), (2, 18), (0, 24)])
def test_a_resumed_run_goes_on_with_the_next_pair(shards, tmp_path, workers, stop_after):
    def fit(callback, **options):
        trainer = Trainer(
            max_epochs=2,
            default_root_dir=tmp_path,
            callbacks=[callback],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
            accelerator="cpu",
        )
        data = StreamingDataModule(str(shards), size=32, batch_size=2, num_workers=workers)
        trainer.fit(with_optim(colorzoo.create("mlp"), OptimizerConfig()), data, **options)
        return callback

    whole = fit(Seen(stop_after))
    resumed = fit(Seen(), ckpt_path=tmp_path / "middle.ckpt", weights_only=True)
    assert resumed.names == whole.names[stop_after:]
    assert all(map(torch.equal, resumed.pairs, whole.pairs[stop_after:]))


def test_shards_survive_pickling(shards):
    source = StreamingDataModule(str(shards), **OPTIONS).load_split("val")
    again = pickle.loads(pickle.dumps((source[0], source)))
    assert torch.equal(again[1][0]["rgb"], again[0]["rgb"])


def test_pictures_are_stored_as_they_are_or_reduced(photos, tmp_path):
    save_pictures(tmp_path / "few", 4)
    assert main(["shard", str(tmp_path / "few"), str(tmp_path / "small"), "--shorter-side", "20"]) == 0
    data = StreamingDataModule(str(tmp_path / "small"), **OPTIONS)
    stream = data.shards.opened("train")
    for place, name in enumerate(data.shards.index.names["train"]):
        content, _ = stream[place]
        assert bytes(content[:3]) == b"\xff\xd8\xff", "JPEG"
        (tmp_path / "stored.jpg").write_bytes(content)
        with PIL.Image.open(tmp_path / "stored.jpg") as stored, PIL.Image.open(tmp_path / "few" / name) as original:
            assert min(stored.size) == 20
            expected = np.asarray(original.convert("RGB").resize(stored.size, PIL.Image.Resampling.LANCZOS))
            assert np.abs(np.asarray(stored, dtype=float) - expected).mean() < 5, name
    stream = StreamingDataModule(str(tmp_path / "small")).load_split("val")
    assert stream[0]["rgb"].shape == (3, 128, 128)


def test_bad_files_are_listed_and_left_out(tmp_path, capsys):
    save_pictures(tmp_path / "photos", 8)
    (tmp_path / "photos" / "none.png").write_text("no image")
    whole = sorted((tmp_path / "photos").rglob("*.JPG"))[0]
    whole.write_bytes(whole.read_bytes()[:-400])
    assert main(["shard", str(tmp_path / "photos"), str(tmp_path / "shards")]) == 1
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 2
    assert "none.png is not an image" in lines[0]
    assert f"{whole} cannot be decoded" in lines[1]
    assert captured.out.splitlines() == [
        str(tmp_path / "shards" / split / "chunk-0-0.bin") for split in ("train", "val", "test")
    ]
    stored = StreamingDataModule(str(tmp_path / "shards")).split_names()
    assert sum(len(names) for names in stored.values()) == 7


def test_an_interrupted_command_goes_on(photos, shards, tmp_path, monkeypatch, capsys):
    from colorzoo.data.shards import writer

    target = tmp_path / "shards"
    write_shard = writer.SplitWriter._write_shard

    def interrupted(self, number, pictures):
        if self.folder.name == "train" and number == 2:
            raise KeyboardInterrupt
        return write_shard(self, number, pictures)

    monkeypatch.setattr(writer.SplitWriter, "_write_shard", interrupted)
    assert main(["shard", str(photos), str(target), *SMALL]) == 130
    assert "interrupted" in capsys.readouterr().err
    with pytest.raises(DataError, match="not all shards"):
        StreamingDataModule(str(target)).split_names()
    monkeypatch.undo()
    before = (target / "train" / "chunk-0-0.bin").stat().st_mtime_ns
    assert main(["shard", str(photos), str(target), *SMALL, "--seed", "1"]) == 2
    assert "other options" in capsys.readouterr().err
    assert main(["shard", str(photos), str(target), *SMALL]) == 0
    assert (target / "train" / "chunk-0-0.bin").stat().st_mtime_ns == before
    files = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.bin")} for folder in (shards, target)
    ]
    assert files[0] == files[1]
    assert (target / "colorzoo.json").read_bytes() == (shards / "colorzoo.json").read_bytes()
    assert {path.name for path in target.iterdir()} == {"colorzoo.json", "train", "val", "test"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{missing}", "{new}"], "is no folder"),
        (["{empty}", "{new}"], "too few"),
        (["{photos}", "{shards}"], "finished shards"),
        (["{photos}", "{photos}"], "exists and holds no shards"),
        (["{photos}", "{new}", "--val-fraction", "0.6", "--test-fraction", "0.6"], "must leave images"),
        (["{photos}", "{new}", "--shorter-side", "0"], "at least 1"),
    ],
)
def test_commands_that_make_no_sense_end_with_one_line(photos, shards, tmp_path, capsys, arguments, message):
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "shards": shards, **{name: tmp_path / name for name in ("missing", "empty", "new")}}
    assert main(["shard", *(argument.format(**places) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_folders_that_hold_no_shards_are_refused(photos, shards, tmp_path):
    for root in (photos, tmp_path / "missing", f"local:{photos}"):
        with pytest.raises(DataError, match="colorzoo shard PHOTOS SHARDS"):
            StreamingDataModule(str(root)).setup("fit")
    with pytest.raises(DataError, match="split with seed 0, and seed is 3"):
        StreamingDataModule(str(shards), seed=3).setup("fit")
    with pytest.raises(ValueError, match=r"size \(0\)"):
        StreamingDataModule(str(shards), size=0)


def test_damaged_shards_are_refused(photos, tmp_path):
    shards = tmp_path / "shards"
    save_pictures(tmp_path / "few", 6)
    assert main(["shard", str(tmp_path / "few"), str(shards)]) == 0
    index = shards / "train" / "index.json"
    text = index.read_text()

    def opened():
        return StreamingDataModule(str(shards)).load_split("train")[0]

    assert opened()["rgb"].shape == (3, 128, 128)
    index.write_text(text.replace('["bytes", "bytes"]', '["pickle", "bytes"]'))
    with pytest.raises(DataError, match="does not hold images"):
        opened()
    config = json.loads(text)
    config["chunks"][0]["chunk_size"] -= 1
    index.write_text(json.dumps(config))
    with pytest.raises(DataError, match="does not hold the images"):
        opened()
    index.write_text(text)
    (shards / "train" / "chunk-0-0.bin").unlink()
    with pytest.raises(DataError, match=r"chunk-0-0\.bin is missing"):
        opened()
    (shards / "colorzoo.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        opened()


def test_without_the_extra_the_cure_is_named(photos, shards, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "litdata", None)
    with pytest.raises(UsageError, match=r"pip install 'colorzoo\[streaming\]'"):
        StreamingDataModule(str(shards))
    assert main(["shard", str(photos), str(tmp_path / "new")]) == 2
    assert "pip install 'colorzoo[streaming]'" in capsys.readouterr().err


def test_the_command_line_knows_it_by_its_short_name(shards, tmp_path):
    main(
        [
            *("fit", "--model", "MLP", "--data", "Streaming", "--data.root", str(shards), "--data.size", "32"),
            *("--data.num_workers", "0", "--data.batch_size", "4", "--trainer.accelerator", "cpu"),
            *("--trainer.fast_dev_run", "true", "--trainer.default_root_dir", str(tmp_path)),
        ]
    )


def test_a_crop_of_a_deep_picture_keeps_its_tones():
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    square = Crop(32)(PIL.Image.fromarray(ramp))
    assert np.abs(square[0].numpy().astype(int) - ramp / 257).max() <= 1
