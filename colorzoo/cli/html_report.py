"""An HTML report of a run: each image before and after, the time it took, and failures."""

import base64
import html
import io
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import PIL.Image

from colorzoo.cli.terminal import escape_controls
from colorzoo.errors import OutputExistsError, UnwritableError, UsageError
from colorzoo.io.atomic import atomic_write
from colorzoo.io.pil_file import to_rgb

_SIDE = 240
_GENERATOR = '<meta name="generator" content="colorzoo">'
_STYLE = """\
:root { color-scheme: light dark; --edge: #8884; --bad: #b00020; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; } }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
article { border: 1px solid var(--edge); border-radius: .5rem; padding: .6rem; content-visibility: auto;
  contain-intrinsic-size: auto 16rem; }
h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.pair { display: grid; gap: .4rem; grid-template-columns: 1fr 1fr; }
figure { margin: 0; }
img { display: block; width: 100%; height: 12rem; object-fit: contain; }
figcaption, p { font-size: .85rem; margin: .3rem 0 0; overflow-wrap: anywhere; }
.bad { color: var(--bad); }
"""


def thumbnail(image: PIL.Image.Image) -> bytes:
    """Return a small copy of an image as the bytes of a JPEG file.

    Args:
        image: An image of any mode and size.

    Returns:
        A JPEG file with a longer side of at most 240 pixels.

    Example:
        >>> PIL.Image.open(io.BytesIO(thumbnail(PIL.Image.new("RGB", (600, 400))))).size
        (240, 160)
    """
    small = image if image.mode in ("L", "RGB") else to_rgb(image)
    scale = min(1.0, _SIDE / max(small.size))
    size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
    small = small.resize(size, PIL.Image.Resampling.BICUBIC, reducing_gap=3)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80, optimize=True)
    return stream.getvalue()


class HtmlReport:
    """A self-contained HTML file with a card for each image.

    Cards are collected in a temporary file, so that thousands of images need no memory; the report is written when
    the ``with`` block ends, also by an exception.

    Args:
        path: The file to write; an existing report is replaced, another file is not.
        title: Its heading.

    Raises:
        UsageError: If the name does not end in .html or .htm.
        OutputExistsError: If the path is another file than a report of colorzoo.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with HtmlReport(Path(folder, "report.html"), "colorize") as report:
        ...         report.add(Path(folder, "a.png"), seconds=0.5, remarks=["in colour"])
        ...     "a.png" in report.path.read_text()
        True
    """

    def __init__(self, path: Path, title: str) -> None:
        if path.suffix.lower() not in (".html", ".htm"):
            raise UsageError(f"the report {path} would be a page of HTML; give a name that ends in .html")
        if path.exists() and not _is_report(path):
            raise OutputExistsError(f"{path} exists and is no report of colorzoo; choose another name for the report")
        self.path = path
        self.title = title
        self.ending = ""
        """Why the run ended early; empty if it did not."""
        self._done, self._seconds = 0, 0.0
        self._failures: list[tuple[Path, str]] = []
        self._error: OSError | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Open the page, which fails here if it cannot be written, and the temporary file of the cards."""
        self._page = self._open.enter_context(atomic_write(self.path, overwrite=True))
        self._cards = self._open.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
        return self

    def add(
        self,
        source: Path,
        target: Path | None = None,
        *,
        before: bytes | None = None,
        after: bytes | None = None,
        seconds: float = 0.0,
        remarks: list[str] | None = None,
        error: str = "",
    ) -> None:
        """Add the card of one image.

        Args:
            source: Its file.
            target: The file of the result, if there is one.
            before: The image as the bytes of a JPEG file, see `thumbnail`.
            after: The result, likewise.
            seconds: Time it took.
            remarks: Warnings and other messages.
            error: Why there is no result.
        """
        self._seconds += seconds
        if error:
            self._failures.append((source, error))
        else:
            self._done += 1
        pair = "".join(
            f'<figure><a href="{self._link(path)}">{_image(jpeg, what)}</a><figcaption>{what}</figcaption></figure>'
            for path, jpeg, what in ((source, before, "before"), (target, after, "after"))
            if path is not None and jpeg is not None
        )
        remarks_text = "".join(f"<p>{_escape(remark)}</p>" for remark in remarks or [])
        failed = f'<p class="bad">{_escape(error)}</p>' if error else ""
        card = (
            f'<article id="{self._done + len(self._failures)}"><h2><a href="{self._link(source)}">'
            f'{_escape(source)}</a></h2><div class="pair">{pair}</div>'
            f"<p>{seconds:.2f} s</p>{remarks_text}{failed}</article>\n"
        )
        try:
            self._cards.write(card)
        except OSError as full:  # the images are worth more than the page, and go on
            self._error = self._error or full

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the report with all cards that were added, also after an exception."""
        with self._open:
            if self._error is not None:
                reason = f"the cards of {self.path} cannot be written ({self._error.strerror}); make room on the disk"
                raise UnwritableError(reason)
            self._page.write(self._head().encode(errors="replace"))
            self._cards.seek(0)
            self._page.writelines(line.encode(errors="replace") for line in self._cards)
            self._page.write(b"</main></body></html>\n")

    def _head(self) -> str:
        title = _escape(self.title)
        failures = "".join(
            f'<li><a href="{self._link(source)}">{_escape(source)}</a>: {_escape(error)}</li>'
            for source, error in self._failures
        )
        listed = (
            f'<details open class="bad"><summary>Failures</summary><ul>{failures}</ul></details>' if failures else ""
        )
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">{_GENERATOR}'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
            f"<style>\n{_STYLE}</style></head><body><h1>{title}</h1>"
            f"<p>{self._done} done, {len(self._failures)} failed, {self._seconds:.1f} s of work. "
            f"{_escape(self.ending)}</p>{listed}<main>\n"
        )

    def _link(self, path: Path) -> str:
        """Return the address of a file relative to the report; names that are not UTF-8 keep their bytes."""
        here = self.path.resolve().parent
        try:
            return quote(Path(os.path.relpath(path.resolve(), here)).as_posix().encode(errors="surrogateescape"))
        except ValueError:  # on another drive of Windows
            return path.resolve().as_uri()


def _is_report(path: Path) -> bool:
    with path.open("rb") as stream:
        return _GENERATOR.encode() in stream.read(1024)


def _escape(text: str | Path) -> str:
    return html.escape(escape_controls(str(text).encode(errors="replace").decode()))


def _image(jpeg: bytes, what: str) -> str:
    return f'<img alt="{what}" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'
