"""TIFFs of fax codes, of which libtiff says on standard error alone that they are damaged."""

import numpy as np
import PIL.Image
import pytest

from colorzoo.errors import UnreadableImageError
from colorzoo.io.raster_file import read_raster
from colorzoo.io.tiff_read import turn_upright

tifffile = pytest.importorskip("tifffile")
if not hasattr(pytest.importorskip("imagecodecs"), "ccittfax4_decode"):
    pytest.skip("an older imagecodecs, which decodes no fax codes", allow_module_level=True)

COMPRESSIONS = pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])


def write_page(path, compression, **options):
    coarse = np.random.default_rng(0).random((40, 64)) > 0.7
    page = np.kron(coarse, np.ones((3, 3), bool))
    PIL.Image.fromarray(page).save(path, compression=compression, **options)
    with tifffile.TiffFile(path) as file:
        strips = list(zip(file.pages.first.dataoffsets, file.pages.first.databytecounts, strict=True))
    return page * np.uint8(255), strips


@COMPRESSIONS
@pytest.mark.parametrize(
    "tags", [{}, {278: 32}, {262: 0}, {266: 2}], ids=["plain", "strips", "white is 0", "low bit first"]
)
def test_sound_fax_pages_are_read_without_a_remark(tmp_path, compression, tags):
    page, _ = write_page(tmp_path / "a.tif", compression, tiffinfo=tags)
    scan = read_raster(tmp_path / "a.tif")
    assert np.array_equal(scan.levels, page)
    assert not scan.remarks


@pytest.mark.parametrize("orientation", range(2, 9))
def test_sound_fax_pages_are_turned_upright(tmp_path, orientation):
    page, _ = write_page(tmp_path / "a.tif", "group4", tiffinfo={274: orientation})
    assert np.array_equal(read_raster(tmp_path / "a.tif").levels, turn_upright(page, orientation))


@COMPRESSIONS
@pytest.mark.parametrize("tags", [{}, {278: 32}], ids=["one strip", "strips"])
def test_damaged_fax_codes_are_refused(tmp_path, compression, tags):
    path = tmp_path / "a.tif"
    _, strips = write_page(path, compression, tiffinfo=tags)
    data = bytearray(path.read_bytes())
    start, size = strips[-1]
    data[start + size // 2 : start + size // 2 + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"a\.tif .*fax codes are damaged"):
        read_raster(path)


@COMPRESSIONS
def test_a_fax_page_whose_codes_end_before_its_rows_is_refused(tmp_path, compression):
    path = tmp_path / "a.tif"
    _, [(_, size)] = write_page(path, compression)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["StripByteCounts"].overwrite(size // 2)
    with pytest.raises(UnreadableImageError, match="damaged"):
        read_raster(path)


def test_without_another_decoder_a_fax_page_says_that_it_was_not_checked(tmp_path, monkeypatch):
    page, _ = write_page(tmp_path / "a.tif", "group4")
    monkeypatch.setattr(tifffile.TiffPage, "decode", property(missing_codec))
    scan = read_raster(tmp_path / "a.tif")
    assert np.array_equal(scan.levels, page)
    assert "not checked" in scan.remarks[0]


def missing_codec(page):
    def decode(*_):
        raise ValueError("<COMPRESSION.CCITTFAX4: 4> requires the 'imagecodecs' package")

    return decode
