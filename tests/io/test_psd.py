"""Photoshop files: the merged image as it is, at its depth, with its transparency and what it says; or a refusal."""

import struct

import numpy as np
import PIL.Image
import pytest

from colorzoo.errors import UnreadableImageError
from colorzoo.io.photoshop import IPTC
from colorzoo.io.pil_file import read_image
from colorzoo.io.raster_file import read_raster, write_raster

BITMAP, GREY, INDEXED, RGB, CMYK, DUOTONE, LAB = 0, 1, 2, 3, 4, 8, 9
LAYERS = struct.pack(">h", 1) + bytes(2)
TRANSPARENT_LAYERS = struct.pack(">h", -1) + bytes(2)


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def pack(row):
    """Return a row in PackBits; one of a single level as a run of twice its length, as GIMP writes them."""
    data = row.tobytes()
    if len(data) > 1 and len(set(data)) == 1:
        return bytes([257 - 2 * len(data), data[0]])
    return b"".join(bytes([0, value]) for value in data)


def resource(number, content):
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)


def psd(path, planes, kind, *, bits=8, width=None, resources=b"", layers=b"", palette=b"", packed=False, block=b""):
    """Write planes ``(channels, H, W)``, of a bitmap in bytes; to .psb as a large document."""
    big = path.suffix == ".psb"
    length = ">Q" if big else ">I"
    count, height, columns = planes.shape
    stored = planes.astype(">u2") if bits == 16 else planes
    rows = [row for plane in stored for row in plane]
    data = struct.pack(">H", packed)
    if packed:
        data += b"".join(struct.pack(">I" if big else ">H", len(pack(row))) for row in rows)
    data += b"".join(pack(row) if packed else row.tobytes() for row in rows)
    section = struct.pack(length, len(layers)) + layers + bytes(4) + block if layers or block else b""
    path.write_bytes(
        struct.pack(">4sH6xHIIHH", b"8BPS", 1 + big, count, height, width or columns, bits, kind)
        + (struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resources)) + resources)
        + (struct.pack(length, len(section)) + section + data)
    )
    return path


def test_a_bitmap_is_no_negative(tmp_path):
    bits = noise(1, 5, 2)
    black = np.unpackbits(bits[0], axis=1)[:, :11]
    path = psd(tmp_path / "a.psd", bits, BITMAP, bits=1, width=11)
    assert np.array_equal(read_raster(path).levels, 255 * (1 - black))
    assert np.array_equal(np.asarray(read_image(path)), 255 * (1 - black))


@pytest.mark.parametrize("suffix", [".psd", ".psb"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("kind", "channels"), [(GREY, 1), (RGB, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_depth_and_packing_is_read_bit_for_bit(tmp_path, suffix, packed, kind, channels, dtype):
    planes = noise(channels, 5, 7, dtype=dtype)
    path = psd(tmp_path / f"a{suffix}", planes, kind, bits=8 * planes.itemsize, packed=packed)
    scan = read_raster(path)
    assert scan.levels.dtype == dtype
    assert np.array_equal(scan.levels.reshape(5, 7, -1), np.moveaxis(planes, 0, 2))
    assert scan.alpha is None
    assert not scan.remarks


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("kind", "channels"), [(GREY, 1), (RGB, 3)])
@pytest.mark.parametrize("where", ["layers", "block", "flat"])
def test_transparency_is_kept_and_the_white_beneath_taken_out(tmp_path, dtype, kind, channels, where):
    top = np.iinfo(dtype).max
    color, alpha = noise(channels, 5, 7, dtype=dtype), noise(1, 5, 7, dtype=dtype) // 2 + top // 2
    share = alpha / top
    merged = np.rint(color * share + top * (1 - share)).astype(dtype)
    block = b"8BIMMtrn" + bytes(4) if where == "block" else b""
    layers = TRANSPARENT_LAYERS if where == "layers" else b""
    planes = np.concatenate([merged, alpha])
    scan = read_raster(psd(tmp_path / "a.psd", planes, kind, bits=8 * planes.itemsize, layers=layers, block=block))
    assert np.abs(scan.levels.reshape(5, 7, -1).astype(int) - np.moveaxis(color, 0, 2)).max() <= 1
    assert np.array_equal(scan.alpha, alpha[0])


def test_a_saved_selection_is_no_transparency_and_is_named(tmp_path):
    planes, name = noise(5, 5, 7), resource(1006, b"\7Alpha 1")
    for said in ({"layers": LAYERS}, {"resources": name}):
        scan = read_raster(psd(tmp_path / "a.psd", planes, RGB, **said))
        assert scan.alpha is None
        assert np.array_equal(scan.levels, np.moveaxis(planes[:3], 0, 2))
        assert scan.remarks == ("without 2 further planes of no stated meaning, such as infrared",)


@pytest.mark.parametrize("version", [b"\0\0\0\1\0", b"\0\0\0\1\1"])
def test_layers_without_the_image_that_they_make_are_refused(tmp_path, version):
    path = psd(tmp_path / "a.psd", noise(3, 5, 7), RGB, resources=resource(1057, version), layers=LAYERS)
    if version[-1]:
        assert read_raster(path).levels.shape == (5, 7, 3)
    else:
        with pytest.raises(UnreadableImageError, match=r"a\.psd is not read: it holds layers without .*Maximize"):
            read_raster(path)


def test_other_colours_are_understood_told_or_refused(tmp_path):
    ink = noise(4, 5, 7)
    light = PIL.Image.merge("CMYK", [PIL.Image.fromarray(255 - plane) for plane in ink])
    assert np.array_equal(read_raster(psd(tmp_path / "a.psd", ink, CMYK)).levels, np.asarray(light.convert("RGB")))
    assert np.array_equal(read_image(tmp_path / "a.psd").convert("RGB"), light.convert("RGB"))
    deep = read_raster(psd(tmp_path / "b.psd", ink.astype(np.uint16) * 257, CMYK, bits=16))
    assert np.array_equal(deep.levels, np.asarray(light.convert("RGB")))
    assert deep.remarks == ("its 16 bits were read as 8",)
    palette = noise(3, 256)
    indexed = psd(tmp_path / "c.psd", ink[:1], INDEXED, palette=palette.tobytes(), resources=resource(1047, b"\0\7"))
    assert np.array_equal(read_raster(indexed).levels, palette.T[ink[0]])
    assert np.array_equal(read_raster(indexed).alpha, 255 * (ink[0] != 7))
    assert "inks" in read_raster(psd(tmp_path / "d.psd", ink[:1], DUOTONE)).remarks[0]
    for kind, bits, named in ((LAB, 8, r"L\*a\*b\* pixels of 8 bits"), (RGB, 32, "pixels of 32 bits")):
        with pytest.raises(
            UnreadableImageError, match=rf"e\.psd is not read: it has {named}, which are not read; save"
        ):
            read_raster(psd(tmp_path / "e.psd", noise(3, 5, 7), kind, bits=bits))


def test_what_it_says_is_carried(tmp_path):
    exif = PIL.Image.Exif()
    exif[315] = "somebody"
    xmp = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description/></rdf:RDF>'
    resolution = struct.pack(">IHHIHH", 300 << 16, 1, 1, 200 << 16, 1, 1)
    blocks = {IPTC: b"\x1c\x02\x78\0\3Sea", 1005: resolution, 1058: exif.tobytes()[6:], 1060: xmp}
    said = b"MeSa" + resource(7000, b"Photoshop's own")[4:] + b"".join(resource(*block) for block in blocks.items())
    scan = read_raster(psd(tmp_path / "a.psd", noise(3, 5, 7), RGB, resources=said))
    write_raster(scan, tmp_path / "a.jpg")
    written = PIL.Image.open(tmp_path / "a.jpg")
    assert written.getexif()[315] == "somebody"
    assert written.info["dpi"] == (300, 200)
    assert b"rdf:Description" in written.info["xmp"]
    assert b"Sea" in written.info["photoshop"][IPTC]


@pytest.mark.parametrize("cut", [20, 30, 60])
def test_a_truncated_file_is_called_so(tmp_path, cut):
    path = psd(tmp_path / "a.psd", noise(3, 5, 7), RGB, packed=True)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnreadableImageError, match=r"a\.psd .*(truncated|not an image)"):
        read_raster(path)


def test_a_run_may_be_longer_than_its_row(tmp_path):
    planes = np.arange(6, dtype=np.uint8).reshape(1, 6, 1).repeat(5, axis=2)
    assert np.array_equal(read_raster(psd(tmp_path / "a.psd", planes, GREY, packed=True)).levels, planes[0])
