"""Runs over many images: existing outputs, progress, failures, and Ctrl-C."""

import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from colorzoo.cli.html_report import HtmlReport, thumbnail
from colorzoo.cli.if_color import Transform
from colorzoo.cli.paths import output_exists_error
from colorzoo.errors import PictureWarning, describe_error
from colorzoo.io.pil_file import MAX_MEGAPIXELS
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import RasterFile, open_raster, write_pages, write_raster
from colorzoo.runtime.parallel_images import ImageResult, map_images

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 plus the number of that signal."""


@dataclass(frozen=True)
class _Remark:
    """Messages about an image, and its thumbnails for the report."""

    texts: tuple[str, ...] = ()
    written: bool = False
    before: bytes | None = None
    after: bytes | None = None


def run_images(
    pairs: Sequence[tuple[Path, Path]],
    transform: Transform,
    *,
    title: str = "colorzoo",
    all_pages: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    overwrite: bool = False,
    skip_existing: bool = False,
    report: Path | None = None,
    failures: Sequence[str] = (),
) -> int:
    """Transform each image into a new file; one that fails does not stop the others.

    The names of written files go to standard output, messages to standard error, where a terminal also shows a
    progress bar; failures are listed at the end.

    Args:
        pairs: Source and target of each image.
        transform: Called with each image, from several threads at a time.
        title: The heading of the report.
        all_pages: Transform all pages of a file; the first of them decides whether anything is written.
        max_megapixels: Refuse larger images.
        overwrite: Replace targets that exist.
        skip_existing: Leave out images whose targets exist, to resume an interrupted run.
        report: An HTML file to write, see `HtmlReport`.
        failures: Messages about inputs that failed before.

    Returns:
        0 if all was done, 1 if something failed, 130 after Ctrl-C.

    Raises:
        UsageError: If the report's name does not end in .html.
        OutputExistsError: If the report would replace another file.
    """
    failed = list(failures)
    page = HtmlReport(report, title) if report else None
    status = 0
    try:
        with ExitStack() as opened:
            if page is not None:
                opened.enter_context(page)
            remaining = _remaining(pairs, overwrite, skip_existing)
            for source, target in [] if skip_existing else sorted(set(pairs) - set(remaining)):
                error = output_exists_error(target)
                failed.append(_show(ImageResult(source, target, 0.0, error=error), page))

            files = _Files(transform, page is not None, all_pages, max_megapixels, overwrite)
            # disable=None shows the bar on terminals only.
            bar = opened.enter_context(
                tqdm(
                    total=len(remaining), unit="image", disable=None if len(remaining) > 1 else True, dynamic_ncols=True
                )
            )
            stop = opened.enter_context(_catch_interrupt())
            results = map_images(
                remaining, files.read, files.transform_pages, files.write, open_file=files.open, stop=stop
            )
            done = 0
            for result in opened.enter_context(closing(results)):
                with tqdm.external_write_mode():
                    if failure := _show(result, page):
                        failed.append(failure)
                        bar.set_postfix_str(f"{len(failed)} failed", refresh=False)
                bar.update()
                done += 1
            if stop.is_set() and done < len(remaining):
                status = INTERRUPTED
                ending = f"interrupted after {done} of {len(remaining)}"
                failed.append(f"{ending}; all written files are complete, and --skip-existing resumes the run")
                if page is not None:
                    page.ending = f"Then {ending}."
    finally:
        for failure in failed:
            print(f"colorzoo: {failure}", file=sys.stderr)
    return status or int(bool(failed))


@dataclass(frozen=True)
class _Files:
    """Reads, transforms and writes the image of a file, or all its pages."""

    transform: Transform
    with_thumbnails: bool
    all_pages: bool
    max_megapixels: float
    overwrite: bool

    @contextmanager
    def open(self, source: Path) -> Iterator[tuple[RasterFile, int]]:
        with open_raster(source, self.max_megapixels) as file:
            yield file, file.needed_bytes

    def read(self, file: RasterFile) -> Iterator[RasterImage]:
        return file.read_pages() if self.all_pages else iter([file.read()])

    def transform_pages(self, pages: Iterator[RasterImage]) -> tuple[Iterator[RasterImage] | None, _Remark]:
        first = next(pages)
        changed, text = self.transform(first)
        before = thumbnail(first.to_pil()) if self.with_thumbnails else None
        if changed is None:
            return None, _Remark((text,), False, before)
        after = thumbnail(changed.to_pil()) if self.with_thumbnails else None
        texts = tuple(text for text in (*changed.remarks, text) if text)
        return chain([changed], self._transform_others(pages)), _Remark(texts, True, before, after)

    def _transform_others(self, pages: Iterator[RasterImage]) -> Iterator[RasterImage]:
        """Transform the other pages while they are written; keep one that the transform leaves out."""
        for number, page in enumerate(pages, 2):
            changed, text = self.transform(page)
            page = changed or page
            for message in (*page.remarks, text):
                if message:
                    warnings.warn(f"page {number}: {message}", PictureWarning, stacklevel=2)
            yield page

    def write(self, pages: Iterator[RasterImage], target: Path) -> None:
        if self.all_pages:
            write_pages(pages, target, self.overwrite)
        else:
            write_raster(next(pages), target, self.overwrite)


def _remaining(pairs: Sequence[tuple[Path, Path]], overwrite: bool, skip_existing: bool) -> list[tuple[Path, Path]]:
    """Return the pairs whose target does not exist, and print how many do."""
    if overwrite:
        return list(pairs)
    remaining = [(source, target) for source, target in pairs if not target.exists()]
    if skip_existing and len(remaining) < len(pairs):
        existing = len(pairs) - len(remaining)
        print(f"colorzoo: {existing} of {len(pairs)} results exist and are left as they are", file=sys.stderr)
    return remaining


@contextmanager
def _catch_interrupt() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets, so that no write is cut; a second Ctrl-C raises KeyboardInterrupt."""
    pressed = threading.Event()

    def press(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield pressed
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _show(result: ImageResult[_Remark], page: HtmlReport | None) -> str:
    """Print the result of an image, add it to the report, and return the failure's message if it failed."""
    remark = result.remark or _Remark()
    remarks = [*remark.texts, *result.warnings]
    written = result.error is None and remark.written
    failure = "" if result.error is None else describe_error(result.error, result.source)
    if written:
        print(result.target, flush=True)
    for text in remarks:
        print(f"{result.source}: {text}", file=sys.stderr)
    if page is not None:
        page.add(
            result.source,
            result.target if written else None,
            before=remark.before,
            after=remark.after,
            seconds=result.seconds,
            remarks=remarks,
            error=failure,
        )
    return failure
