"""Which files below a folder are images."""

import pytest

from colorzoo.errors import DataError
from colorzoo.io.find import find_images, image_names


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.PNG", "b/a/1.tif", "a.jpg", ".hidden.png", "._a.jpg", ".trash/c.png", "b/.thumbs/d.png", "x.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_images_of_any_depth_are_found_in_order_and_hidden_ones_are_not(folder):
    assert image_names(folder) == ["a.jpg", "b/2.PNG", "b/a/1.tif"]
    assert find_images(folder, exclude=folder / "b") == [folder / "a.jpg"]
    assert find_images(folder / "nothing") == []
    with pytest.raises(DataError, match="is no folder"):
        image_names(folder / "nothing")


def test_images_of_other_kinds_are_named(folder):
    for name in ("1.gif", "b/2.GIF", "3.heic"):
        (folder / name).touch()
    told = []
    assert len(find_images(folder, report_others=lambda path, error: told.append((path.name, str(error))))) == 3
    assert [name for name, _ in told] == ["1.gif", "3.heic"]
    assert told[0][1].startswith("2 .gif files are left out; convert to one of .bmp, .jpeg")


def test_folders_that_cannot_be_read_are_named(folder, monkeypatch):
    walk = __import__("os").walk

    def denied(top, onerror=None, **options):
        onerror(PermissionError(13, "Permission denied", str(folder / "b")))
        return walk(top, **options)

    monkeypatch.setattr("os.walk", denied)
    told = []
    find_images(folder, lambda path, error: told.append(str(error)))
    assert told == [f"{folder / 'b'} cannot be read (Permission denied); check its permissions"]
