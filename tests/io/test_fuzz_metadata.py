"""Damaged metadata never cost the pixels; damaged profiles end in the errors meant for them; see fuzzing.py."""

import io
import warnings
from xml.parsers import expat

import numpy as np
import PIL.Image
import pytest
from fuzzing import fuzz
from PIL.ExifTags import Base

from colorzoo.errors import UnreadableImageError
from colorzoo.io.exif import ExifError, edit_exif
from colorzoo.io.icc import ProfileError, levels_to_srgb, srgb_profile
from colorzoo.io.photoshop import pack_resources
from colorzoo.io.pil_file import encode_image
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp import XmpError, add_event, edit_xmp
from colorzoo.io.xmp_corrections import srgb_changes, upright_changes


@pytest.fixture(scope="module")
def blocks(script, tmp_path_factory):
    """EXIF, XMP, profiles and resources as files have them."""
    table = script("benchmarks/metadata.py")
    sources = table.write_sources(tmp_path_factory.mktemp("sources"))
    with PIL.Image.open(sources["JPEG"]) as image:
        exif, profile = image.info["exif"], image.info["icc_profile"]
    thumbnail = exif[:6] + bytes(exif[6:]) + b"\0" * 40
    history = add_event(table.XMP, {"action": "edited", "parameters": "x"})
    return {
        "exif": [exif, thumbnail],
        "xmp": [table.XMP, history, history.decode().encode("utf-16")],
        "icc_profile": [profile, srgb_profile()],
        "resources": [pack_resources({0x0404: table.IPTC, 0x040A: b"\1"})],
        "files": [path.read_bytes() for path in sources.values()],
    }


def test_damaged_xmp_is_refused_or_stays_xml(blocks):
    def edit(packet):
        edited = add_event(edit_xmp(packet, upright_changes(8, 6) | srgb_changes()), {"action": "x"})
        expat.ParserCreate("utf-8").Parse(edited, True)

    fuzz(blocks["xmp"], edit, XmpError)


def test_damaged_exif_is_refused_or_can_be_edited_again(blocks):
    def edit(block):
        changes = {Base.Orientation: 1, Base.Artist: None}
        once = edit_exif(block, changes, {Base.ColorSpace: 1}, {Base.ImageDescription: "a long description"})
        edit_exif(once, changes)

    fuzz(blocks["exif"], edit, ExifError)


def test_damaged_profiles_are_refused_or_used(blocks):
    levels = np.arange(48, dtype=np.uint16).reshape(4, 4, 3) * 1365

    def convert(profile):
        for given in (levels, (levels >> 8).astype(np.uint8), levels[..., 0]):
            levels_to_srgb(given, profile)

    fuzz(blocks["icc_profile"], convert, ProfileError)


@pytest.mark.parametrize("kind", ["exif", "xmp", "icc_profile"])
def test_an_image_with_damaged_metadata_is_written_in_every_format(blocks, kind, tmp_path):
    def write(block):
        image = PIL.Image.new("L", (8, 6), 99)
        image.info[kind] = block
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coloured = RasterImage.of(image).in_srgb()
            coloured = coloured.with_color(np.zeros((6, 8, 3), np.uint8))
            for name in ("JPEG", "PNG", "WEBP"):
                encode_image(coloured.to_pil(), io.BytesIO(), name, coloured.metadata)
            write_raster(coloured, tmp_path / "out.tif", overwrite=True)

    fuzz(blocks[kind], write, ())


def test_files_with_damaged_metadata_are_read_and_written_or_refused_by_name(blocks, tmp_path):
    def carry(data):
        (tmp_path / "in").write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scan = read_raster(tmp_path / "in")
            for suffix in (".jpg", ".tif"):
                write_raster(scan, tmp_path / f"out{suffix}", overwrite=True)

    fuzz(blocks["files"], carry, (UnreadableImageError, ValueError))
