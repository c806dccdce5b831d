"""A run tells of errors and warnings, and shows terminals how far it is; colours are looked at first."""

import io
import sys
from dataclasses import replace

import numpy as np
import PIL.Image
import PIL.ImageOps
from scanned import coloured, grey

from colorzoo.cli import batch
from colorzoo.cli.batch import run_images
from colorzoo.cli.if_color import dispatch_by_tone
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import open_raster


def test_errors_that_nobody_foresaw_stop_no_folder(scans, tmp_path, capsys):
    def transform(scan):
        if np.array_equal(scan.levels, np.asarray(grey(1))):
            raise KeyError("odd")
        return scan, ""

    pairs = [(scans / name, tmp_path / name) for name in ("a.png", "b.tif", "box/a.png")]
    assert run_images(pairs, transform) == 1
    assert f"colorzoo: {scans / 'b.tif'}: KeyError: 'odd'\n" == capsys.readouterr().err
    assert (tmp_path / "box" / "a.png").exists()


def test_warnings_of_pillow_are_told_with_their_picture(tmp_path, capsys, monkeypatch):
    def warned(path, max_megapixels):
        exec(compile("import warnings; warnings.warn('odd tag')", "x", "exec"), {"__name__": "PIL.TiffImagePlugin"})
        return open_raster(path, max_megapixels)

    monkeypatch.setattr(batch, "open_raster", warned)
    grey().save(tmp_path / "a.png")
    assert run_images([(tmp_path / "a.png", tmp_path / "b.png")], lambda scan: (scan, "done")) == 0
    assert capsys.readouterr().err.splitlines() == [f"{tmp_path / 'a.png'}: done", f"{tmp_path / 'a.png'}: odd tag"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminals_show_how_far_it_is(scans, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    pairs = [(path, tmp_path / "out" / path.relative_to(scans)) for path in sorted(scans.rglob("*.*"))]
    assert run_images(pairs, lambda scan: (scan, "")) == 0
    assert "4/4" in sys.stderr.getvalue()
    assert "image/s" in sys.stderr.getvalue()
    sys.stderr = Terminal()
    assert run_images(pairs[:1], lambda scan: (scan, ""), overwrite=True) == 0
    assert sys.stderr.getvalue() == "", "one image needs no bar"


def test_kept_pictures_may_be_changed_otherwise():
    keeping = dispatch_by_tone(lambda scan: (None, "coloured"), "keep", lambda scan: (scan, "cleaned"))
    scan = RasterImage.of(coloured())
    assert keeping(scan) == (scan, "in colour, which it keeps; cleaned")
    assert keeping(RasterImage.of(grey())) == (None, "coloured")


def test_all_pages_of_a_file_are_done_and_told_of(tmp_path, capsys):
    pages = [grey(seed) for seed in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    pairs = [(tmp_path / "a.tif", tmp_path / "b.tif")]
    assert run_images(pairs, lambda scan: (scan, "done"), all_pages=True) == 0
    with PIL.Image.open(tmp_path / "b.tif") as image:
        assert image.n_frames == 3
    about = f"{tmp_path / 'a.tif'}: "
    assert capsys.readouterr().err.splitlines() == [f"{about}done", f"{about}page 2: done", f"{about}page 3: done"]


def test_a_picture_beyond_the_limit_is_refused(tmp_path, capsys):
    grey().save(tmp_path / "a.png")
    assert run_images([(tmp_path / "a.png", tmp_path / "b.png")], lambda scan: (scan, ""), max_megapixels=1e-4) == 1
    assert "is too large" in capsys.readouterr().err


def test_remarks_on_what_was_made_of_a_later_page_are_told(tmp_path, capsys):
    pages = [grey(seed) for seed in range(2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])

    def transform(scan):
        return replace(scan, remarks=(*scan.remarks, "its profile was ignored")), ""

    assert run_images([(tmp_path / "a.tif", tmp_path / "b.tif")], transform, all_pages=True) == 0
    about = f"{tmp_path / 'a.tif'}: "
    expected = [f"{about}its profile was ignored", f"{about}page 2: its profile was ignored"]
    assert capsys.readouterr().err.splitlines() == expected
