"""Patterns stand for the files that match them."""

import os

import PIL.features
import PIL.Image
import pytest
from scanned import below, grey

from colorzoo.cli import main


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*.tif", ["b.tif", "box/c.tif"]),
        ("*/a.png", ["box/a.png"]),
        ("[ab].*", ["a.png", "b.tif"]),
    ],
)
def test_patterns_are_expanded_and_their_tree_repeated(scans, tmp_path, pattern, expected):
    out = scans / "out"
    for options in ([], ["--overwrite"]):
        assert main(["denoise", str(scans / pattern), "-o", str(out), *options]) == 0
        assert below(out) == expected, "results within the folder are no inputs"


def test_results_of_a_pattern_lie_beside_the_pictures_by_default(scans):
    assert main(["denoise", str(scans / "**" / "*.tif")]) == 0
    assert "b-clean.tif" in below(scans)
    assert "box/c-clean.tif" in below(scans)


def test_patterns_that_match_nothing_are_reported_and_names_with_brackets_are_names(scans, capsys):
    grey().save(scans / "[1].png")
    assert main(["denoise", str(scans / "[1].png"), str(scans / "*.webp"), "-o", str(scans / "out")]) == 1
    assert below(scans / "out") == ["[1].png"]
    assert "no file matches" in capsys.readouterr().err


def test_all_that_is_in_a_folder_is_taken_or_accounted_for(scans, tmp_path, capsys):
    for name in ("a.jpe", "a.jfif", "a.jp2", "a.j2k", "a.tga", "a.ppm", "a.pgm", "a.gif", "a.avif", "a.webp", "a.bmp"):
        if name != "a.avif" or PIL.features.check("avif"):
            grey().save(scans / name)
    found = len(below(scans))
    for name in ("raw.heic", "notes.txt", "README", ".hidden.png", "._a.png", ".trash/b.png"):
        (scans / name).parent.mkdir(exist_ok=True)
        (scans / name).write_text("x")
    found = len(
        [path for path in below(scans) if path.partition(".")[2].lower() not in ("", "mp4", "vob", "txt", "heic")]
    )
    found -= 3  # hidden ones
    out = tmp_path / "out"
    assert main(["denoise", str(scans), "-o", str(out), "-m", "linear_denoiser", "--strength", "0"]) == 0
    captured = capsys.readouterr()
    assert len(below(out)) == len(captured.out.splitlines()) == found
    assert {"a.jpe", "a.jp2", "a.tga", "a.ppm", "a.gif.png", "a.pgm.png"} <= set(below(out))
    for path in out.rglob("*.*"):
        with PIL.Image.open(path) as image:
            assert image.size == grey().size, path
    err = captured.err.splitlines()
    assert "colorzoo: .gif files do not hold every result; theirs are named .gif.png" in err
    assert "colorzoo: 1 .heic file is left out; convert to one of .apng" in captured.err
    assert err[-1].startswith(f"{found} done, 6 skipped, 0 refused, 0 failed, of {found + 6}; skipped: ")
    for reason in ("3 hidden", "1 .txt files", "1 .heic files", "1 files without a suffix"):
        assert reason in err[-1]


def test_folders_behind_links_are_done_once(scans, tmp_path, capsys):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    grey().save(elsewhere / "p.png")
    (scans / "a link").symlink_to(elsewhere)
    (scans / "again").symlink_to(elsewhere)
    (scans / "inner").symlink_to(scans / "box")
    (scans / "box" / "loop").symlink_to(scans)
    assert main(["denoise", str(scans), "-o", str(tmp_path / "out"), "-m", "linear_denoiser"]) == 0
    assert below(tmp_path / "out") == ["a link/p.png", "a.png", "b.tif", "box/a.png", "box/c.tif"]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == ("5 done, 3 skipped, 0 refused, 0 failed, of 8; skipped: 3 folders that links lead to again")


@pytest.mark.parametrize("name", ["", "  "])
@pytest.mark.parametrize("command", ["colorize {}", "denoise a.png -o {}", "restore a.png --report {}", "shard {} b"])
def test_an_empty_name_is_refused(name, command, scans, monkeypatch, capsys):
    monkeypatch.chdir(scans)
    before = below(scans)
    with pytest.raises(SystemExit) as stopped:
        main([argument.format(name) for argument in command.split()])
    assert stopped.value.code == 2
    assert "the name is empty; is a variable unset?" in capsys.readouterr().err
    assert below(scans) == before


@pytest.mark.parametrize("command", ["file", "folder", "pattern"])
def test_what_is_no_regular_file_is_refused_at_once(command, scans, tmp_path, capsys):
    os.mkfifo(scans / "pipe.png")
    (scans / "itself.png").symlink_to("itself.png")
    (scans / "nowhere.png").symlink_to("nothing")
    paths = {"file": sorted(map(str, scans.glob("*.png"))), "folder": [str(scans)], "pattern": [f"{scans}/*.png"]}
    assert main(["denoise", *paths[command], "-o", str(tmp_path / "out"), "-m", "linear_denoiser"]) == 1
    assert "a.png" in below(tmp_path / "out")
    err = capsys.readouterr().err
    assert f"{scans / 'pipe.png'} is a device or a pipe" in err
    assert f"{scans / 'itself.png'} cannot be opened (Too many levels of symbolic links)" in err
    assert f"{scans / 'nowhere.png'} does not exist" in err
    assert command == "file" or " 3 refused, 0 failed" in err


def test_devices_are_refused(tmp_path, capsys):
    assert main(["denoise", "/dev/zero", "-o", str(tmp_path / "a.png")]) == 1
    assert "/dev/zero is a device or a pipe" in capsys.readouterr().err


@pytest.mark.parametrize("length", [240, 251, 255, 256, 5000])
def test_a_name_that_is_too_long_fails_alone(length, scans, tmp_path, capsys):
    long = "x" * (length - 4) + ".png"
    if length <= 255:
        grey().save(scans / long)
    for options in ([], ["-o", str(tmp_path / "out")]):
        status = main(["denoise", str(scans / long), str(scans / "a.png"), "-m", "linear_denoiser", *options])
        fits = length <= (255 if options else 249)
        assert status == (0 if fits else 1)
        assert ("File name too long" in capsys.readouterr().err) != fits
    assert (scans / "a-clean.png").exists()
    assert (tmp_path / "out" / "a.png").exists()
    assert (tmp_path / "out" / long[:255]).exists() == (length <= 255)
    assert not list(tmp_path.rglob(".colorzoo-*"))


def test_names_with_control_characters_forge_no_lines(scans, tmp_path, capsys):
    names = ["a\nout\x1b[2J.png", "b\r\u202egnp.png", "c\x9b1m.png", "\N{SNOWMAN} \N{HIRAGANA LETTER A}.png"]
    for name in names:
        grey().save(scans / "box" / name)
    (scans / "box" / "torn\n.png").write_bytes(b"torn")
    report = tmp_path / "report.html"
    options = ["-o", str(tmp_path / "out"), "-m", "linear_denoiser", "--report", str(report)]
    assert main(["denoise", str(scans / "box"), *options]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 6
    for text in (captured.out, captured.err, report.read_text()):
        assert r"a\nout\x1b[2J.png" in text or text is captured.err
        assert "\N{SNOWMAN} \N{HIRAGANA LETTER A}.png" in text or text is captured.err
        assert not set("\x1b\x9b\r\u202e") & set(text)
    assert r"torn\n.png is not an image" in captured.err
    with pytest.raises(SystemExit):
        main(["denoise"])
    assert main(["denoise", str(tmp_path / "gone\x1b[2J"), "-o", str(scans / "a.png")]) in (1, 2)
    assert "\x1b" not in capsys.readouterr().err


def test_each_file_keeps_its_format_when_all_pages_are_done(scans, tmp_path, capsys):
    grey().save(scans / "c.tif", save_all=True, append_images=[grey(1), grey(2)])
    grey().save(scans / "d.jpg")
    grey().save(scans / "e.gif", save_all=True, append_images=[grey(1)])
    options = ["-o", str(tmp_path / "out"), "-m", "linear_denoiser", "--strength", "0", "--all-pages"]
    assert main(["denoise", str(scans), *options]) == 0
    assert {"a.png", "c.tif", "d.jpg", "e.gif.tif"} <= set(below(tmp_path / "out"))
    formats = {}
    for path in (tmp_path / "out").glob("*.*"):
        with PIL.Image.open(path) as image:
            formats[path.name] = (image.format, getattr(image, "n_frames", 1))
    assert formats == {
        "a.png": ("PNG", 1),
        "b.tif": ("TIFF", 1),
        "c.tif": ("TIFF", 3),
        "d.jpg": ("JPEG", 1),
        "e.gif.tif": ("TIFF", 2),
    }
