"""Which files below a folder are images."""

import os

import PIL.Image
import pytest

from colorzoo.errors import DataError
from colorzoo.io.find import find_images, image_names, readable_names
from colorzoo.io.pil_file import SUFFIXES


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.PNG", "b/a/1.tif", "a.jpg", ".hidden.png", "._a.jpg", ".trash/c.png", "b/.thumbs/d.png", "x.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_images_of_any_depth_are_found_in_order_and_hidden_ones_are_not(folder):
    assert image_names(folder) == ["a.jpg", "b/2.PNG", "b/a/1.tif"]
    found = find_images(folder, exclude=folder / "b")
    assert found.images == [folder / "a.jpg"]
    assert sorted(path.name for path in found.hidden) == ["._a.jpg", ".hidden.png", ".trash"]
    assert found.others == {".txt": [folder / "x.txt"]}
    assert find_images(folder / "nothing").images == []
    with pytest.raises(DataError, match="is no folder"):
        image_names(folder / "nothing")


def test_images_of_other_kinds_are_named(folder):
    for name in ("1.heic", "b/2.HEIC", "3.dng"):
        (folder / name).touch()
    told = []
    assert len(image_names(folder, lambda path, error: told.append((path.name, str(error))))) == 3
    assert [name for name, _ in told] == ["3.dng", "1.heic"]
    assert told[1][1].startswith("2 .heic files are left out; convert to one of .apng")


def test_every_suffix_of_images_is_one_that_pillow_reads():
    known = PIL.Image.registered_extensions()
    ours = {".avif", ".psb"}  # AVIF is not in every build of Pillow, and PSB is read by ourselves
    assert {suffix for suffix in SUFFIXES if known.get(suffix) not in {*PIL.Image.OPEN, "MPO"}} <= ours


def test_folders_that_cannot_be_read_are_named(folder, monkeypatch):
    scandir = os.scandir

    def denied(path):
        if path == folder / "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", denied)
    told = []
    assert image_names(folder, lambda path, error: told.append(str(error))) == ["a.jpg"]
    assert told == [f"{folder / 'b'} cannot be read (Permission denied); check its permissions"]


def test_a_folder_is_found_under_its_own_name_rather_than_a_links(folder):
    (folder / "a link").symlink_to(folder / "b")
    (folder / "b" / "up").symlink_to("..")
    assert image_names(folder) == ["a.jpg", "b/2.PNG", "b/a/1.tif"]
    assert [path.name for path in find_images(folder).repeated] == ["a link", "up"]


@pytest.mark.parametrize("walk", [image_names, lambda root: list(readable_names(root, lambda path, error: None))])
def test_every_walk_leaves_out_what_is_hidden(walk, tmp_path):
    for name in (".hidden.png", "._a.png", ".trash/b.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        PIL.Image.new("L", (4, 4)).save(tmp_path / name)
    assert walk(tmp_path) == ["a.png"]


def test_names_of_pipes_and_huge_images_are_told_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    PIL.Image.new("1", (14000, 13000)).save(tmp_path / "large.png")
    told = []
    assert list(readable_names(tmp_path, lambda path, error: told.append(str(error)))) == ["large.png"]
    assert told == [f"{tmp_path / 'pipe.png'} is a device or a pipe; give a file"]
