"""The options --variants and --like of colorzoo colorize: files, sheets, metadata, folders, and what is refused."""

import numpy as np
import PIL.Image
import pytest
from unsure import Unsure

from colorzoo.cli import main
from colorzoo.io.raster_file import read_raster, write_raster


@pytest.fixture(autouse=True)
def _model(monkeypatch):
    monkeypatch.setattr("colorzoo.zoo.load", lambda name: Unsure().eval())


@pytest.fixture
def folder(tmp_path):
    """One image of 8 bits, and one of 16 bits with transparency in a folder of its own."""
    halves = np.full((30, 40), 80, np.uint8)
    halves[:, 20:] = 170
    box = tmp_path / "scans" / "box"
    box.mkdir(parents=True)
    PIL.Image.fromarray(halves).save(tmp_path / "scans" / "a.jpg", quality=95)
    scan = read_raster(tmp_path / "scans" / "a.jpg")
    deep = scan.of_depth(np.uint16)
    write_raster(type(scan)(deep.levels, np.full((30, 40), 900, np.uint16), deep.metadata), box / "b.png")
    return tmp_path / "scans"


@pytest.fixture
def reference(tmp_path):
    picture = np.empty((50, 40, 3), np.uint8)
    picture[:25], picture[25:] = (20, 40, 120), (240, 160, 100)
    PIL.Image.fromarray(picture).save(tmp_path / "sunset.png")
    return tmp_path / "sunset.png"


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_variants_of_a_folder_are_files_and_sheets_beside_them(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["colorize", str(folder), "-o", str(out), "--variants", "3"]) == 0
    expected = [f"{stem}.{part}.{end}" for stem, end in (("a", "jpg"), ("box/b", "png")) for part in (1, 2, 3, "sheet")]
    assert names(out) == expected
    assert capsys.readouterr().out.split() == [str(out / name) for name in expected]
    deep = [read_raster(out / "box" / f"b.{number}.png") for number in (1, 2, 3)]
    model, source = Unsure().eval(), read_raster(folder / "box" / "b.png")
    for number, scan in enumerate(deep, 1):
        assert np.array_equal(scan.levels, model.colorize(source, variant=number).levels)
        assert (scan.alpha == 900).all()
    assert PIL.Image.open(out / "a.sheet.jpg").size == (2 * 48 + 8, 2 * 38 + 8)


def test_the_first_variant_is_the_file_that_colorize_writes_and_the_others_say_what_they_are(folder, tmp_path):
    source = str(folder / "a.jpg")
    assert main(["colorize", source, "-o", str(tmp_path / "plain.jpg")]) == 0
    assert main(["colorize", source, "-o", str(tmp_path / "out.jpg"), "--variants", "2"]) == 0
    assert (tmp_path / "out.1.jpg").read_bytes() == (tmp_path / "plain.jpg").read_bytes()
    assert b"variant 2" in (tmp_path / "out.2.jpg").read_bytes()
    assert main(["colorize", source, "--variants", "2"]) == 0
    assert names(folder) == ["a-color.1.jpg", "a-color.2.jpg", "a-color.sheet.jpg", "a.jpg", "box/b.png"]


def test_existing_variants_are_kept_or_replaced_or_refused(folder, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.2.jpg").write_bytes(b"mine")
    asked = ["colorize", str(folder / "a.jpg"), "-o", str(out), "--variants", "2"]
    assert main(asked) == 1
    assert f"{out / 'a.2.jpg'} exists" in capsys.readouterr().err
    assert names(out) == ["a.2.jpg"]
    assert main([*asked, "--skip-existing"]) == 0
    assert names(out) == ["a.1.jpg", "a.2.jpg", "a.sheet.jpg"]
    assert (out / "a.2.jpg").read_bytes() == b"mine"
    assert main([*asked, "--overwrite"]) == 0
    assert (out / "a.2.jpg").read_bytes() != b"mine"


def test_images_in_colour_are_left_out_whole(folder, reference, tmp_path):
    out = tmp_path / "out"
    assert main(["colorize", str(reference), "-o", str(out), "--variants", "2", "--if-color", "skip"]) == 0
    assert names(out) == []


def test_a_reference_colours_a_folder_and_stands_in_the_metadata(folder, reference, tmp_path):
    out = tmp_path / "out"
    assert main(["colorize", str(folder), "-o", str(out), "--like", str(reference)]) == 0
    expected = Unsure().eval().colorize(read_raster(folder / "box" / "b.png"), like=reference)
    assert np.array_equal(read_raster(out / "box" / "b.png").levels, expected.levels)
    assert b"like sunset.png" in (out / "a.jpg").read_bytes()


def test_frames_follow_a_reference_too(folder, reference, tmp_path):
    asked = ["colorize", str(folder), "-o", str(tmp_path), "--like", str(reference), "--as-video"]
    assert main([*asked, "--temporal-smoothing", "0"]) == 0
    expected = Unsure().eval().colorize(read_raster(folder / "box" / "b.png"), like=reference)
    assert np.array_equal(read_raster(tmp_path / "box" / "b.png").levels, expected.levels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--variants", "0"], "--variants: 0 variants cannot be made; give a whole number from 1 to 7"),
        (["--variants", "8"], "--variants: 8 variants cannot be made"),
        (["--variants", "2", "--report", "page.html"], "--report is for one result of an image; leave out it or"),
        (["--variants", "2", "--all-pages"], "--all-pages is for one result of an image"),
        (["--variants", "2", "--as-video"], "--variants is for images; leave it out for videos and --as-video"),
        (["--like", "{folder}/a.jpg"], "--like: the reference a.jpg is grey; give an image in colour"),
        (["--like", "{folder}/none.png"], "none.png does not exist"),
        (["--like", "{folder}/notes.txt"], "notes.txt"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_and_nothing_is_written(folder, capsys, options, message):
    (folder / "notes.txt").write_text("no image")
    before = names(folder.parent)
    assert main(["colorize", str(folder), *(option.format(folder=folder) for option in options)]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert len([line for line in told.splitlines() if "notes.txt" not in line or "--like" in options]) == 1
    assert names(folder.parent) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--variants", "2"], "mlp knows one colour for each place, so it has no variants; take photo_unet"),
        (["--like", "{like}"], "mlp knows one colour for each place, so it has no variants and follows no reference"),
    ],
)
def test_models_without_a_distribution_are_refused(folder, reference, capsys, monkeypatch, options, message):
    monkeypatch.undo()
    asked = [option.format(like=reference) for option in options]
    assert main(["colorize", str(folder / "a.jpg"), "-m", "mlp", *asked]) == 2
    assert message in capsys.readouterr().err
