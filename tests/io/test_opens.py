"""A file is opened once, however deep its pixels are and whatever is done with it."""

import sys

import numpy as np
import PIL.Image
import pytest

import colorzoo
from colorzoo.cli import main
from colorzoo.io import pil_file
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster

OPENED = []
sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)


@pytest.fixture
def opens():
    """Count how often a file is opened from here on."""
    OPENED.clear()
    return lambda path: sum(name == str(path) for name in OPENED)


def deep(*shape):
    return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)


@pytest.fixture(params=["deep.png", "deep.tif", "deep grey.tif", "plain.bmp", "plain.jpg", "pages.tif"])
def file(request, tmp_path):
    path = tmp_path / request.param
    if "deep" in path.name:
        write_raster(RasterImage(deep(12, 16) if "grey" in path.name else deep(12, 16, 3)), path)
    else:
        image = PIL.Image.fromarray((deep(12, 16, 3) >> 8).astype(np.uint8))
        image.save(path, **({"save_all": True, "append_images": [image]} if "pages" in path.name else {}))
    return path


@pytest.mark.filterwarnings("ignore:it has 2 pages")
def test_a_picture_is_opened_once(file, opens):
    read_raster(file)
    assert opens(file) == 1
    colorzoo.load("mlp").colorize(file)
    assert opens(file) == 2
    pil_file.read_image(file)
    assert opens(file) == 3


def test_the_command_line_opens_each_file_once(file, tmp_path, opens):
    out = tmp_path / "out" / f"{file.stem}.tif"
    assert main(["colorize", str(file), "-o", str(out), "-m", "mlp"]) == 0
    assert opens(file) == 1
    assert main(["denoise", str(file), "-o", str(out), "-m", "linear_denoiser", "--all-pages", "--overwrite"]) == 0
    assert opens(file) == 2


def test_metadata_are_parsed_once(tmp_path, monkeypatch):
    exif = PIL.Image.Exif()
    exif[315] = "somebody"
    PIL.Image.new("L", (9, 9), 90).save(tmp_path / "a.jpg", exif=exif)
    parsed, of = [], pil_file.Metadata.of
    monkeypatch.setattr(pil_file.Metadata, "of", lambda *args: parsed.append(args) or of(*args))
    assert main(["colorize", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "b.jpg"), "-m", "mlp"]) == 0
    assert len(parsed) == 1
    assert PIL.Image.open(tmp_path / "b.jpg").getexif()[315] == "somebody"
