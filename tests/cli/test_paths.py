"""Patterns stand for the files that match them."""

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


def test_formats_that_are_not_read_are_named_and_fail_nothing(scans, capsys):
    grey().save(scans / "d.gif")
    grey().save(scans / "._a.png")
    assert main(["denoise", str(scans), "-o", str(scans / "out")]) == 0
    assert "out/d.gif" not in below(scans)
    assert "1 .gif file is left out" in capsys.readouterr().err
