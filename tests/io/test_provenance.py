"""The history that the XMP of a result tells."""

from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest

import colorzoo
from colorzoo.cli import main
from colorzoo.cli.images import COLORIZER
from colorzoo.hub import checkpoint_file
from colorzoo.io.metadata import Metadata
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp_history import add_history_entry
from colorzoo.zoo import locate

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"
GIVEN = (
    b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Ulm">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">M\xc3\xbcnster</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
    + b" " * 200
)


def with_entry(xmp, parameters):
    return add_history_entry(
        RasterImage(np.zeros((2, 2), np.uint8), metadata=Metadata(xmp=xmp)), parameters
    ).metadata.xmp


def events(xmp):
    packet = ElementTree.fromstring(xmp)
    return [
        {field.tag.removeprefix(EVENT): field.text for field in entry}
        for entry in packet.iter(f"{RDF}li")
        if entry.find(f"{EVENT}softwareAgent") is not None
    ]


def test_an_entry_is_added_and_all_else_stays():
    once = with_entry(GIVEN, "colorize; <a> & b")
    twice = with_entry(once, "denoise")
    agent = f"colorzoo {colorzoo.__version__}"
    assert [event["parameters"] for event in events(twice)] == ["colorize; <a> & b", "denoise"]
    assert {event["softwareAgent"] for event in events(twice)} == {agent}
    assert b'photoshop:City="Ulm"' in twice
    assert "Münster".encode() in twice
    assert with_entry(GIVEN, "x") == with_entry(GIVEN, "x")


def test_a_history_of_others_goes_on():
    theirs = GIVEN.replace(
        b"</rdf:Description>",
        b"""<m:History xmlns:m="http://ns.adobe.com/xap/1.0/mm/"><rdf:Seq><rdf:li rdf:parseType="Resource"
        xmlns:e="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"><e:softwareAgent>Scanner</e:softwareAgent></rdf:li>
        </rdf:Seq></m:History></rdf:Description>""",
    )
    assert next(event["softwareAgent"] for event in events(with_entry(theirs, "x"))) == "Scanner"
    assert with_entry(theirs, "x").count(b"History>") == 1


@pytest.mark.parametrize(
    "damaged",
    [
        b"<x:xmpmeta",
        b"<a/>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    ],
)
def test_a_damaged_packet_is_replaced_with_a_remark(damaged):
    scan = RasterImage(np.zeros((2, 2), np.uint8), metadata=Metadata(xmp=damaged))
    result = add_history_entry(scan, "colorize")
    assert events(result.metadata.xmp)[0]["parameters"] == "colorize"
    assert "its XMP was replaced" in result.remarks[0]


def test_loaded_models_know_their_file(tmp_path, record):
    model = colorzoo.load("fusion_cnn")
    path = locate("fusion_cnn")
    sums = dict(line.split()[::-1] for line in (path.parent / checkpoint_file.SUMS).read_text().splitlines())
    assert model.source.name == path.stem
    assert model.source.sha256 == sums[path.name]
    assert colorzoo.create("fusion_cnn").source is None
    checkpoint = checkpoint_file.read(path)
    run = checkpoint_file.Checkpoint(
        tmp_path / "run.ckpt", checkpoint.model, checkpoint.hparams, checkpoint.tensors, None
    )
    checkpoint_file.write_ckpt(run)
    assert len(checkpoint_file.read(run.path).digest) == 64
    assert colorzoo.load(run.path).source.name == "run.ckpt"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_the_command_line_tells_model_digest_and_parameters(tmp_path, suffix):
    source, out = tmp_path / "grey.png", tmp_path / f"out{suffix}"
    write_raster(RasterImage(np.full((9, 9), 99, np.uint8), metadata=Metadata(xmp=GIVEN)), source)
    assert main(["colorize", str(source), "-o", str(out), "--working-size", "48"]) == 0
    told = events(read_raster(out).metadata.xmp)[0]["parameters"]
    assert told == f"colorize; {colorzoo.load(COLORIZER).source.describe()}; working size 48"
    assert b"Ulm" in read_raster(out).metadata.xmp
    assert main(["restore", str(source), "-o", str(out), "--overwrite"]) == 0
    told = events(read_raster(out).metadata.xmp)[0]["parameters"]
    assert "cnn_denoiser.impulse (SHA-256 " in told
    assert "strength auto; 0.0 % salt and pepper" in told


def test_no_provenance_leaves_no_word(tmp_path):
    source, out = tmp_path / "grey.png", tmp_path / "out.png"
    PIL.Image.new("L", (9, 9), 99).save(source)
    assert main(["colorize", str(source), "-o", str(out), "--no-provenance"]) == 0
    assert b"colorzoo" not in out.read_bytes()
