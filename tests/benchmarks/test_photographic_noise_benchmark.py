"""The benchmark of photographic noise measures what it says, and writes it."""

import PIL.Image
import pytest


@pytest.fixture
def benchmark(script, monkeypatch):
    module = script("benchmarks/photographic_noise.py")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    return module


@pytest.fixture
def photographs(tmp_path):
    for folder, count in (("photos/val", 6), ("bsds400/train", 1), ("bsds400/test", 33)):
        (tmp_path / folder).mkdir(parents=True)
        for index in range(count):
            image = PIL.Image.effect_noise((3, 2), 40).resize((24, 16), PIL.Image.Resampling.BICUBIC)
            image.convert("RGB").save(tmp_path / folder / f"{index}.jpg", quality=95)
    return tmp_path


def test_the_table_holds_gains_and_what_clean_images_lose(benchmark, photographs):
    output = photographs / "table.md"
    benchmark.main(["--root", str(photographs), "--models", "cnn_denoiser.color", "--output", str(output)])
    rows = [line.strip("|").split("|") for line in output.read_text().splitlines() if line.startswith("|")]
    figures = {row[0].strip(): [float(cell.split()[0]) for cell in row[1:]] for row in rows[2:]}
    assert figures["degraded input"] == [0, 0, 0, 100]
    photos, bsds, both, clean = figures["cnn_denoiser.color"]
    assert both == pytest.approx((2 * photos + 20 * bsds) / 22, abs=0.01)
    assert 20 < clean < 100
    assert "Jpeg(" in output.read_text()


def test_images_to_choose_by_are_others(benchmark, photographs):
    test, val = ({name for _, name, _ in benchmark.images(photographs, split)} for split in ("test", "val"))
    assert test
    assert val
    assert not test & val
