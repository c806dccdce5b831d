"""The report shows each image, needs nothing else, and is written whole."""

import base64
import io
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from colorzoo.cli.html_report import HtmlReport, thumbnail
from colorzoo.errors import OutputExistsError, UsageError


class Page(HTMLParser):
    """The tags, links, images and words of a page."""

    VOID = ("meta", "img")

    def __init__(self, path):
        super().__init__()
        self.open, self.links, self.pictures, self.words, self.tags = [], [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        values = dict(attributes)
        if "href" in values:
            self.links.append(values["href"])
        if "src" in values:
            self.pictures.append(values["src"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def jpeg():
    return thumbnail(PIL.Image.new("RGB", (60, 40), "teal"))


def test_a_card_shows_before_and_after(tmp_path, jpeg):
    after = thumbnail(PIL.Image.new("RGB", (60, 40), "peru"))
    with HtmlReport(tmp_path / "out" / "report.html", "colorize scans") as report:
        report.add(
            tmp_path / "a.png", tmp_path / "out" / "a.png", before=jpeg, after=after, seconds=1.25, remarks=["hm"]
        )
    page = Page(report.path)
    assert page.links == ["../a.png", "../a.png", "a.png"]
    shown = [base64.b64decode(picture.removeprefix("data:image/jpeg;base64,")) for picture in page.pictures]
    assert shown == [jpeg, after]
    assert {"colorize scans", "1.25 s", "hm", "before", "after"} <= set(page.words)
    assert "1 done, 0 failed, 1.2 s of work. " in page.words


def test_failures_are_listed_first_and_on_their_cards(tmp_path, jpeg):
    with HtmlReport(tmp_path / "report.html", "colorize") as report:
        report.add(tmp_path / "good.png", before=jpeg)
        report.add(tmp_path / "torn.png", error="torn.png is torn")
    text = report.path.read_text()
    assert "1 done, 1 failed" in text
    assert text.count("torn.png is torn") == 2
    assert text.index("torn.png is torn") < text.index("<main>")
    assert Page(report.path).tags.count("article") == 2


def test_names_and_messages_are_escaped(tmp_path):
    with HtmlReport(tmp_path / "report.html", "<b>title</b>") as report:
        report.add(tmp_path / '<script>"&.png', remarks=["<i>"], error="a & b <u>")
    page = Page(report.path)
    assert not {"script", "b", "i", "u"} & set(page.tags)
    assert page.links[0] == "%3Cscript%3E%22%26.png"
    assert {"<b>title</b>", "<i>", "a & b <u>"} <= set(page.words)


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
def test_names_that_are_no_text_are_linked_all_the_same(tmp_path):
    with HtmlReport(tmp_path / "report.html", "colorize") as report:
        report.add(Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfc\xdfe 1#.png")))
    assert Page(report.path).links == ["gr%FC%DFe%201%23.png"]


def test_nothing_comes_from_elsewhere(tmp_path, jpeg):
    with HtmlReport(tmp_path / "report.html", "colorize") as report:
        report.add(tmp_path / "a.png", before=jpeg)
    text = report.path.read_text()
    assert not re.search(r"<script|<link|https?://|url\(|@import", text)
    assert 'name="viewport"' in text
    assert "color-scheme: light dark" in text


def test_what_was_added_is_written_when_something_goes_wrong(tmp_path):
    def interrupted():
        with HtmlReport(tmp_path / "report.html", "colorize") as report:
            report.add(tmp_path / "a.png")
            assert not list(tmp_path.glob("[!.]*")), "nothing half-written is seen"
            report.ending = "Interrupted."
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "Interrupted." in (tmp_path / "report.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_report_is_replaced_but_no_other_file(tmp_path):
    path = tmp_path / "report.html"
    for name in ("first.png", "second.png"):
        with HtmlReport(path, "colorize") as report:
            report.add(tmp_path / name)
    assert "second.png" in path.read_text()
    assert "first.png" not in path.read_text()
    path.write_text("<html>my own</html>")
    with pytest.raises(OutputExistsError, match="no report of colorzoo"):
        HtmlReport(path, "colorize")
    with pytest.raises(UsageError, match=r"ends in \.html"):
        HtmlReport(tmp_path / "scan.tif", "colorize")
    assert path.read_text() == "<html>my own</html>"


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (40, 30), (500, 1000)])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "I;16", "F"])
def test_thumbnails_of_any_picture_are_small(mode, size):
    image = PIL.Image.fromarray(np.full(size[::-1], 0.5, np.float32)) if mode == "F" else PIL.Image.new(mode, size)
    with PIL.Image.open(io.BytesIO(thumbnail(image))) as small:
        assert small.format == "JPEG"
        assert max(small.size) == min(240, max(size))


def test_thumbnails_of_deep_pictures_are_not_white():
    deep = PIL.Image.fromarray(np.full((20, 20), 20_000, np.uint16))
    with PIL.Image.open(io.BytesIO(thumbnail(deep))) as small:
        assert abs(small.convert("L").getpixel((5, 5)) - 20_000 / 257) < 3
