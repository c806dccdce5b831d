"""A file has its name once it is whole and on the disk: whatever fails, and whenever the power does."""

import errno
import io
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from colorzoo.cli.batch import run_images
from colorzoo.errors import OutputExistsError, UnwritableError
from colorzoo.io import atomic, owned_file
from colorzoo.io.atomic import atomic_replace, atomic_write, check_writable
from colorzoo.io.claim import claim, version_of
from colorzoo.io.owned_file import PREFIX, claim_path, remove_abandoned, temporary_path
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_pages, write_raster

SUFFIXES = [".jpg", ".png", ".tif", ".webp", ".bmp", ".jp2", ".gif", ".tga", ".ppm", ".avif"]


def noise(channels=3, side=56, dtype=np.uint8):
    shape = (side, side, channels)[: 3 if channels == 3 else 2]
    return RasterImage(np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype))


class FullDisk(io.FileIO):
    """A file on a disk with room for some bytes, which takes a part of the write that fills it, as a real one does."""

    room = 0

    def write(self, data):
        data = memoryview(data).cast("B")
        taken = min(len(data), FullDisk.room)
        FullDisk.room -= taken
        if not taken and len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data[:taken])


@pytest.fixture
def disk(monkeypatch):
    """Give the disk of all new files room for some bytes."""

    def limit(room):
        FullDisk.room = room
        monkeypatch.setattr(atomic.io, "FileIO", FullDisk)

    yield limit
    monkeypatch.undo()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_is_full_at_any_byte_leaves_no_file(suffix, tmp_path, disk):
    if suffix == ".avif" and not PIL.features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    whole, path = tmp_path / f"whole{suffix}", tmp_path / "out" / f"a{suffix}"
    write_raster(noise(), whole)
    size = whole.stat().st_size
    for room in sorted({0, 1, 2, 500, 4096, 8192, size // 2, size - 4096, size - 2, size - 1}):
        if 0 <= room < size:
            disk(room)
            with pytest.raises(UnwritableError, match=r"cannot be written \(No space left on device\); make room"):
                write_raster(noise(), path)
            assert list(path.parent.iterdir()) == [], room
    disk(10 * size)
    write_raster(noise(), path)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("kind", ["deep.png", "deep.tif", "pages.tif"])
def test_deep_images_and_pages_need_their_last_byte_too(kind, tmp_path, disk):
    def write(path):
        if kind == "pages.tif":
            write_pages([noise(), noise(1), noise()], path)
        else:
            write_raster(noise(dtype=np.uint16), path)

    write(tmp_path / kind)
    size = (tmp_path / kind).stat().st_size
    for room in (0, 7, size // 2, size - 1):
        disk(room)
        with pytest.raises(UnwritableError):
            write(tmp_path / "out" / kind)
        assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_limit_of_the_system_is_a_full_disk(suffix, tmp_path):
    write_raster(noise(), tmp_path / f"whole{suffix}")
    size = (tmp_path / f"whole{suffix}").stat().st_size
    limits, handled = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for room in (size // 2, size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
            with pytest.raises(UnwritableError, match="File too large"):
                write_raster(noise(), tmp_path / "out" / f"a{suffix}")
            assert list((tmp_path / "out").iterdir()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handled)


def write(path, overwrite, meanwhile=lambda: None):
    with atomic_write(path, overwrite) as stream:
        stream.write(b"after")
        meanwhile()


@pytest.mark.parametrize("call", ["fsync", "link", "open"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_the_system_refuses_at_the_end_is_an_error(call, overwrite, tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    if overwrite:
        path.write_text("before")
        call = {"link": "replace"}.get(call, call)

    def fail(*args, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(atomic.os, call, fail)
    if call == "link":
        monkeypatch.setattr(atomic.os, "rename", fail)
    with pytest.raises(UnwritableError, match=r"a.txt cannot be written \(Input/output error\)"):
        write(path, overwrite)
    monkeypatch.undo()
    named = call == "open"  # of the folder, once the file has its name
    assert [entry.name for entry in tmp_path.iterdir()] == (["a.txt"] if overwrite or named else [])
    assert not path.exists() or path.read_text() == ("after" if named else "before")


def test_an_error_of_closing_counts(tmp_path, monkeypatch):
    class Unclosed(io.FileIO):
        def close(self):
            closed = self.closed
            super().close()
            if not closed:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(atomic.io, "FileIO", Unclosed)
    with pytest.raises(UnwritableError, match="make room within the quota"):
        atomic_replace(tmp_path / "a.txt", b"whole")
    assert list(tmp_path.iterdir()) == []


class Disk:
    """Remembers what of a folder would be there after a power cut: names and bytes that were synchronised."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.contents, self.names, self.states = folder, {}, {}, []
        self.fsync = os.fsync
        monkeypatch.setattr(atomic.os, "fsync", self.synchronise)
        for name in ("link", "replace", "rename"):
            monkeypatch.setattr(atomic.os, name, self.then_cut(getattr(os, name)))

    def synchronise(self, descriptor):
        self.fsync(descriptor)
        status = os.fstat(descriptor)
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            self.names[path] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            with open(f"/proc/self/fd/{descriptor}", "rb") as stream:
                self.contents[status.st_ino] = stream.read()

    def then_cut(self, call):
        def called(*args):
            call(*args)
            self.states.append(self.after_cut(False))
            self.states.append(self.after_cut(True))

        return called

    def after_cut(self, lucky):
        """Return names and contents; with luck, names survive that were not synchronised."""
        names = dict(self.names.get(str(self.folder), {}))
        if lucky:
            names |= {entry.name: entry.inode() for entry in os.scandir(self.folder)}
        return {name: self.contents.get(ino, b"") for name, ino in names.items() if not name.startswith(PREFIX)}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux says there what is open")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_power_cut_leaves_whole_files_and_those_that_were_announced(overwrite, tmp_path, monkeypatch):
    out = tmp_path / "new" / "out"
    disk = Disk(out, monkeypatch)
    for index in range(3):
        write_raster(noise(1), out / f"{index}.png", overwrite)
        assert disk.after_cut(False).keys() == {f"{number}.png" for number in range(index + 1)}
    assert disk.names[str(tmp_path)].keys() == {"new"}
    assert disk.names[str(tmp_path / "new")].keys() == {"out"}
    whole = (out / "0.png").read_bytes()
    assert len(disk.states) == 6
    assert all(content == whole for state in disk.states for content in state.values())
    if overwrite:
        atomic_replace(out / "0.png", b"other")
        assert all(state["0.png"] in (whole, b"other") for state in disk.states[-2:])


@pytest.mark.parametrize("links", [True, False])
def test_what_was_made_meanwhile_is_not_replaced(links, tmp_path, monkeypatch):
    def no_links(*args):
        raise OSError(errno.EPERM, "no links")

    if not links:
        monkeypatch.setattr(atomic.os, "link", no_links)
    write(tmp_path / "a.txt", False)
    assert (tmp_path / "a.txt").read_text() == "after"
    with pytest.raises(OutputExistsError):
        write(tmp_path / "b.txt", False, lambda: (tmp_path / "b.txt").write_text("theirs"))
    assert (tmp_path / "b.txt").read_text() == "theirs"
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_an_encoder_gets_no_descriptor(tmp_path):
    with atomic_write(tmp_path / "a.bin") as stream, pytest.raises(io.UnsupportedOperation):
        stream.fileno()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").touch()
    for write in (check_writable, lambda folder: atomic_replace(folder / "a", b"")):
        with pytest.raises(UnwritableError, match=r"file/below cannot be written to \(it is no folder\); choose"):
            write(tmp_path / "file" / "below")
    check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from colorzoo.io.atomic import atomic_write
from colorzoo.io.claim import claim
with claim(Path(sys.argv[1])), atomic_write(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory):
    """A folder with what a killed process has left in it."""
    folder = tmp_path_factory.mktemp("killed")
    subprocess.run([sys.executable, "-c", KILLED, folder / "a.png"], check=False)
    assert len(list(folder.iterdir())) == 2
    return folder


def test_what_a_killed_run_left_is_removed_but_not_what_is_alive(killed_run):
    with atomic_write(killed_run / "b.png") as stream, claim(killed_run / "c.png"):
        stream.write(b"alive")
        alive = temporary_path(killed_run)
        assert len(list(killed_run.iterdir())) == 4
        remove_abandoned(killed_run)
        assert len(list(killed_run.iterdir())) == 2
    assert [path.name for path in killed_run.iterdir()] == ["b.png"]
    assert not alive.exists()
    remove_abandoned(killed_run / "none")


def test_what_belongs_to_another_machine_or_version_is_left_for_a_day(tmp_path, monkeypatch):
    foreign = [tmp_path / f"{PREFIX}0badcafe-1", tmp_path / f"{PREFIX}0123456789abcdef.png", claim_path(tmp_path / "a")]
    for path in foreign:
        path.write_text("0badcafe")
    remove_abandoned(tmp_path)
    with claim(tmp_path / "a") as ours:
        assert not ours
    assert all(path.exists() for path in foreign)
    for path in foreign:
        os.utime(path, (0, 0))
    with claim(tmp_path / "a") as ours:
        assert ours
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_locks_only_old_files_are_abandoned(tmp_path, monkeypatch):
    def no_locks(*args):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with claim(tmp_path / "a") as ours, claim(tmp_path / "a") as theirs:
        assert (ours, theirs) == (True, False)
        atomic_replace(tmp_path / "b", b"whole")
        remove_abandoned(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
    temporary_path(tmp_path).touch()
    remove_abandoned(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    os.utime(next(tmp_path.glob(f"{PREFIX}*")), (0, 0))
    remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_file_taken_for_abandoned_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    lock, taken = owned_file._lock, []

    def lock_late(file, wait):
        if wait and not taken:
            taken.append(owned_file.remove_if_abandoned(path))
        return lock(file, wait)

    monkeypatch.setattr(owned_file, "_lock", lock_late)
    path = temporary_path(tmp_path)
    owned = owned_file.create_owned(path)
    assert taken == [True]
    assert path.exists()
    owned_file.release(owned, path)


def test_what_has_changed_since_it_was_seen_is_not_ours(tmp_path):
    path = tmp_path / "a.png"
    seen = version_of(path)
    with claim(path, seen) as ours:
        assert ours
    atomic_replace(path, b"one")
    with claim(path, seen) as ours:
        assert not ours
    seen = version_of(path)
    with claim(path, seen) as ours:
        assert ours, "it may be overwritten"
    atomic_replace(path, b"two")
    with claim(path, seen) as ours:
        assert not ours
    assert version_of(tmp_path / ("x" * 5000)) is None


def test_a_full_disk_fails_an_image_and_names_it(tmp_path, disk, capsys):
    source, target = tmp_path / "a.jpg", tmp_path / "out" / "a.jpg"
    write_raster(noise(1), source)
    disk(100)
    assert run_images([(source, target)], lambda scan: (scan, "")) == 1
    reason = f"{target} cannot be written (No space left on device); make room on the disk"
    assert capsys.readouterr().err == f"colorzoo: {source}: {reason}\n"
    assert list(target.parent.iterdir()) == []
    disk(10**6)
    assert run_images([(source, target)], lambda scan: (scan, ""), skip_existing=True) == 0
    assert read_raster(target).levels.shape == (56, 56)
