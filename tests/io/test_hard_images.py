"""Images that were once read wrongly, refused though sound, or took all of the memory."""

import struct
import zlib

import numpy as np
import PIL.Image
import pytest
from PIL.ExifTags import Base

from colorzoo.cli import main
from colorzoo.errors import PictureWarning, UnreadableImageError
from colorzoo.io import image_header
from colorzoo.io.find import readable_names
from colorzoo.io.image_header import measure_path
from colorzoo.io.pil_file import read_image, write_image
from colorzoo.io.raster_file import open_raster, read_pages, read_raster, write_raster

tifffile = pytest.importorskip("tifffile")


def noise(*shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_white_is_zero_is_no_negative_for_training_either(tmp_path):
    grey = noise(9, 7)
    tifffile.imwrite(tmp_path / "a.tif", 65535 - grey, photometric="miniswhite", metadata=None)
    assert np.array_equal(read_raster(tmp_path / "a.tif").levels, grey)
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.tif")), grey)


def test_rgb_of_other_depths_reaches_training_in_eight_bits(tmp_path):
    rgb = noise(9, 7, 3)
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(rgb, 2, 0), planarconfig="separate", photometric="rgb")
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.tif")), np.rint(rgb / 257))


@pytest.mark.parametrize("extra", [[], ["unassalpha"]])
def test_cmyk_of_other_layouts_is_no_rgb_with_alpha_for_training(tmp_path, extra):
    ink = noise(4 + len(extra), 9, 7, dtype=np.uint8)
    layout = {"planarconfig": "separate", "photometric": "separated", "extrasamples": extra}
    tifffile.imwrite(tmp_path / "a.tif", ink, metadata=None, **layout)
    seen = PIL.Image.merge("CMYK", [PIL.Image.fromarray(plane) for plane in ink[:4]]).convert("RGB")
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.tif").convert("RGB")), np.asarray(seen))


@pytest.mark.parametrize("flag", [1, 0])
def test_of_a_preview_with_the_image_in_a_sub_directory_the_image_is_taken(tmp_path, flag):
    path, grey = tmp_path / "scan.dng", noise(30, 40)
    tags = [(Base.Artist, "s", 0, "somebody", True)]
    with tifffile.TiffWriter(path) as writer:
        writer.write(
            (grey[::5, ::5] >> 8).astype(np.uint8), subfiletype=flag, subifds=2, extratags=tags, resolution=(300, 300)
        )
        writer.write(grey, subfiletype=0)
        writer.write(grey[::2, ::2], subfiletype=1)
    scan = read_raster(path)
    assert np.array_equal(scan.levels, grey)
    assert not scan.remarks
    assert scan.metadata.dpi == (300, 300)
    write_raster(scan, tmp_path / "out.jpg")
    assert PIL.Image.open(tmp_path / "out.jpg").getexif()[Base.Artist] == "somebody"


def test_a_preview_before_the_image_is_not_the_image(tmp_path):
    path, grey = tmp_path / "scan.tif", noise(30, 40)
    with tifffile.TiffWriter(path) as writer:
        writer.write(grey[::5, ::5], subfiletype=1)
        writer.write(grey, subfiletype=0)
        writer.write(grey > 0, subfiletype=4)
    assert [page.levels.shape for page in read_pages(path)] == [(30, 40)]


@pytest.mark.parametrize(("photometric", "shape"), [("cfa", (8, 8)), ("linear_raw", (8, 8, 3))])
def test_raw_sensor_data_are_refused_by_name(tmp_path, photometric, shape):
    tifffile.imwrite(tmp_path / "raw.dng", noise(*shape), photometric=photometric)
    with pytest.raises(UnreadableImageError, match=rf"raw\.dng is not read: it has {photometric} pixels"):
        read_raster(tmp_path / "raw.dng")


def retag(path, old, new):
    """Rename tags of the first directory of a TIFF."""
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    for place in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        tag = struct.unpack_from("<H", data, place)[0]
        struct.pack_into("<H", data, place, dict(zip(old, new, strict=True)).get(tag, tag))
    path.write_bytes(data)


def test_tiles_that_are_listed_as_strips_are_read(tmp_path):
    grey = noise(40, 40, dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", grey, tile=(16, 16), metadata=None, extratags=[(273, "H", 1, 0, True)])
    retag(tmp_path / "a.tif", (273, 324, 325), (65000, 273, 279))
    assert np.array_equal(read_raster(tmp_path / "a.tif").levels, grey)


def test_a_tiff_that_does_not_say_what_its_pixels_mean_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(4, 4, 3), photometric="rgb", metadata=None)
    retag(tmp_path / "a.tif", (262,), (65000,))
    with pytest.raises(
        UnreadableImageError, match=r"a\.tif is not read: it does not say what its pixels mean .*; save"
    ):
        read_raster(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_that_tifffile_decodes_are_turned_as_others_are(tmp_path, orientation):
    grey = noise(4, 6)
    tag = [(Base.Orientation, "H", 1, orientation, True)]
    for name, photometric, stored in (("by Pillow", "minisblack", grey), ("by tifffile", "miniswhite", 65535 - grey)):
        tifffile.imwrite(tmp_path / f"{name}.tif", stored, photometric=photometric, extratags=tag, metadata=None)
    read = [read_raster(tmp_path / f"{name}.tif") for name in ("by Pillow", "by tifffile")]
    assert np.array_equal(read[0].levels, read[1].levels)
    assert read[0].metadata == read[1].metadata


def test_hundreds_of_pages_are_read_in_time_proportional_to_their_number(tmp_path, monkeypatch):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for level in range(200):
            writer.write(np.full((2, 2), level, np.uint8), metadata=None, contiguous=False)
    opened = []
    setup = image_header.open_page
    monkeypatch.setattr(image_header, "open_page", lambda *args: opened.append(1) or setup(*args))
    assert [int(page.levels[0, 0]) for page in read_pages(path)] == list(range(200))
    assert len(opened) == 201


def test_pages_that_point_at_one_another_end(tmp_path):
    path = tmp_path / "ring.tif"
    tifffile.imwrite(path, noise(2, 2, dtype=np.uint8), metadata=None)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    path.write_bytes(data)
    assert len(list(read_pages(path))) == 1


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*chunks):
    header = struct.pack(">2I5B", 2, 2, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\x10\x20\0\x30\x40")
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (b"\xff\xd8\xff\xee\0\0", "begins as a JPEG, and is damaged or of a kind"),
        (b"II*\0\xff\xff\xff\xff", "begins as a TIFF, and is damaged or of a kind"),
        (b"\0\0\0\x18ftypheic", "is not an image, or of a format"),
    ],
)
def test_a_refusal_names_the_format_and_says_what_to_do(tmp_path, start, named):
    (tmp_path / "a.jpg").write_bytes(start + bytes(40))
    with pytest.raises(UnreadableImageError, match=rf"a\.jpg {named} that is not read; copy it again, or save it as"):
        read_raster(tmp_path / "a.jpg")


LARGE = zlib.compress(bytes(3 << 20))


@pytest.mark.parametrize(
    "bad",
    [
        (b"zTXt", b"key\0\0" + LARGE),
        (b"iTXt", b"key\0\1\0\0\0" + LARGE),
        (b"iCCP", b"name\0\0" + LARGE),
        (b"iCCP", b"name\0\0broken"),
        (b"cHRM", b""),
        (b"pHYs", bytes(8)),
    ],
)
def test_sound_pixels_beside_a_chunk_that_is_too_large_or_damaged_are_read(tmp_path, bad, capsys):
    path = tmp_path / "a.png"
    path.write_bytes(png((b"tEXt", b"Title\0kept"), bad))
    with pytest.warns(PictureWarning, match=f"its chunks {bad[0].decode()} .* were left out"):
        scan = read_raster(path)
    assert scan.levels.tolist() == [[16, 32], [48, 64]]
    assert scan.metadata.text == (("Title", "kept"),)
    assert main(["denoise", str(path), "--strength", "0", "-o", str(tmp_path / "b.png"), "-m", "linear_denoiser"]) == 0
    assert "were left out" in capsys.readouterr().err


def test_damaged_pixels_of_a_png_are_not_taken_for_damaged_metadata(tmp_path):
    stream = zlib.compress(b"\0\x10\x20\0\x30\x40")
    data = png().replace(chunk(b"IDAT", stream), chunk(b"IDAT", stream[:3] + b"\xff\xff" + stream[5:]))
    (tmp_path / "a.png").write_bytes(data)
    for read in (read_raster, read_image):
        with pytest.raises(UnreadableImageError, match="cannot be decoded"):
            read(tmp_path / "a.png")


def test_a_chunk_with_a_wrong_checksum_is_left_out_and_one_after_the_pixels_too(tmp_path):
    late = chunk(b"zTXt", b"late\0\0" + LARGE)
    data = png((b"tEXt", b"early\0word")).replace(b"word", b"w0rd")
    (tmp_path / "a.png").write_bytes(data[:-12] + late + data[-12:])
    with pytest.warns(PictureWarning, match="its chunks tEXt, zTXt"):
        assert read_raster(tmp_path / "a.png").levels.tolist() == [[16, 32], [48, 64]]


def test_frames_that_a_header_claims_take_no_memory(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(
        png((b"acTL", struct.pack(">2I", 0x7FFFFFFF, 0)), (b"fcTL", struct.pack(">5I2H2B", 0, 2, 2, 0, 0, 1, 1, 0, 0)))
    )
    with open_raster(path) as file:
        assert len(file._pages) == 0x7FFFFFFF
        assert file.read().levels.shape == (2, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(x) print\n",
        b"Image type: L\r\nImage size (x*y): 4*4\r\nFile size (no of images): 2000000000\r\n".ljust(512, b"\0")
        + b"\x1a",
        b"\xd7\xcd\xc6\x9a" + bytes(100),
        b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(80),
        b"BUFR" + bytes(60),
    ],
)
def test_formats_that_call_programs_or_claim_too_much_are_no_images(tmp_path, data, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *args, **kwargs: pytest.fail("a program was started"))
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(UnreadableImageError, match="not an image, or of a format that is not read"):
        read_raster(tmp_path / "x.png")
    told = []
    assert list(readable_names(tmp_path, lambda path, error: told.append(path))) == []
    assert told


def test_large_images_are_counted_read_and_not_called_bombs(tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    for name, options in (("a.webp", {"lossless": True}), ("a.png", {}), ("a.tif", {"compression": "tiff_lzw"})):
        PIL.Image.new("RGB", (80, 60), (9, 8, 7)).save(tmp_path / name, **options)
        assert (read_raster(tmp_path / name).levels == (9, 8, 7)).all()
        with measure_path(tmp_path / name) as (_, size):
            assert size > 80 * 60
    assert sorted(readable_names(tmp_path, pytest.fail)) == ["a.png", "a.tif", "a.webp"]
    assert not [warning for warning in recwarn if "bomb" in str(warning.message)]


def test_a_flat_psd_is_its_one_image(tmp_path):
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 2, 2, 8, 3)
    pixels = bytes(range(12))
    (tmp_path / "flat.psd").write_bytes(header + struct.pack(">IIIH", 0, 0, 0, 0) + pixels)
    scan = read_raster(tmp_path / "flat.psd")
    assert scan.levels[0, 0].tolist() == [0, 4, 8]
    assert not scan.remarks


def test_premultiplied_grey_is_divided_by_its_alpha(tmp_path):
    stored = np.array([[[50, 100], [0, 0], [255, 255]]], np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", extrasamples=["assocalpha"], metadata=None)
    scan = read_raster(tmp_path / "a.tif")
    assert scan.levels[0, 0] in (127, 128)
    assert scan.levels[0, 2] == 255
    assert scan.alpha.tolist() == [[100, 0, 255]]


@pytest.mark.parametrize(("suffix", "most"), [(".jpg", "65,500"), (".webp", "16,383"), (".gif", "65,535")])
def test_what_a_format_holds_at_most_is_said(tmp_path, suffix, most):
    with pytest.raises(ValueError, match=f"holds at most {most} pixels a side, and the image has 70,000; write a PNG"):
        write_image(PIL.Image.new("L", (70_000, 1)), tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_of_a_bmp_goes_through(tmp_path, mode):
    pixels = noise(5, 7, len(mode), dtype=np.uint8)
    PIL.Image.fromarray(pixels, mode).save(tmp_path / "a.png")
    write_raster(read_raster(tmp_path / "a.png"), tmp_path / "a.bmp")
    write_raster(read_raster(tmp_path / "a.bmp"), tmp_path / "b.bmp")
    scan = read_raster(tmp_path / "b.bmp")
    assert np.array_equal(scan.alpha, pixels[..., -1])
    assert np.array_equal(scan.levels, np.broadcast_to(pixels[..., :-1], (5, 7, 3)))


def test_truncation_is_only_told_of_where_it_is_known(tmp_path):
    (tmp_path / "a.png").write_bytes(png()[:-30])
    with pytest.raises(UnreadableImageError, match="it is truncated: copy it again"):
        read_raster(tmp_path / "a.png")
    (tmp_path / "b.bmp").write_bytes(b"BM" + struct.pack("<IIIIII", 99, 0, 54, 66, 1, 1) + bytes(80))
    with pytest.raises(UnreadableImageError, match=r"cannot be decoded .*header type") as caught:
        read_raster(tmp_path / "b.bmp")
    assert "truncated" not in str(caught.value)


def test_an_image_that_does_not_fit_into_memory_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    PIL.Image.new("L", (4000, 3000)).save(path)
    monkeypatch.setattr(image_header, "available_memory", lambda: 100_000_000)
    with pytest.raises(
        UnreadableImageError, match=r"needs about 1\.\d GB of memory \(4000 x 3000 pixels\), and 0\.1 GB are free"
    ):
        read_raster(path)
    with pytest.raises(UnreadableImageError, match="end other programs"):
        read_image(path)
    monkeypatch.setattr(image_header, "available_memory", lambda: None)
    assert read_image(path).size == (4000, 3000)


def test_images_in_colour_are_taken_to_need_more(tmp_path):
    sizes = []
    for name, mode in (("a", "1"), ("b", "L"), ("c", "RGB")):
        PIL.Image.new(mode, (9, 7)).save(tmp_path / f"{name}.png")
        with open_raster(tmp_path / f"{name}.png") as file:
            sizes.append(file.needed_bytes)
    assert sizes[0] == sizes[1] < sizes[2]


def test_no_tiff_is_parsed_by_tifffile_where_pillow_does(tmp_path, monkeypatch):
    monkeypatch.setattr(tifffile, "TiffFile", lambda *args: pytest.fail("not needed"))
    for name in ("a.jpg", "a.tif"):
        PIL.Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / name)
        assert (read_raster(tmp_path / name).levels == 9).all()


def test_a_strip_that_claims_to_be_longer_than_the_file_takes_no_memory(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(8, 8), photometric="miniswhite", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["StripByteCounts"].overwrite(2**31)
    with pytest.raises(UnreadableImageError, match="longer than the file"):
        read_raster(path)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_tiles_that_claim_to_be_far_larger_than_the_image_take_no_memory(photometric, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(8, 8), photometric=photometric, tile=(16, 16), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["TileLength"].overwrite(2**24)
    with pytest.raises(UnreadableImageError, match=f"{path} .*tiles of 268 megapixels"):
        read_raster(path)


@pytest.mark.parametrize("suffix", [".bmp", ".dib"])
def test_a_bmp_of_runs_of_4_bits_is_refused_for_pillow_loses_a_pixel_of_odd_ones(tmp_path, suffix):
    runs = bytes([0, 3, 0x12, 0x30, 1, 0x40, 0, 1])  # three pixels as they are, and a fourth
    header = struct.pack("<IiiHHIIiiII", 40, 4, 1, 1, 4, 2, len(runs), 0, 0, 16, 0) + bytes(range(64))
    start = struct.pack("<2sI4xI", b"BM", 14 + len(header) + len(runs), 14 + len(header)) if suffix == ".bmp" else b""
    (tmp_path / f"a{suffix}").write_bytes(start + header + runs)
    with pytest.raises(UnreadableImageError, match=rf"a\{suffix} is not read: it is a BMP of runs of 4 bits"):
        read_raster(tmp_path / f"a{suffix}")


def bmp_of_runs(path, runs):
    """A BMP of 4 by 2 pixels, in the grey levels that its runs of 8 bits name."""
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    header = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 1, len(runs), 0, 0, 256, 0) + palette
    path.write_bytes(
        struct.pack("<2sI4xI", b"BM", 14 + len(header) + len(runs), 14 + len(header)) + header + bytes(runs)
    )
    return path


@pytest.mark.parametrize("ending", [[0, 1], [0, 0], []])
def test_a_bmp_of_runs_of_8_bits_is_read(tmp_path, ending):
    path = bmp_of_runs(tmp_path / "a.bmp", [4, 7, 0, 0, 0, 3, 1, 2, 3, 0, 1, 9, *ending])
    assert read_raster(path).levels.tolist() == [[1, 2, 3, 9], [7, 7, 7, 7]]


@pytest.mark.parametrize(
    "runs", [[5, 7, 0, 0, 4, 1, 0, 1], [4, 7, 0, 0, 3, 1], [4, 7], [4, 7, 0, 0, 0, 9, 1, 2], [0, 2, 9, 0, 4, 1, 0, 1]]
)
def test_a_bmp_whose_runs_do_not_fill_its_rows_is_refused(tmp_path, runs):
    with pytest.raises(UnreadableImageError, match=r"a\.bmp is not read: its runs of pixels are damaged"):
        read_raster(bmp_of_runs(tmp_path / "a.bmp", runs))


def test_what_the_first_frame_of_a_gif_leaves_undrawn_is_transparent(tmp_path):
    frames = [PIL.Image.fromarray(noise(6, 8, dtype=np.uint8) // 2 + 9), PIL.Image.new("L", (8, 6), 7)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    whole = read_raster(tmp_path / "a.gif")
    data = bytearray((tmp_path / "a.gif").read_bytes())
    data[6:10] = struct.pack("<HH", 11, 13)  # the canvas
    place = data.index(b"\x2c" + struct.pack("<4H", 0, 0, 8, 6))
    data[place + 1 : place + 5] = struct.pack("<HH", 2, 3)
    (tmp_path / "a.gif").write_bytes(data)
    scan = read_raster(tmp_path / "a.gif")
    assert np.array_equal(scan.levels[3:9, 2:10], whole.levels)
    assert np.array_equal(scan.alpha, 255 * np.pad(np.ones((6, 8), np.uint8), ((3, 4), (2, 1))))
    assert any("undrawn" in remark for remark in list(read_pages(tmp_path / "a.gif"))[1].remarks)
    assert whole.alpha is None


@pytest.mark.parametrize(
    ("zero", "one"),
    [
        ((0, 0, 0), (255, 255, 255)),
        ((255, 255, 255), (0, 0, 0)),
        ((191, 172, 116), (145, 50, 90)),
        ((0,) * 3, (0,) * 3),
    ],
)
def test_a_pcx_of_one_bit_has_the_colours_that_it_names_and_is_no_negative(tmp_path, zero, one):
    path, bits = tmp_path / "a.pcx", noise(9, 16) > 30_000
    PIL.Image.fromarray(bits).save(path)
    data = bytearray(path.read_bytes())
    data[16:22] = *zero, *one
    path.write_bytes(data)
    seen = np.asarray([zero, one if zero != one else (255,) * 3], np.uint8)[bits.astype(int)]
    assert np.array_equal(np.asarray(read_image(path).convert("RGB")), seen)
    assert np.array_equal(np.broadcast_to(read_raster(path).levels.reshape(9, 16, -1), seen.shape), seen)
