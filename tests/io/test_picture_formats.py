"""The published table of what comes out of which image is what the code does, and the verbs take any image."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from colorzoo.cli import main
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_pages, read_raster, write_raster

ROOT = Path(__file__).parents[2]


def test_the_published_table_is_what_the_code_does(formats, outcomes):
    published = (ROOT / formats.OUTPUT).read_text(encoding="utf-8")
    assert formats.document(outcomes) == published
    cells = {cell.strip() for line in published.splitlines() if line.startswith("|") for cell in line.split("|")}
    assert {"RGB 16, exact, alpha 16", "grey 16, exact", "RGB 8, exact, alpha 8"} <= cells
    assert "alpha changed" not in published


def test_the_verbs_take_every_kind_of_picture(formats, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    paths = formats.inputs(tmp_path / "in")
    for verb in ("colorize", "denoise", "restore"):
        out = tmp_path / verb
        assert main([verb, str(tmp_path / "in"), "-o", str(out)]) == 0
        for kind, path in paths.items():
            before, after = read_raster(path), read_raster(out / path.name)
            assert after.levels.shape[:2] == before.levels.shape[:2]
            assert after.levels.ndim == (before.levels.ndim if verb == "denoise" else 3)
            assert before.levels.dtype in (after.levels.dtype, np.float32), kind
            assert (after.alpha is None) == (before.alpha is None)
            assert after.alpha is None or np.array_equal(after.alpha, before.alpha)
    assert "ignored" not in capsys.readouterr().err


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_extreme_shapes_go_through(tmp_path, size):
    PIL.Image.new("L", size, 99).save(tmp_path / "odd.png")
    assert main(["restore", str(tmp_path / "odd.png"), "-o", str(tmp_path / "out.png")]) == 0
    assert PIL.Image.open(tmp_path / "out.png").size == size


def test_names_of_any_script_go_through(tmp_path, capsys):
    source = tmp_path / "Ünïcode 写真 📷.png"
    PIL.Image.new("L", (9, 9), 99).save(source)
    assert main(["colorize", str(source)]) == 0
    assert read_raster(tmp_path / "Ünïcode 写真 📷-color.png").levels.shape == (9, 9, 3)
    assert "写真" in capsys.readouterr().out


def test_all_frames_become_pages(tmp_path, capsys):
    first, second = (PIL.Image.new("L", (9, 9), level) for level in (60, 190))
    first.save(tmp_path / "pages.tif", save_all=True, append_images=[second])
    out = tmp_path / "out.tif"
    assert main(["denoise", str(tmp_path / "pages.tif"), "-o", str(out)]) == 0
    assert "it has 2 pages, of which the first was taken" in capsys.readouterr().err
    assert len(list(read_pages(out))) == 1
    assert main(["denoise", str(tmp_path / "pages.tif"), "-o", str(out), "--all-pages", "--overwrite"]) == 0
    assert [int(page.levels[0, 0]) for page in read_pages(out)] == [60, 190]
    assert main(["denoise", str(tmp_path / "pages.tif"), "-o", str(tmp_path / "out.png"), "--all-pages"]) == 1
    assert "end the name in .tif" in capsys.readouterr().err


def test_the_limit_can_be_lifted_and_lowered(tmp_path, capsys):
    PIL.Image.new("L", (100, 100), 99).save(tmp_path / "large.png")
    command = ["denoise", str(tmp_path / "large.png"), "-o", str(tmp_path / "out.png"), "--max-megapixels"]
    assert main([*command, "0.009"]) == 1
    assert "allow more (--max-megapixels" in capsys.readouterr().err
    assert main([*command, "0.01"]) == 0
    assert main([*command, "nan"]) == 2
    assert main([*command, "0"]) == 2


def test_truncated_pictures_are_reported(tmp_path, capsys):
    PIL.Image.effect_noise((80, 60), 80).save(tmp_path / "whole.jpg")
    write_raster(
        RasterImage(np.random.default_rng(0).integers(0, 65536, (40, 40, 3), dtype=np.uint16)), tmp_path / "whole.png"
    )
    for name in ("whole.jpg", "whole.png"):
        path = tmp_path / f"short-{name}"
        path.write_bytes((tmp_path / name).read_bytes()[:-700])
        assert main(["colorize", str(path), "-o", str(tmp_path / "out.png")]) == 1
        assert "truncated" in capsys.readouterr().err
        assert not (tmp_path / "out.png").exists()
