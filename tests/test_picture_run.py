"""A run tells of errors and warnings, and shows terminals how far it is; colours are looked at first."""

import io
import sys

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from colorzoo import picture_run
from colorzoo.if_color import by_tone
from colorzoo.picture_file import read
from colorzoo.picture_run import run_pictures


def grey(seed=0, size=(40, 30)):
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 255, (4, 4), dtype=np.uint8)).resize(size)


def coloured():
    values = np.random.default_rng(0).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return PIL.Image.fromarray(values).resize((40, 40), PIL.Image.Resampling.NEAREST)


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    (folder / "box").mkdir(parents=True)
    for index, name in enumerate(("a.png", "b.tif", "box/a.png", "box/c.tif")):
        grey(index).save(folder / name)
    return folder


def test_errors_that_nobody_foresaw_stop_no_folder(scans, tmp_path, capsys):
    def transform(image):
        if image.tobytes() == grey(1).tobytes():
            raise KeyError("odd")
        return image, ""

    pairs = [(scans / name, tmp_path / name) for name in ("a.png", "b.tif", "box/a.png")]
    assert run_pictures(pairs, transform) == 1
    assert f"colorzoo: {scans / 'b.tif'}: KeyError: 'odd'\n" == capsys.readouterr().err
    assert (tmp_path / "box" / "a.png").exists()


def test_warnings_of_pillow_are_told_with_their_picture(tmp_path, capsys, monkeypatch):
    def warned(path):
        exec(compile("import warnings; warnings.warn('odd tag')", "x", "exec"), {"__name__": "PIL.TiffImagePlugin"})
        return read(path)

    monkeypatch.setattr(picture_run, "read", warned)
    grey().save(tmp_path / "a.png")
    assert run_pictures([(tmp_path / "a.png", tmp_path / "b.png")], lambda image: (image, "done")) == 0
    assert capsys.readouterr().err.splitlines() == [f"{tmp_path / 'a.png'}: done", f"{tmp_path / 'a.png'}: odd tag"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminals_show_how_far_it_is(scans, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    pairs = [(path, tmp_path / "out" / path.relative_to(scans)) for path in sorted(scans.rglob("*.*"))]
    assert run_pictures(pairs, lambda image: (image, "")) == 0
    assert "4/4" in sys.stderr.getvalue()
    assert "picture/s" in sys.stderr.getvalue()
    sys.stderr = Terminal()
    assert run_pictures(pairs[:1], lambda image: (image, ""), overwrite=True) == 0
    assert sys.stderr.getvalue() == "", "one picture needs no bar"


def test_kept_pictures_may_be_changed_otherwise():
    keeping = by_tone(lambda image: (None, "coloured"), "keep", lambda image: (image, "cleaned"))
    image = coloured()
    assert keeping(image) == (image, "in colour, which it keeps; cleaned")
    assert keeping(grey()) == (None, "coloured")
