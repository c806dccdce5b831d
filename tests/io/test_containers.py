"""What Pillow does not look for in a file is carried, or named."""

import io
import struct

import numpy as np
import PIL.Image
import pytest
from PIL.PngImagePlugin import PngInfo

from colorzoo.errors import PictureWarning, UnreadableImageError
from colorzoo.io.icc import srgb_profile
from colorzoo.io.photoshop import IPTC, pack_resources
from colorzoo.io.raster_file import read_raster, write_raster

XMP = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description/></rdf:RDF>'
IMAGE = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))


def save(path, image=IMAGE, **options):
    image.save(path, **options)
    return path


def written(source, target):
    """Return what stands in a file that was written from another one."""
    write_raster(read_raster(source), target)
    with PIL.Image.open(target) as image:
        image.load()
        return image


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}, {"comment": b"\xff\xd9"}])
@pytest.mark.parametrize(("trailer", "count"), [(b"a film", 6), (b"\xd8\xff\xd9 and notes", 13)])
def test_what_follows_a_jpeg_is_named_but_padding_is_not(tmp_path, options, trailer, count, recwarn):
    path = save(tmp_path / "a.jpg", **options)
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(64))
    written(path, tmp_path / "b.jpg")
    assert not recwarn.list
    path.write_bytes(whole + trailer)
    with pytest.warns(PictureWarning, match=f"not carried into the JPEG: {count} bytes that follow the image"):
        written(path, tmp_path / "c.jpg")


def test_flashpix_of_a_camera_is_named(tmp_path):
    path = save(tmp_path / "a.jpg")
    data = path.read_bytes()
    path.write_bytes(data[:2] + struct.pack(">2sH", b"\xff\xe2", 11) + b"FPXR\0 sound"[:9] + data[2:])
    with pytest.warns(PictureWarning, match="its segment APP2"):
        written(path, tmp_path / "b.jpg")


def test_the_xmp_of_a_gif_is_carried(tmp_path):
    path = save(tmp_path / "a.gif", IMAGE.convert("L"))
    end = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    path.write_bytes(path.read_bytes()[:-1] + b"\x21\xff\x0bXMP DataXMP" + XMP + end + b";")
    assert written(path, tmp_path / "a.png").info["xmp"] == XMP


def box(kind, content, large=False):
    size = struct.pack(">I4sQ", 1, kind, 16 + len(content)) if large else struct.pack(">I4s", 8 + len(content), kind)
    return size + content


@pytest.mark.parametrize("large", [False, True])
def test_boxes_of_jpeg_2000_are_carried_or_named(tmp_path, large):
    exif = PIL.Image.Exif()
    exif[315] = "somebody"
    known = {
        "be7acfcb97a942e89c71999491e3afac": XMP,
        "33c7a4d2b81d4723a0baf1a3e097ad38": b"\x1c\x02\x78\0\3Sea",
        b"JpgTiffExif->JP2".hex(): exif.tobytes()[6:],
    }
    boxes = b"".join(box(b"uuid", bytes.fromhex(name) + content, large) for name, content in known.items())
    path = save(tmp_path / "a.jp2")
    path.write_bytes(path.read_bytes() + boxes)
    copy = written(path, tmp_path / "a.jpg")
    assert copy.info["xmp"] == XMP
    assert copy.info["photoshop"][IPTC].endswith(b"Sea")
    assert copy.getexif()[315] == "somebody"
    path.write_bytes(path.read_bytes() + box(b"xml ", b"<map/>", large) + box(b"uuid", bytes(16), large))
    with pytest.warns(PictureWarning, match=f"its box xml; its box uuid {'00' * 16}"):
        written(path, tmp_path / "b.jpg")


@pytest.mark.parametrize("size", [1, 1 << 31])
def test_damaged_boxes_do_no_harm(tmp_path, size):
    path = save(tmp_path / "a.jp2")
    path.write_bytes(path.read_bytes() + struct.pack(">I4s", size, b"uuid"))
    assert read_raster(path).levels.shape == (24, 32, 3)


def test_jpeg_2000_whose_planes_pillow_would_mistake_is_refused_by_name(tmp_path):
    data = save(tmp_path / "a.jp2").read_bytes()
    place = data.index(b"\xff\x4f\xff\x51") + 45
    (tmp_path / "b.jp2").write_bytes(data[: place + 1] + b"\2\2" + data[place + 3 :])
    with pytest.raises(UnreadableImageError, match=r"b\.jp2 is not read: its planes have other sizes than the image"):
        read_raster(tmp_path / "b.jp2")
    order = box(b"cdef", struct.pack(">10H", 3, 0, 0, 3, 1, 0, 2, 2, 0, 1))
    start = data.index(b"jp2c") - 4
    (tmp_path / "c.jp2").write_bytes(data[:start] + order + data[start:])
    with pytest.raises(UnreadableImageError, match=r"c\.jp2 is not read: its colours are stored in an unusual order"):
        read_raster(tmp_path / "c.jp2")


def test_the_profile_of_a_bmp_is_carried(tmp_path):
    profile, pixels = srgb_profile(), IMAGE.transpose(PIL.Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")
    header = struct.pack("<IiiHHIIiiII", 124, *IMAGE.size, 1, 24, 0, len(pixels), 0, 0, 0, 0).ljust(56, b"\0") + b"DEBM"
    header = header.ljust(112, b"\0") + struct.pack("<III", 124 + len(pixels), len(profile), 0)
    start = struct.pack("<2sIII", b"BM", 138 + len(pixels) + len(profile), 0, 138)
    (tmp_path / "a.bmp").write_bytes(start + header + pixels + profile)
    assert read_raster(tmp_path / "a.bmp").metadata.profile == profile
    assert np.array_equal(read_raster(tmp_path / "a.bmp").levels, np.asarray(IMAGE))


SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


@pytest.mark.parametrize(
    ("gamma", "primaries", "sure", "named"),
    [
        (0.45455, SRGB, False, ""),
        (1.0, SRGB, True, ""),
        (1.0, SRGB, False, "its gamma of 1"),
        (0.45455, ADOBE, False, "its primaries"),
    ],
)
def test_the_colours_of_a_png_without_profile_are_named_unless_usual(tmp_path, gamma, primaries, sure, named, recwarn):
    said = PngInfo()
    said.add(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
    said.add(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in primaries)))
    if sure:
        said.add(b"sRGB", b"\0")
    written(save(tmp_path / "a.png", pnginfo=said), tmp_path / "b.png")
    messages = [str(warning.message) for warning in recwarn]
    assert messages == ([f"not carried into the PNG: {named}"] if named else [])


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_the_outline_for_cutting_an_image_out_is_named(tmp_path, suffix):
    block = pack_resources({IPTC: b"\x1c\x02\x78\0\3Sea"}) + b"8BIM" + struct.pack(">HHI", 2000, 0, 26) + bytes(26)
    stream = io.BytesIO()
    IMAGE.save(stream, "JPEG")
    data = stream.getvalue()
    if suffix == ".jpg":
        segment = b"Photoshop 3.0\0" + block
        (tmp_path / "a.jpg").write_bytes(
            data[:2] + struct.pack(">2sH", b"\xff\xed", 2 + len(segment)) + segment + data[2:]
        )
    else:
        save(tmp_path / "a.tif", tiffinfo={34377: block})
    with pytest.warns(PictureWarning, match="its paths"):
        written(tmp_path / f"a{suffix}", tmp_path / "b.png")
