"""Folders from the command line: resuming, failures, the report, colours and Ctrl-C."""

import signal
import threading
import time

import PIL.Image
import PIL.ImageOps
import pytest
from scanned import below, coloured, grey, sepia

import colorzoo
from colorzoo.cli import batch, main
from colorzoo.cli.images import COLORIZER
from colorzoo.io.raster_file import write_raster
from colorzoo.pipeline import RESTORERS


def pixels(path):
    with PIL.Image.open(path) as image:
        return image.tobytes()


def test_what_exists_is_skipped_when_a_run_is_resumed(scans, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["denoise", str(scans / "box"), "-o", str(out)]) == 0
    (out / "a.png").write_text("precious")
    grey(9).save(scans / "box" / "new.png")
    capsys.readouterr()
    assert main(["denoise", str(scans / "box"), "-o", str(out), "--skip-existing"]) == 0
    assert (out / "a.png").read_text() == "precious"
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [str(out / "new.png")]
    assert captured.err.endswith("1 done, 2 skipped, 0 refused, 0 failed, of 3; skipped: 2 exist\n")
    assert main(["denoise", str(scans / "box"), "-o", str(out), "--skip-existing"]) == 0


def test_existing_results_are_replaced_or_skipped_but_not_both(scans, capsys):
    with pytest.raises(SystemExit):
        main(["denoise", str(scans), "--overwrite", "--skip-existing"])
    assert "not allowed with" in capsys.readouterr().err


def test_failures_are_listed_at_the_end(scans, tmp_path, capsys):
    (scans / "aa.png").write_bytes(b"")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.tif").write_text("precious")
    assert main(["denoise", str(scans), "-o", str(tmp_path / "out")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("colorzoo: ") for line in lines] == [False] * 3 + [True] * 2 + [False]
    assert "b.tif exists" in lines[-3]
    assert "aa.png is empty" in lines[-2]
    assert lines[-1] == "3 done, 0 skipped, 2 refused, 0 failed, of 5"
    assert (tmp_path / "out" / "b.tif").read_text() == "precious"


def test_the_report_shows_results_and_failures(scans, tmp_path, capsys):
    (scans / "torn.png").write_text("torn")
    report = tmp_path / "reports" / "run.html"
    assert main(["restore", str(scans), "-o", str(tmp_path / "out"), "--report", str(report)]) == 1
    text = report.read_text()
    assert text.count("<article") == 5
    assert text.count("data:image/jpeg") == 8
    assert "4 done, 1 failed" in text
    assert "In all: 4 done, 0 skipped, 1 refused, 0 failed, of 5." in text
    assert 'href="../out/box/c.tif"' in text
    assert f"{colorzoo.load(COLORIZER).source.name} coloured it" in text
    assert "torn.png is not an image" in text


def test_a_report_that_would_replace_something_else_stops_the_command(scans, tmp_path, capsys):
    (tmp_path / "mine.html").write_text("mine")
    for name in ("mine.html", "scan.tif"):
        assert main(["denoise", str(scans), "-o", str(tmp_path / "out"), "--report", str(tmp_path / name)]) == 2
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert not (tmp_path / "out").exists()


def test_files_and_pipes_get_no_bar(scans, tmp_path, capsys):
    assert main(["colorize", str(scans), "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == "4 done, 0 skipped, 0 refused, 0 failed, of 4\n"


def test_after_ctrl_c_all_results_are_whole_and_the_run_can_be_resumed(scans, tmp_path, monkeypatch, capsys):
    for index in range(30):
        grey(index).save(scans / f"c{index:02}.png")
    count = len(below(scans))
    out, report = tmp_path / "out", tmp_path / "report.html"
    pressed = []

    def write_slowly(scan, target, overwrite):
        if len(list(out.rglob("[!.]*.*"))) >= 8 and not pressed:
            pressed.append(target)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.1)
        write_raster(scan, target, overwrite)

    monkeypatch.setattr(batch, "write_raster", write_slowly)
    command = ["denoise", str(scans), "-o", str(out), "--report", str(report)]
    assert main(command) == 130
    done = below(out)
    assert 9 <= len(done) < count
    assert pressed[0].exists(), "what was being written is finished"
    assert not [name for name in done if name.rpartition("/")[2].startswith(".")]
    captured = capsys.readouterr()
    assert sorted(captured.out.splitlines()) == sorted(str(out / name) for name in done)
    assert f"interrupted after {len(done)} of {count}" in captured.err
    assert (
        f"{len(done)} done, 0 skipped, 0 refused, 0 failed, {count - len(done)} not begun, of {count}" in captured.err
    )
    assert f"{len(done)} done, 0 failed" in report.read_text()
    for name in done:
        with PIL.Image.open(out / name) as image:
            image.load()

    assert main([*command, "--skip-existing"]) == 0
    assert below(out) == below(scans)
    assert len(capsys.readouterr().out.splitlines()) == count - len(done)


@pytest.mark.parametrize("verb", ["colorize", "restore"])
def test_pictures_in_colour_may_be_left_out_or_kept(verb, tmp_path, capsys):
    folder = tmp_path / "mixed"
    folder.mkdir()
    coloured().save(folder / "coloured.png")
    grey().save(folder / "grey.png")
    sepia().save(folder / "sepia.png")
    assert main([verb, str(folder), "-o", str(tmp_path / "skip"), "--if-color", "skip"]) == 0
    assert below(tmp_path / "skip") == ["grey.png", "sepia.png"]
    captured = capsys.readouterr()
    assert "coloured.png: in colour, left out" in captured.err
    assert str(tmp_path / "skip" / "coloured.png") not in captured.out
    assert "sepia.png: toned (hue" in captured.err

    keep = [verb, str(folder), "-o", str(tmp_path / "keep"), "--if-color", "keep"]
    assert main([*keep, "--strength", "0"] if verb == "restore" else keep) == 0
    assert pixels(tmp_path / "keep" / "coloured.png") == coloured().tobytes()
    assert pixels(tmp_path / "keep" / "grey.png") != grey().convert("RGB").tobytes()

    assert main([verb, str(folder), "-o", str(tmp_path / "anew")]) == 0
    assert below(tmp_path / "anew") == ["coloured.png", "grey.png", "sepia.png"]
    assert pixels(tmp_path / "anew" / "coloured.png") != coloured().tobytes()


def test_sepia_is_restored_as_the_grey_picture_it_is(tmp_path):
    sepia().save(tmp_path / "sepia.png")
    assert main(["restore", str(tmp_path / "sepia.png"), "-o", str(tmp_path / "out.png")]) == 0
    expected = colorzoo.Pipeline([*RESTORERS.values(), COLORIZER], "auto")(
        colorzoo.inference.toning.neutralize(sepia())
    )
    assert pixels(tmp_path / "out.png") == expected.tobytes()
    assert main(["restore", str(tmp_path / "sepia.png"), "-o", str(tmp_path / "toned.png"), "--no-color"]) == 0
    assert pixels(tmp_path / "toned.png") == sepia().tobytes(), "without colouring, colours stay"


def test_colours_are_not_looked_for_where_nothing_is_coloured(tmp_path, capsys):
    assert main(["restore", str(tmp_path), "--no-color", "--if-color", "skip"]) == 2
    assert "--if-color says nothing with --no-color" in capsys.readouterr().err
