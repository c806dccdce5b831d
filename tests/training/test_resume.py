"""A run that was killed ends where it would have ended; its checkpoints are whole, and the last one is found."""

import errno
import functools
import multiprocessing
import os
import resource
import signal

import PIL.Image
import pytest
import torch

from colorzoo.base.module import ZooModule
from colorzoo.cli import main
from colorzoo.data.datasets import ImageDataset
from colorzoo.data.samplers import (
    ImageDataLoader,
    ResumableDataLoader,
    ResumableSampler,
    SeededDataset,
    UnrepeatedSampler,
)
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import DataError, UnwritableError
from colorzoo.training.checkpoint_io import AtomicCheckpointIO
from colorzoo.training.cli import run

QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]
DATA = ["--data=Synthetic", "--data.size=16", "--data.batch_size=4", "--data.train_images=18", "--data.val_images=4"]
RUN = ["fit", *DATA, *QUIET, "--data.random_shift=2", "--trainer.max_epochs=2", "--trainer.deterministic=true"]
ONE = ("--model=MLP", "--model.size=16", "--model.dropout=0.3", "--optim.schedule=cosine")
GAME = ("--model=Pix2Pix", "--model.size=16", "--model.width=8", "--model.improver=[8]")
CHECKPOINTS = "--trainer.callbacks=lightning.pytorch.callbacks.ModelCheckpoint"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def on_one_thread():
    """A process that is forked has none of the threads that others would wait for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def killed(arguments, epoch, batch):
    """Run in a process that is killed, as by ``kill -9``, when it comes to a batch."""

    def begin():
        def die(task, _, batch_idx):
            if (task.current_epoch, batch_idx) == (epoch, batch):
                os.kill(os.getpid(), signal.SIGKILL)

        ZooModule.on_train_batch_start = die
        run(arguments)

    process = multiprocessing.get_context("fork").Process(target=begin)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


@functools.cache
def never_interrupted(model):
    cli = run([*RUN, *model, "--trainer.logger=false", "--trainer.enable_checkpointing=false"])
    return cli.trainer.global_step, cli.model.state_dict()


@pytest.mark.parametrize("every", [1, None], ids=["in an epoch", "at an epoch's end"])
@pytest.mark.parametrize("model", [ONE, GAME], ids=["one", "game"])
def test_a_killed_run_that_is_resumed_ends_bit_for_bit_where_the_other_did(model, every, tmp_path):
    steps = [CHECKPOINTS, f"--trainer.callbacks.every_n_train_steps={every}"] if every else []
    killed([*RUN, *model, *steps], 1, 2)
    # Another seed: the checkpoint knows that of its run.
    resumed = run([*RUN, *model, "--ckpt_path=last", "--seed_everything=7"])
    assert len(list(tmp_path.glob("lightning_logs/version_*"))) == 2
    steps, whole = never_interrupted(model)
    assert resumed.trainer.global_step == steps
    actual = resumed.model.state_dict()
    assert all(torch.equal(actual[key], value) for key, value in whole.items())


def test_the_newest_checkpoint_of_all_runs_is_the_last(tmp_path):
    run([*RUN, *ONE, "--trainer.max_epochs=1"])
    run([*RUN, *ONE, "--trainer.max_epochs=2", "--ckpt_path=last"])
    half_written = tmp_path / "lightning_logs/version_1/checkpoints/.colorzoo-0.ckpt"
    half_written.write_bytes(b"")
    third = run([*RUN, *ONE, "--trainer.max_epochs=3", "--ckpt_path=last"])
    assert third.trainer.ckpt_path == str(next(tmp_path.glob("lightning_logs/version_1/checkpoints/epoch=1*")))
    assert third.trainer.current_epoch == 3


def test_without_a_last_checkpoint_training_begins_and_nothing_is_measured(capsys):
    assert run([*RUN, *ONE, "--trainer.fast_dev_run=1", "--ckpt_path=last"]).trainer.global_step == 1
    assert main(["test", *DATA, *QUIET, "--model=MLP", "--model.size=16", "--ckpt_path=last"]) == 2
    assert "no run has left a checkpoint" in capsys.readouterr().err


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path):
    path = tmp_path / "run" / "last.ckpt"
    writer = AtomicCheckpointIO()
    writer.save_checkpoint({"weights": torch.ones(3)}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(UnwritableError, match=rf"last.ckpt cannot be written \({os.strerror(errno.EFBIG)}\).*room"):
            writer.save_checkpoint({"weights": torch.ones(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert torch.equal(writer.load_checkpoint(path, weights_only=True)["weights"], torch.ones(3))
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_full_disk_ends_a_run_with_one_line(monkeypatch, capsys):
    def full(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("colorzoo.training.checkpoint_io.atomic_replace", full)
    assert main([*RUN, *ONE]) == 2
    assert "No space left on device" in capsys.readouterr().err.strip().splitlines()[-1]


class Deadly(ImageDataset):
    def load_batch(self, indices):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_loader_process_that_is_killed_is_no_riddle():
    loader = ImageDataLoader(Deadly(["a"]), num_workers=1)
    with pytest.raises(DataError, match=r"loads images ended .*data.num_workers.*--ckpt_path last"):
        next(iter(loader))


def test_processes_share_each_epoch_and_its_batches():
    for epoch in (0, 5):
        orders = [ResumableSampler(23, 8), *(ResumableSampler(23, 4, 0, process, 2) for process in (0, 1))]
        for order in orders:
            order.set_epoch(epoch)
        joint, first, second = (list(order) for order in orders)
        assert joint[0::2] == first
        assert joint[1::2] == second
        assert len(set(joint)) == 16
        assert {index // 23 for index in joint} == {epoch}
    assert len(set(orders[0])) == 16
    assert list(ResumableSampler(23, 8)) != [index - 5 * 23 for index in joint]
    assert list(ResumableSampler(23, 8)) != list(ResumableSampler(23, 8, seed=1))


def test_few_pictures_are_repeated_rather_than_leave_a_process_behind():
    orders = [list(ResumableSampler(3, 4, 0, process, 2)) for process in (0, 1)]
    assert [len(order) for order in orders] == [2, 2]
    assert {*orders[0], *orders[1]} == {0, 1, 2}


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_what_is_measured_is_measured_once(processes):
    shares = [UnrepeatedSampler(7, process, processes) for process in range(processes)]
    assert sorted(index for share in shares for index in share) == list(range(7))
    assert [len(list(share)) for share in shares] == [len(share) for share in shares]


def test_random_crops_are_those_of_epoch_and_picture_whoever_loads_them(tmp_path):
    for index in range(6):
        PIL.Image.effect_noise((40, 30), 90).convert("RGB").save(tmp_path / f"{index}.png")
    source = FolderDataset(tmp_path, [f"{index}.png" for index in range(6)], 8, random_crop=True, max_zoom=1.5)

    def crops(epoch, batch_size, workers=0):
        order = ResumableSampler(6, batch_size)
        order.set_epoch(epoch)
        pictures = SeededDataset(source, 0)
        loader = ResumableDataLoader(
            pictures, batch_size, sampler=order, num_workers=workers, collate_fn=lambda batch: batch
        )
        return {name: rgb for batch in loader for name, rgb in zip(batch["name"], batch["rgb"], strict=True)}

    alone = crops(1, 3)
    assert len(alone) == 6
    for again in (crops(1, 2), crops(1, 3, workers=2)):
        assert all(torch.equal(again[name], rgb) for name, rgb in alone.items())
    assert not any(torch.equal(rgb, alone[name]) for name, rgb in crops(2, 3).items())
    state = torch.get_rng_state()
    SeededDataset(source, 0).__getitems__([0, 1])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loader_goes_on_in_its_epoch_and_begins_the_next_at_its_beginning():
    pictures = SeededDataset(SyntheticDataModule(size=8, train_images=12).load_split("train"), 0)

    def loader():
        return ResumableDataLoader(pictures, 4, sampler=ResumableSampler(12, 4), collate_fn=lambda batch: batch)

    def told(loader, epoch):
        loader.sampler.set_epoch(epoch)
        return [(batch["name"], batch["seed"]) for batch in loader]

    whole = loader()
    first, second = told(whole, 0), told(whole, 1)
    assert first != second
    assert len({seed for _, seed in first + second}) == 6
    interrupted = loader()
    batches = iter(interrupted)
    next(batches)
    resumed = loader()
    resumed.load_state_dict(interrupted.state_dict())
    assert told(resumed, 0) == first[1:]
    assert told(resumed, 1) == second
    late = loader()
    late.load_state_dict(interrupted.state_dict())
    assert told(late, 1) == second
