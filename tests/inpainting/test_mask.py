"""A mask is what a person means by it, in whatever kind of file, or an error says what was found."""

import numpy as np
import PIL.Image
import pytest
import tifffile

import colorzoo
from colorzoo.cli import main
from colorzoo.inpainting.mask import as_hole
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_pages, read_raster, write_raster

HOLE = np.zeros((14, 13), bool)
HOLE[5:9, 4:8] = True


def scaled(dark, bright, dtype=np.uint8):
    return np.where(HOLE, bright, dark).astype(dtype)


def layer(color, mode="RGBA"):
    clear = PIL.Image.new(mode, (13, 14), 0)
    clear.paste(PIL.Image.new(mode, (13, 14), color), mask=PIL.Image.fromarray(HOLE))
    return clear


def palette():
    image = PIL.Image.fromarray(HOLE.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    return image


def soft():
    levels = scaled(3, 250)
    levels[4, 4:8], levels[9, 4:8] = 120, 127
    return levels


MASKS = {
    "white on black": PIL.Image.fromarray(scaled(0, 255)),
    "1 bit": PIL.Image.fromarray(HOLE),
    "off-white on off-black": PIL.Image.fromarray(soft()),
    "a grey stroke": PIL.Image.fromarray(scaled(0, 90)),
    "labels 0 and 1": PIL.Image.fromarray(scaled(0, 1)),
    "labels of a palette": palette(),
    "16 bits": PIL.Image.fromarray(scaled(0, 65535, np.uint16)),
    "8-bit levels in 16 bits": PIL.Image.fromarray(scaled(0, 255, np.uint16)),
    "red on black": PIL.Image.merge("RGB", [PIL.Image.fromarray(scaled(0, 255)), *[PIL.Image.new("L", (13, 14))] * 2]),
    "white and opaque": PIL.Image.fromarray(scaled(0, 255)).convert("RGBA"),
    "white on a transparent layer": layer((255, 255, 255, 255)),
    "black on a transparent layer": layer((0, 0, 0, 255)),
    "half transparent red on a layer": layer((255, 0, 0, 140)),
    "grey with alpha": layer((90, 255), "LA"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_what_a_person_means_is_the_hole(tmp_path, kind):
    path = tmp_path / ("mask.tif" if "16" in kind else "mask.png")
    MASKS[kind].save(path)
    for mask in (path, MASKS[kind], RasterImage.of(MASKS[kind])):
        assert np.array_equal(as_hole(mask, 14, 13), HOLE)


def test_a_mask_of_another_size_is_not_read(tmp_path):
    PIL.Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match="the mask has 9000 rows of 9000 pixels, the image 14 of 13"):
        as_hole(tmp_path / "large.png", 14, 13)


def test_deep_layers_are_masks_too(tmp_path):
    alpha = scaled(0, 65535, np.uint16)
    write_raster(RasterImage(np.zeros((14, 13, 3), np.uint16), alpha), tmp_path / "deep.png")
    assert np.array_equal(as_hole(tmp_path / "deep.png", 14, 13), HOLE)


def erased():
    photo = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (14, 13, 3), np.uint8))
    photo.putalpha(PIL.Image.fromarray(scaled(255, 0)))
    return photo


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (PIL.Image.new("L", (13, 14)), "the mask marks nothing: its brightest pixel has 0% of white"),
        (PIL.Image.fromarray(np.arange(182, dtype=np.uint8).reshape(14, 13) // 2), "brightest pixel has 35% of white"),
        (np.zeros((14, 13), bool), "the mask marks nothing"),
        (PIL.Image.new("L", (13, 14), 255), "the mask is all hole"),
        (PIL.Image.new("LA", (13, 14), (255, 255)), "the mask is all hole"),
        (PIL.Image.new("L", (14, 13), 255), "the mask has 13 rows of 14 pixels, the image 14 of 13"),
        (erased(), "bright and dark colours and transparency too"),
    ],
)
def test_a_mask_that_says_nothing_useful_is_refused_in_words(mask, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.inpaint(np.zeros((14, 13)), mask, 5)


@pytest.fixture
def files(tmp_path):
    PIL.Image.fromarray(scaled(0, 255)).save(tmp_path / "mask.png")
    return tmp_path


def command(files, *arguments):
    return ["inpaint", str(files / "in.tif"), "--mask", str(files / "mask.png"), "--window", "5", *arguments]


def test_the_command_keeps_16_bits_alpha_and_what_the_file_says(files):
    stripes = np.tile(np.array([1, 300, 65535], np.uint16), (14, 5))[:, :13]
    levels = np.where(HOLE[..., None], 77, np.dstack([stripes, stripes + 5, stripes]))
    source = RasterImage(levels.astype(np.uint16), np.where(HOLE, 9, stripes).astype(np.uint16))
    write_raster(source, files / "in.tif")
    data = tifffile.imread(files / "in.tif")
    tifffile.imwrite(
        files / "in.tif",
        data,
        photometric="rgb",
        extrasamples=["unassalpha"],
        extratags=[(315, 2, 9, "somebody", True)],
    )
    for name in ("out.tif", "out.png"):
        assert main(command(files, "-o", str(files / name))) == 0
        filled = read_raster(files / name)
        assert np.array_equal(filled.levels, np.dstack([stripes, stripes + 5, stripes]))
        assert np.array_equal(filled.alpha, stripes)
        assert b"somebody" in filled.metadata.exif
        assert b"inpaint; 16 pixels; window 5; seed 0" in filled.metadata.xmp
    assert main(command(files, "-o", str(files / "plain.png"), "--no-provenance")) == 0
    assert b"colorzoo" not in (files / "plain.png").read_bytes()


def test_the_command_does_all_pages_or_says_that_there_are_more(files, capsys):
    pages = np.stack([np.full((14, 13), level, np.uint16) for level in (700, 9000)])
    tifffile.imwrite(files / "in.tif", np.where(HOLE, 0, pages).astype(np.uint16), photometric="minisblack")
    assert main(command(files, "-o", str(files / "first.tif"))) == 0
    assert "it has 2 pages, of which the first was taken" in capsys.readouterr().err
    assert main(command(files, "-o", str(files / "all.tif"), "--all-pages")) == 0
    assert [
        np.array_equal(page.levels, filled) for page, filled in zip(read_pages(files / "all.tif"), pages, strict=True)
    ] == [True] * 2
