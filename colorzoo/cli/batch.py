"""A run over pictures: what is there already, how far it is, what failed, and what Ctrl-C leaves."""

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
from colorzoo.io.raster_file import read_pages, read_raster, write_pages, write_raster
from colorzoo.runtime.parallel_images import ImageResult, map_images

INTERRUPTED = 130
"""What a command answers after Ctrl-C: 128, and the number of that signal."""


@dataclass(frozen=True)
class _Remark:
    """What is to be told of a picture, and what the report shows of it."""

    texts: tuple[str, ...] = ()
    written: bool = False
    before: bytes | None = None
    after: bytes | None = None


def run_images(
    pairs: Sequence[tuple[Path, Path]],
    transform: Transform,
    *,
    title: str = "colorzoo",
    all_frames: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    overwrite: bool = False,
    skip_existing: bool = False,
    report: Path | None = None,
    failures: Sequence[str] = (),
) -> int:
    """Make a picture of each picture; one that fails does not stop the others.

    The names of results go to standard output as they are done; what there is to say of a picture goes to standard
    error, where a terminal also shows how far the run is, and at the end what failed.

    Args:
        pairs: Source and target of each picture.
        transform: What is done with it; called from several threads at a time.
        title: The heading of the report.
        all_frames: Do all pages of a file; the first of them decides whether anything is written.
        max_megapixels: Refuse larger pictures.
        overwrite: Replace targets that exist.
        skip_existing: Leave out pictures whose targets exist, as those of an earlier run that was interrupted.
        report: A file of HTML for `HtmlReport`.
        failures: What failed before.

    Returns:
        0 if everything was done, 1 if something failed, 130 after Ctrl-C.

    Raises:
        UsageError: If the report's name is not that of a file of HTML.
        OutputExistsError: If the report would replace a file that is no report.
    """
    failed = list(failures)
    page = HtmlReport(report, title) if report else None
    status = 0
    try:
        with ExitStack() as opened:
            if page is not None:
                opened.enter_context(page)
            left = _left(pairs, overwrite, skip_existing)
            for source, target in [] if skip_existing else sorted(set(pairs) - set(left)):
                error = output_exists_error(target)
                failed.append(_tell(ImageResult(source, target, 0.0, error=error), page))

            files = _Files(transform, page is not None, all_frames, max_megapixels, overwrite)
            # None: on terminals only.
            bar = opened.enter_context(
                tqdm(total=len(left), unit="picture", disable=None if len(left) > 1 else True, dynamic_ncols=True)
            )
            stop = opened.enter_context(_interrupt())
            conveyed = map_images(left, files.read, files.change, files.write, stop=stop)
            done = 0
            for outcome in opened.enter_context(closing(conveyed)):
                with tqdm.external_write_mode():
                    if failure := _tell(outcome, page):
                        failed.append(failure)
                        bar.set_postfix_str(f"{len(failed)} failed", refresh=False)
                bar.update()
                done += 1
            if stop.is_set() and done < len(left):
                status = INTERRUPTED
                ending = f"interrupted after {done} of {len(left)}"
                failed.append(f"{ending}; each result is whole, and --skip-existing goes on from there")
                if page is not None:
                    page.ending = f"Then {ending}."
    finally:
        for failure in failed:
            print(f"colorzoo: {failure}", file=sys.stderr)
    return status or int(bool(failed))


@dataclass(frozen=True)
class _Files:
    """Reads, changes and writes what is in one file: a picture, or the pages of several."""

    transform: Transform
    shown: bool
    all_frames: bool
    max_megapixels: float
    overwrite: bool

    def read(self, source: Path) -> Iterator[RasterImage]:
        if self.all_frames:
            return read_pages(source, self.max_megapixels)
        return iter([read_raster(source, self.max_megapixels)])

    def change(self, pages: Iterator[RasterImage]) -> tuple[Iterator[RasterImage] | None, _Remark]:
        first = next(pages)
        changed, text = self.transform(first)
        before = thumbnail(first.to_pil()) if self.shown else None
        if changed is None:
            return None, _Remark((text,), False, before)
        after = thumbnail(changed.to_pil()) if self.shown else None
        texts = tuple(text for text in (*changed.remarks, text) if text)
        return chain([changed], self._others(pages)), _Remark(texts, True, before, after)

    def _others(self, pages: Iterator[RasterImage]) -> Iterator[RasterImage]:
        """Change the other pages as they are written; one that is to be left out stays as it is."""
        for number, page in enumerate(pages, 2):
            changed, text = self.transform(page)
            page = changed or page
            for told in (*page.remarks, text):
                if told:
                    warnings.warn(f"page {number}: {told}", PictureWarning, stacklevel=2)
            yield page

    def write(self, pages: Iterator[RasterImage], target: Path) -> None:
        if self.all_frames:
            write_pages(pages, target, self.overwrite)
        else:
            write_raster(next(pages), target, self.overwrite)


def _left(pairs: Sequence[tuple[Path, Path]], overwrite: bool, skip_existing: bool) -> list[tuple[Path, Path]]:
    """Return the pairs whose target is still to be made, and tell how many are not."""
    if overwrite:
        return list(pairs)
    left = [(source, target) for source, target in pairs if not target.exists()]
    if skip_existing and len(left) < len(pairs):
        there = len(pairs) - len(left)
        print(f"colorzoo: {there} of {len(pairs)} results exist and are left as they are", file=sys.stderr)
    return left


@contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Give what Ctrl-C sets, so that it comes between nothing; a second one interrupts as ever."""
    pressed = threading.Event()

    def press(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    if threading.current_thread() is not threading.main_thread():  # which alone may ask for signals
        yield pressed
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(outcome: ImageResult[_Remark], page: HtmlReport | None) -> str:
    """Print what became of a picture, add it to the report, and return why it failed if it did."""
    remark = outcome.remark or _Remark()
    remarks = [*remark.texts, *outcome.warnings]
    written = outcome.error is None and remark.written
    failure = "" if outcome.error is None else describe_error(outcome.error, outcome.source)
    if written:
        print(outcome.target, flush=True)
    for text in remarks:
        print(f"{outcome.source}: {text}", file=sys.stderr)
    if page is not None:
        page.add(
            outcome.source,
            outcome.target if written else None,
            before=remark.before,
            after=remark.after,
            seconds=outcome.seconds,
            remarks=remarks,
            error=failure,
        )
    return failure
