"""What a file says beside its pixels goes into the next one, says what is true of the new pixels, or is named."""

import struct
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest
from PIL.ExifTags import IFD, Base
from scanned import apply_to_gray

from colorzoo.cli import main
from colorzoo.errors import PictureWarning
from colorzoo.io.exif import ExifError, edit_exif
from colorzoo.io.metadata import Metadata
from colorzoo.io.pil_file import read_image, write_image
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp import XmpError, add_event, edit_xmp
from colorzoo.io.xmp_history import add_history_entry

pytest.importorskip("tifffile")
TIFF, EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
IPTC = b"\x1c\x02\x78\x00\x0bGrandmother"


@pytest.fixture(scope="module")
def table(script):
    return script("benchmarks/metadata.py")


def packet(content, attributes=""):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {attributes}>{content}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def grey(xmp=b"", **said):
    return RasterImage(np.full((6, 8), 99, np.uint8), metadata=Metadata(xmp=xmp, **said))


def colored(source):
    return apply_to_gray(source, lambda seen: seen.expand(-1, 3, -1, -1))


def test_the_published_table_is_what_the_code_does_and_nothing_is_lost_without_a_word(table):
    published = table.OUTPUT.read_text(encoding="utf-8")
    assert table.document() == published
    assert "LOST" not in published


@pytest.mark.parametrize(("kind", "form"), [(1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i")])
@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_an_orientation_of_any_integer_type_is_obeyed_and_reset(tmp_path, kind, form, order, suffix):
    sign = "<" if order == "II" else ">"
    entry = struct.pack(f"{sign}HHHI", 1, 274, kind, 1) + struct.pack(f"{sign}{form}", 6).ljust(4, b"\0")
    exif = b"Exif\0\0" + order.encode() + struct.pack(f"{sign}HI", 42, 8) + entry + bytes(4)
    source, target = tmp_path / f"in{suffix}", tmp_path / "out.jpg"
    image = PIL.Image.linear_gradient("L").resize((16, 8)).convert("RGB")
    if suffix == ".tif":
        image.save(source)
        data = source.read_bytes()
        (start,) = struct.unpack_from("<I", data, 4)
        (count,) = struct.unpack_from("<H", data, start)
        entries = [data[start + 2 + 12 * index :][:12] for index in range(count)]
        turned = struct.pack("<HHI", 274, kind, 1) + struct.pack(f"<{form}", 6).ljust(4, b"\0")
        entries = sorted([*entries, turned], key=lambda entry: struct.unpack_from("<H", entry))
        directory = struct.pack("<H", count + 1) + b"".join(entries) + bytes(4)
        source.write_bytes(data[:4] + struct.pack("<I", len(data)) + data[8:] + directory)
    else:
        image.save(source, exif=exif)
    assert read_raster(source).levels.shape[:2] == (16, 8)
    assert read_image(source).size == (8, 16)
    write_raster(read_raster(source), target)
    assert read_raster(target).levels.shape[:2] == (16, 8)
    assert PIL.Image.open(target).getexif().get(Base.Orientation, 1) in (1, b"\1")


def camera_exif(thumbnail=b"\xff\xd8 the old image \xff\xd9"):
    exif = PIL.Image.Exif()
    exif[Base.Make], exif[Base.Orientation] = "Maker", 1
    exif[Base.XResolution], exif[Base.YResolution], exif[Base.ResolutionUnit] = 300.0, 300.0, 2
    exif[IFD.Exif] = {Base.MakerNote: bytes(range(250)) * 5, Base.ExifImageWidth: 5, Base.ColorSpace: 65535}
    exif[IFD.GPSInfo] = {1: "N", 2: (48.0, 51.0, 30.0)}
    block = bytearray(exif.tobytes())
    head = 6
    (count,) = struct.unpack_from(">H", block, head + 8)
    struct.pack_into(">I", block, head + 10 + 12 * count, len(block) - head)
    start = len(block) - head + 2 + 24 + 4
    block += struct.pack(">HHHII", 2, 0x201, 4, 1, start) + struct.pack(">HHIII", 0x202, 4, 1, len(thumbnail), 0)
    return bytes(block) + thumbnail


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_an_exif_block_stays_bit_for_bit_but_for_what_has_changed(tmp_path, suffix):
    exif = camera_exif()
    PIL.Image.new("L", (8, 6), 99).save(tmp_path / "in.jpg", exif=exif)
    write_raster(colored(read_raster(tmp_path / "in.jpg")), tmp_path / f"out{suffix}")
    with PIL.Image.open(tmp_path / f"out{suffix}") as image:
        written = b"Exif\0\0" + image.info["exif"].removeprefix(b"Exif\0\0")
        details = image.getexif().get_ifd(IFD.Exif)
    note = bytes(range(250)) * 5
    assert written.index(note) == exif.index(note), "notes point into the block"
    changed = [index for index, (old, new) in enumerate(zip(exif, written, strict=False)) if old != new]
    assert len(changed) < 10
    assert (details[Base.ExifImageWidth], details[Base.ColorSpace]) == (8, 1)
    assert b"the old image" not in (tmp_path / f"out{suffix}").read_bytes()


def test_a_thumbnail_in_the_middle_of_an_exif_block_is_erased():
    moved = camera_exif() + b"more"
    edited = edit_exif(moved, {})
    assert len(edited) == len(moved)
    assert b"the old image" not in edited


@pytest.mark.parametrize(
    "damaged", [b"", b"Exif\0\0", b"II*\0\xff\0\0\0", b"II*\0\x08\0\0\0\x05\0" + bytes(20), b"MM\0*"]
)
def test_a_damaged_exif_block_is_refused(damaged):
    with pytest.raises(ExifError):
        edit_exif(damaged, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_xmp_of_any_encoding_is_corrected(encoding):
    xmp = packet("<t:ImageLength>3</t:ImageLength>", f'xmlns:t="{TIFF}" t:ImageWidth=\'5\' t:Make="Süd"')
    edited = edit_xmp(xmp.decode().encode(encoding), {(TIFF, "ImageWidth"): "8", (TIFF, "ImageLength"): "6"})
    (description,) = ElementTree.fromstring(edited)[0]
    assert description.attrib[f"{{{TIFF}}}ImageWidth"] == "8"
    assert description.attrib[f"{{{TIFF}}}Make"] == "Süd"
    assert description[0].text == "6"


def test_only_what_is_asked_for_is_changed():
    nested = '<t:Inner><rdf:Description t:ImageWidth="5"/></t:Inner><t:Empty/>'
    xmp = packet(nested, f'xmlns:t="{TIFF}" t:Note=" t:ImageWidth=&quot;5&quot;" t:ImageWidth = "5"')
    assert edit_xmp(xmp, {(TIFF, "ImageWidth"): "8"}) == xmp.replace(b't:ImageWidth = "5"', b't:ImageWidth="8"')
    assert edit_xmp(xmp, {(TIFF, "Empty"): "8"}) == xmp.replace(b"<t:Empty/>", b"")
    assert b"t:" not in edit_xmp(xmp, {(TIFF, "*"): None}).replace(b"xmlns:t", b"").replace(b"rdf:", b"")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_in_every_encoding(encoding):
    with pytest.raises(XmpError, match="declares entities"):
        add_event('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode(encoding), {})


@pytest.mark.parametrize("depth", [3000, 20_000])
def test_a_deeply_nested_packet_is_carried_with_its_history(tmp_path, depth):
    deep = packet("<rdf:li>" * depth + "</rdf:li>" * depth)
    PIL.Image.new("L", (8, 6), 99).save(tmp_path / "in.webp", xmp=deep, lossless=True)
    write_raster(add_history_entry(read_raster(tmp_path / "in.webp"), "what was done"), tmp_path / "out.tif")
    written = read_raster(tmp_path / "out.tif").metadata.xmp
    assert written.count(b"<rdf:li>") == depth
    assert b"what was done" in written


def test_long_runs_and_many_attributes_take_no_longer():
    spaces = packet(" " * 1_000_000)
    assert len(edit_xmp(spaces, {})) == len(spaces)
    many = packet("", f'xmlns:t="{TIFF}" ' + " ".join(f't:a{index}="1"' for index in range(50_000)))
    assert len(edit_xmp(many, {(TIFF, "*"): None})) < 400


@pytest.mark.parametrize(
    ("size", "kept", "named"),
    [(64_900, True, "the note of what was done"), (70_000, False, "the note of what was done; its XMP")],
)
def test_where_a_jpeg_has_no_room_our_own_note_gives_way_first(tmp_path, size, kept, named):
    source = grey(packet("y" * size))
    with pytest.warns(PictureWarning, match=f"not carried into the JPEG: {named}$"):
        write_raster(add_history_entry(colored(source), "what was done"), tmp_path / "out.jpg")
    xmp = read_raster(tmp_path / "out.jpg").metadata.xmp
    assert (b"yyyy" in xmp) == kept
    assert b"what was done" not in xmp
    write_raster(add_history_entry(colored(source), "what was done"), tmp_path / "out.png")
    assert b"what was done" in read_raster(tmp_path / "out.png").metadata.xmp


def test_what_the_old_pixels_were_is_said_no_longer(tmp_path):
    xmp = packet(
        "<p:ICCProfile>Dot Gain 20%</p:ICCProfile><x:Thumbnails><rdf:Alt><rdf:li>/9j</rdf:li></rdf:Alt></x:Thumbnails>"
        "<g:Directory><rdf:Seq/></g:Directory>",
        f'xmlns:tiff="{TIFF}" xmlns:e="{EXIF}" xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:ColorMode="1" '
        'xmlns:x="http://ns.adobe.com/xap/1.0/" xmlns:g="http://ns.google.com/photos/1.0/container/" x:Rating="5" '
        'e:ColorSpace="65535" e:PixelXDimension="80" tiff:SamplesPerPixel="1" tiff:Orientation="6" '
        'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:ConvertToGrayscale="True" crs:CropTop="0.1" '
        'xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"',
    )
    PIL.Image.new("L", (8, 6), 99).save(tmp_path / "in.jpg", xmp=xmp)
    scan = read_raster(tmp_path / "in.jpg")
    assert scan.levels.shape == (8, 6), "the orientation of XMP counts where EXIF has none"
    for written, true_of_it in (
        (scan, {b'p:ColorMode="1"', b"Dot Gain", b'e:ColorSpace="65535"', b'Grayscale="True"'}),
        (colored(scan), {b'p:ColorMode="3"', b"sRGB IEC", b'e:ColorSpace="1"', b'Grayscale="False"'}),
    ):
        with pytest.warns(PictureWarning, match="not carried into the JPEG: its crop"):
            write_raster(written, tmp_path / "out.jpg", overwrite=True)
        said = read_raster(tmp_path / "out.jpg").metadata.xmp
        assert all(words in said for words in (*true_of_it, b'e:PixelXDimension="6"', b'x:Rating="5"'))
        gone = (b"Thumbnails", b"Directory", b"h:Version", b"SamplesPerPixel", b'Orientation="6"', b"CropTop")
        assert not [words for words in gone if words in said]


@pytest.mark.parametrize("orientation", [1, *range(2, 9)])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_places_in_an_image_that_is_turned_are_named_and_not_carried(tmp_path, orientation, suffix):
    regions = "http://www.metadataworkinggroup.com/schemas/regions/"
    xmp = packet(
        '<mwg:Regions rdf:parseType="Resource"><mwg:RegionList><rdf:Bag/></mwg:RegionList></mwg:Regions>'
        '<mp:RegionInfo rdf:parseType="Resource"/><i:ImageRegion><rdf:Bag/></i:ImageRegion><x:Label>kept</x:Label>',
        f'xmlns:mwg="{regions}" xmlns:mp="http://ns.microsoft.com/photo/1.2/" xmlns:x="http://ns.adobe.com/xap/1.0/" '
        'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:c="http://ns.adobe.com/camera-raw-settings/1.0/" '
        'c:HasCrop="True" c:CropTop="0.1" c:Sharpness="3"',
    )
    exif = PIL.Image.Exif()
    exif.update({Base.Orientation: orientation, Base.Artist: "someone"})
    exif[IFD.Exif] = {0x9214: (2, 3, 4, 5), 0xA214: (2, 3)}
    tags = {} if suffix == ".tif" else {"xmp": xmp}
    if suffix == ".tif":
        exif[700] = xmp
    if suffix == ".png":
        tags = {"pnginfo": PIL.PngImagePlugin.PngInfo()}
        tags["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    PIL.Image.new("L", (8, 6), 99).save(tmp_path / f"in{suffix}", exif=exif.tobytes(), **tags)
    said = read_raster(tmp_path / f"in{suffix}").metadata
    places = (b"Regions", b"RegionInfo", b"ImageRegion", b"HasCrop", b"CropTop")
    details = PIL.Image.Exif()
    details.load(said.exif)
    assert b"kept" in said.xmp
    assert b"Sharpness" in said.xmp
    assert details[Base.Artist] == "someone"
    assert {place in said.xmp for place in places} == {orientation == 1}
    assert {tag in details.get_ifd(IFD.Exif) for tag in (0x9214, 0xA214)} == {orientation == 1}
    assert [what for what in said.left_out if "place" in what or "crop" in what] == (
        [] if orientation == 1 else ["its crop", "the places of faces and other regions", "the place of its subject"]
    )


def test_layers_and_other_copies_of_the_old_pixels_are_dropped(tmp_path):
    import tifffile

    tags = [(tag, 7, 100_000, bytes(100_000), True) for tag in (37724, 50784, 34377)]
    raw = [(50706, 1, 4, (1, 4, 0, 0), True), (65000, 7, 100_000, bytes(100_000), True), (315, 2, 8, "someone", True)]
    tifffile.imwrite(tmp_path / "in.tif", np.full((6, 8), 9, np.uint8), extratags=tags + raw, photometric="minisblack")
    write_raster(read_raster(tmp_path / "in.tif"), tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert {37724, 50784, 34377, 50706, 270}.isdisjoint(file.pages[0].tags.keys())
        assert len(file.pages[0].tags[65000].value) == 100_000
        assert file.pages[0].tags["Artist"].value == "someone"
    with pytest.warns(PictureWarning, match="not carried into the JPEG: tags 65000 of its EXIF"):
        write_raster(read_raster(tmp_path / "in.tif"), tmp_path / "out.jpg")
    assert PIL.Image.open(tmp_path / "out.jpg").getexif()[Base.Artist] == "someone"


def app13(*resources):
    block = b"Photoshop 3.0\0" + b"".join(
        b"8BIM"
        + struct.pack(">H", number)
        + b"\x03abc"
        + struct.pack(">I", len(content))
        + content
        + b"\0" * (len(content) % 2)
        for number, content in resources
    )
    return b"\xff\xed" + struct.pack(">H", 2 + len(block)) + block


def test_rights_go_with_captions_and_previews_do_not(tmp_path):
    extra = app13((0x040C, b"old preview"), (0x040A, b"\1"), (0x0404, IPTC), (0x040B, b"example.org"))
    PIL.Image.new("L", (8, 6)).save(tmp_path / "in.jpg", extra=extra, comment=b"caf\xe9")
    path = tmp_path / "in.jpg"
    for name in ("1.png", "2.tif", "3.jpg"):
        write_raster(read_raster(path), tmp_path / name)
        path = tmp_path / name
    with PIL.Image.open(path) as image:
        assert image.info["photoshop"] == {0x040A: b"\1", 0x0404: IPTC, 0x040B: b"example.org"}
    assert b"old preview" not in path.read_bytes()
    write_image(read_image(tmp_path / "in.jpg"), tmp_path / "again.jpg")
    with PIL.Image.open(tmp_path / "again.jpg") as image:
        assert image.info["photoshop"][0x0404] == IPTC
        assert image.info["comment"] == b"caf\xe9"


def test_what_is_not_understood_or_has_no_place_is_named(tmp_path, capsys):
    segment = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40)
    extra = (
        app13((0x0404, IPTC)) + b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment + b"\xff\xeb\0\x06JP\0\0"
    )
    PIL.Image.new("L", (8, 6)).save(tmp_path / "in.jpg", extra=extra, comment=b"Album 3", dpi=(300, 300))
    assert main(["denoise", str(tmp_path / "in.jpg"), "-o", str(tmp_path / "out.bmp"), "--no-provenance"]) == 0
    line = capsys.readouterr().err.splitlines()[-1]
    lost = "its extended XMP; its segment APP11; its IPTC; its comment; its resolution"
    assert line == f"{tmp_path / 'in.jpg'}: not carried into the BMP: {lost}"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("dpi", [(1e30, 1e30), (float("inf"), 72), (float("nan"), 1), (70_000.0, 1)])
def test_an_absurd_resolution_is_left_out_and_named(tmp_path, suffix, dpi):
    image = PIL.Image.new("L", (8, 6), 99)
    image.info["dpi"] = dpi
    with pytest.warns(PictureWarning, match="its resolution of"):
        write_image(image, tmp_path / f"out{suffix}")
    assert PIL.Image.open(tmp_path / f"out{suffix}").size == (8, 6)


def test_damaged_xmp_leaves_the_image_whole_and_is_named(tmp_path):
    PIL.Image.new("L", (8, 6), 99).save(tmp_path / "in.png", exif=b"Exif\0\0garbage")
    PIL.Image.new("L", (8, 6), 99).save(tmp_path / "in.jpg", xmp=b"<x:xmpmeta", exif=b"Exif\0\0garbage")
    for name, lost in (("in.png", "its EXIF: it does not begin"), ("in.jpg", "its XMP: it is damaged")):
        with pytest.warns(PictureWarning, match=lost):
            write_raster(read_raster(tmp_path / name), tmp_path / "out.png", overwrite=True)
