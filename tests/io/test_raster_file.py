"""Scans from files of all kinds and into them: depth, alpha, pages, and what a file says beside its pixels."""

import io
import struct
import warnings

import numpy as np
import PIL.Image
import pytest
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from scanned import apply_to_gray

from colorzoo.errors import OutputExistsError, PictureWarning, UnreadableImageError
from colorzoo.io.convert import apply_to_channels
from colorzoo.io.icc import _srgb_grey_profile, srgb_profile
from colorzoo.io.metadata import Metadata
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_pages, read_raster, write_pages, write_raster


def noise(*shape):
    return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("samples", [1, 3, 4])
@pytest.mark.parametrize("size", [(16, 24), (1, 1), (3, 700), (150, 1)])
def test_sixteen_bits_come_back_as_they_went(tmp_path, suffix, samples, size):
    pixels = noise(*size, samples)
    levels, alpha = (
        (pixels[..., 0], None) if samples == 1 else (pixels[..., :3], pixels[..., 3] if samples > 3 else None)
    )
    path = tmp_path / f"deep{suffix}"
    write_raster(RasterImage(levels, alpha), path)
    again = read_raster(path)
    assert np.array_equal(again.levels, levels)
    assert (again.alpha is None) if alpha is None else np.array_equal(again.alpha, alpha)
    assert not again.remarks


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_other_programs_read_what_is_written(tmp_path, samples):
    pixels = noise(70, 33, samples)
    scan = RasterImage(
        pixels[..., 0] if samples < 3 else pixels[..., :3], pixels[..., -1] if samples in (2, 4) else None
    )
    write_raster(scan, tmp_path / "deep.png")
    write_raster(scan, tmp_path / "deep.tif")
    kornia = pytest.importorskip("kornia_rs")
    if hasattr(kornia, "io") and samples > 2:
        read = kornia.io.read_image_png_u16(str(tmp_path / "deep.png"), "rgb" if samples == 3 else "rgba")
        assert np.array_equal(np.asarray(read), pixels)
    tifffile = pytest.importorskip("tifffile")
    read = tifffile.imread(tmp_path / "deep.tif")
    expected = pixels if samples != 2 else pixels[..., [0, 0, 0, 1]]
    assert np.array_equal(read.reshape(expected.shape), expected)


def test_low_bytes_are_turned_as_the_high_ones(tmp_path):
    pixels = noise(4, 6, 3)
    exif = PIL.Image.Exif()
    exif[Base.Orientation] = 6
    write_raster(RasterImage(pixels), tmp_path / "flat.png")
    data = (tmp_path / "flat.png").read_bytes()
    with io.BytesIO() as stream:
        PIL.Image.new("L", (1, 1)).save(stream, "PNG", exif=exif)
        small = stream.getvalue()
    start = small.index(b"eXIf") - 4
    chunk = small[start : start + 12 + int.from_bytes(small[start : start + 4], "big")]
    (tmp_path / "turned.png").write_bytes(data[:33] + chunk + data[33:])
    assert np.array_equal(read_raster(tmp_path / "turned.png").levels, np.rot90(pixels, -1))


def test_transparency_without_an_alpha_channel_is_alpha(tmp_path):
    grey = PIL.Image.fromarray(noise(8, 8))
    level = int(np.asarray(grey)[2, 3])
    grey.save(tmp_path / "grey.png", transparency=level)
    scan = read_raster(tmp_path / "grey.png")
    assert np.array_equal(scan.alpha == 0, scan.levels == level)
    PIL.Image.new("L", (4, 4), 9).save(tmp_path / "l.png", transparency=9)
    assert not read_raster(tmp_path / "l.png").alpha.any()


def test_numbers_beyond_sixteen_bits_are_refused_not_clipped(tmp_path):
    PIL.Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(ValueError, match="from 0 to 70000; scale them to 16 bits"):
        read_raster(tmp_path / "i.tif")


def exif_of(path):
    with PIL.Image.open(path) as image:
        image.load()
        return image.getexif()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_a_turned_picture_is_upright_and_says_so(tmp_path, suffix):
    exif = PIL.Image.Exif()
    exif[Base.Orientation], exif[Base.Artist] = 6, "somebody"
    exif[IFD.Exif] = {Base.ExifImageWidth: 30, Base.ExifImageHeight: 20, Base.UserComment: b"ASCII\0\0\0box 7"}
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    picture = PIL.Image.linear_gradient("L").resize((30, 20)).convert("RGB")
    picture.save(source, exif=exif.tobytes(), **({} if suffix == ".webp" else {"dpi": (300, 200)}))
    before = source.read_bytes()
    scan = read_raster(source)
    write_raster(scan, target)
    assert scan.levels.shape == (30, 20, 3)
    assert source.read_bytes() == before
    written = exif_of(target)
    assert (written[Base.Orientation], written[Base.Artist]) == (1, "somebody")
    details = written.get_ifd(IFD.Exif)
    assert (details[Base.ExifImageWidth], details[Base.ExifImageHeight]) == (20, 30)
    assert bytes(details[Base.UserComment]).endswith(b"box 7")
    if suffix != ".webp":
        assert read_raster(target).metadata.dpi == pytest.approx((200, 300), abs=0.01)
    assert np.array_equal(read_raster(target).levels, scan.levels) or suffix == ".jpg"


def test_tags_of_a_tiff_go_with_it_but_those_of_its_layout(tmp_path):
    tags = ImageFileDirectory_v2()
    tags[Base.ImageDescription], tags[Base.Software], tags[Base.Copyright] = "a tower", "a scanner", "nobody"
    tags[33723] = b"\x1c\x02\x05\x00\x05tower"
    tags.tagtype[33723] = 7
    PIL.Image.linear_gradient("L").save(
        tmp_path / "in.tif", tiffinfo=tags, compression="tiff_lzw", dpi=(600, 600), icc_profile=_srgb_grey_profile()
    )
    scan = read_raster(tmp_path / "in.tif")
    for name in ("out.tif", "out.jpg"):
        write_raster(scan, tmp_path / name)
        written = exif_of(tmp_path / name)
        told = (written[Base.ImageDescription], written[Base.Software], written[Base.Copyright])
        assert told == ("a tower", "a scanner", "nobody")
        assert Metadata.of(PIL.Image.open(tmp_path / name)).dpi == (600, 600)
    with PIL.Image.open(tmp_path / "out.tif") as image:
        assert image.tag_v2[259] == 1, "not compressed"
        assert bytes(image.tag_v2[33723]) == tags[33723]


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_iptc_is_carried_as_bytes_even_where_it_was_stored_as_numbers(tmp_path, byteorder):
    tifffile = pytest.importorskip("tifffile")
    block = b"\x1c\x02\x05\x00\x05tower\0\0"
    numbers = struct.unpack(f"{byteorder}3I", block)
    tifffile.imwrite(
        tmp_path / "in.tif", noise(4, 4), byteorder=byteorder, extratags=[(33723, "I", 3, numbers, True)], metadata=None
    )
    with pytest.warns(UserWarning, match="too many entries"):
        write_raster(read_raster(tmp_path / "in.tif"), tmp_path / "out.tif")
    with PIL.Image.open(tmp_path / "out.tif") as image:
        assert bytes(image.tag_v2[33723]) == block


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_beyond_ascii_stay_what_they_are(tmp_path, suffix, encoding):
    exif = PIL.Image.Exif()
    exif[Base.Artist] = "Jürgen".encode(encoding)
    exif[IFD.Exif] = {Base.LensModel: "Süd".encode(encoding)}
    source, target = tmp_path / "in.jpg", tmp_path / f"out{suffix}"
    PIL.Image.new("L", (8, 8), 77).save(source, exif=exif)
    write_raster(apply_to_gray(read_raster(source), lambda seen: seen.expand(-1, 3, -1, -1)), target)
    written = exif_of(target)
    assert written[Base.Artist].encode("latin-1") == "Jürgen".encode(encoding)
    lens = written.get_ifd(IFD.Exif)[Base.LensModel]
    assert (lens if isinstance(lens, bytes) else lens.encode("latin-1")).rstrip(b"\0") == "Süd".encode(encoding)


def test_denoising_keeps_profile_and_levels_colouring_makes_srgb(tmp_path):
    from test_icc import expected, grey_of_gamma

    grey = PIL.Image.linear_gradient("L")
    grey.save(tmp_path / "gamma.png", icc_profile=grey_of_gamma())
    scan = read_raster(tmp_path / "gamma.png")
    kept = apply_to_channels(scan, lambda noisy: noisy)
    assert kept.metadata.profile == grey_of_gamma()
    assert np.array_equal(kept.levels, np.asarray(grey))
    coloured = apply_to_gray(scan, lambda seen: seen.expand(-1, 3, -1, -1))
    assert coloured.metadata.profile == srgb_profile()
    assert np.abs(coloured.levels[..., 0] - 255 * expected(np.asarray(grey) / 255)).max() < 0.6


def test_cmyk_becomes_srgb_and_a_broken_profile_is_told_of(tmp_path):
    cmyk = PIL.Image.new("CMYK", (8, 8), (10, 20, 30, 40))
    cmyk.save(tmp_path / "cmyk.tif", icc_profile=b"broken")
    with pytest.warns(PictureWarning, match="ICC profile was ignored"):
        assert apply_to_channels(tmp_path / "cmyk.tif", lambda noisy: noisy).info["icc_profile"] == srgb_profile()
    grey = PIL.Image.new("L", (8, 8), 77)
    grey.info["icc_profile"] = b"broken" * 40
    with pytest.warns(PictureWarning, match="ICC profile was ignored"):
        assert apply_to_gray(grey, lambda seen: seen.expand(-1, 3, -1, -1)).getpixel((0, 0)) == (77, 77, 77)


def test_the_picture_that_was_given_stays_as_it_is():
    grey = PIL.Image.new("L", (8, 8), 77)
    grey.info.update(dpi=(300, 300), icc_profile=srgb_profile())
    before = dict(grey.info)
    out = apply_to_gray(grey, lambda seen: seen.expand(-1, 3, -1, -1))
    assert grey.info == before
    assert out.info["dpi"] == (300, 300)


def test_damaged_exif_is_left_out(tmp_path):
    PIL.Image.new("L", (8, 8)).save(tmp_path / "odd.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0\0")
    with pytest.warns(PictureWarning, match="its EXIF: it ends at byte 12"):
        write_raster(read_raster(tmp_path / "odd.jpg"), tmp_path / "out.jpg")
    assert read_raster(tmp_path / "out.jpg").levels.shape == (8, 8)


@pytest.fixture
def pages(tmp_path):
    path = tmp_path / "pages.tif"
    first, second = (PIL.Image.new("L", (8, 6), level) for level in (10, 20))
    first.save(path, save_all=True, append_images=[second, PIL.Image.fromarray(noise(5, 9))])
    return path


def test_of_several_pages_the_first_is_taken_and_the_others_are_told_of(pages):
    scan = read_raster(pages)
    assert (scan.levels == 10).all()
    assert "it has 3 pages, of which the first was taken (--all-pages" in scan.remarks[0]
    with pytest.warns(PictureWarning, match="3 pages"):
        apply_to_channels(pages, lambda noisy: noisy)


def test_all_pages_go_through_each_with_its_own_depth(pages, tmp_path):
    out = tmp_path / "out.tif"
    write_pages((apply_to_gray(scan, lambda seen: seen.expand(-1, 3, -1, -1)) for scan in read_pages(pages)), out)
    first, second, third = read_pages(out)
    assert (first.levels == 10).all()
    assert (second.levels == 20).all()
    assert np.array_equal(third.levels[..., 2], noise(5, 9))
    with PIL.Image.open(out) as image:
        assert image.n_frames == 3
    with pytest.raises(ValueError, match=r"cannot hold several images; end the name in \.tif"):
        write_pages([first], tmp_path / "out.png")


def test_previews_are_no_pages(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "with preview.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(6, 8))
        writer.write(noise(3, 4), subfiletype=1)
    assert not read_raster(path).remarks
    assert len(list(read_pages(path))) == 1


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    frames = [PIL.Image.new("L", (8, 6), level) for level in (10, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    scan = read_raster(tmp_path / "moving.gif")
    assert scan.levels.max() == 10
    assert "it has 2 frames" in scan.remarks[0]


def test_the_limit_holds_for_every_page_and_a_hundred_megapixels_are_within_it(pages, tmp_path):
    with pytest.raises(UnreadableImageError, match="is too large"):
        read_raster(pages, max_megapixels=47e-6)
    large, small = PIL.Image.new("1", (40, 40)), PIL.Image.new("1", (4, 4))
    small.save(tmp_path / "two.tif", save_all=True, append_images=[large])
    reading = read_pages(tmp_path / "two.tif", max_megapixels=17e-6)
    assert next(reading).levels.shape == (4, 4)
    with pytest.raises(UnreadableImageError, match="image 2 of"):
        next(reading)
    PIL.Image.new("1", (10_000, 10_000)).save(tmp_path / "scan.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_raster(tmp_path / "scan.png").levels.shape == (10_000, 10_000)


def test_a_wrong_suffix_does_not_matter_and_that_of_the_output_counts(tmp_path):
    PIL.Image.new("L", (8, 6), 10).save(tmp_path / "picture.png", "JPEG")
    write_raster(read_raster(tmp_path / "picture.png"), tmp_path / "out.png")
    with PIL.Image.open(tmp_path / "out.png") as image:
        assert image.format == "PNG"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    scan = RasterImage(np.zeros((2, 2), np.uint8))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file cannot be written to .*choose another folder"):
        write_raster(scan, tmp_path / "file" / "out.png")
    write_raster(scan, tmp_path / "there.tif")
    with pytest.raises(OutputExistsError, match="allow overwriting"):
        write_raster(scan, tmp_path / "there.tif")


def test_more_than_a_tiff_holds_is_refused(tmp_path):
    page = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (1 << 16, 1 << 16), (0, 0))
    with pytest.raises(ValueError, match="at most 4 GiB"):
        write_raster(RasterImage(page), tmp_path / "out.tif")
    assert list(tmp_path.iterdir()) == []
