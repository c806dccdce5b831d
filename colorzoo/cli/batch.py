"""Runs over many images: existing outputs, other runs, progress, failures, and Ctrl-C."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from tqdm import tqdm

from colorzoo.cli.html_report import HtmlReport, thumbnail
from colorzoo.cli.if_color import Transform
from colorzoo.cli.paths import output_exists_error
from colorzoo.cli.run_summary import RunSummary
from colorzoo.cli.signals import stop_on_signals
from colorzoo.cli.terminal import print_message, print_remark, print_result
from colorzoo.errors import (
    OutputExistsError,
    PictureWarning,
    UnreadableImageError,
    UnwritableError,
    UsageError,
    describe_error,
)
from colorzoo.io.atomic import format_of
from colorzoo.io.claim import FileVersion, claim, version_of
from colorzoo.io.owned_file import remove_abandoned
from colorzoo.io.pil_file import MAX_MEGAPIXELS
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import RasterFile, open_raster, write_pages, write_raster
from colorzoo.runtime.parallel_images import ImageResult, map_images

Pair = tuple[Path, Path]


class _MadeElsewhereError(OutputExistsError):
    """Another run is making the output, or has made it during this one."""


@dataclass(frozen=True)
class Remark:
    """Messages about an image, and its thumbnails for the report."""

    texts: tuple[str, ...] = ()
    written: bool = False
    before: bytes | None = None
    after: bytes | None = None


def run_images(
    pairs: Sequence[Pair],
    transform: Transform,
    *,
    title: str = "colorzoo",
    all_pages: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    overwrite: bool = False,
    skip_existing: bool = False,
    report: Path | None = None,
    summary: RunSummary | None = None,
    make_files: "Callable[..., ImageFiles] | None" = None,
) -> int:
    """Transform each image into a new file; one that fails does not stop the others.

    The names of written files go to standard output, messages to standard error, where a terminal also shows a
    progress bar; what was refused or failed is listed at the end, with a total. Several runs may share the images: each
    leaves out what another one is making or has made.

    Args:
        pairs: Source and target of each image.
        transform: Called with each image, from several threads at a time.
        title: The heading of the report.
        all_pages: Transform all pages of a file; the first of them decides whether anything is written.
        max_megapixels: Refuse larger images.
        overwrite: Replace targets that exist.
        skip_existing: Leave out images whose targets exist, to resume an interrupted run.
        report: An HTML file to write, see `HtmlReport`.
        summary: What became of other inputs before; the images are added to it.
        make_files: Makes another kind of `ImageFiles`, which reads, transforms and writes.

    Returns:
        0 if all was done, 1 if something was refused or failed, 128 plus the number of the signal that ended the run.

    Raises:
        UsageError: If the report's name does not end in .html.
        OutputExistsError: If the report would replace another file.
        UnwritableError: If the report cannot be written.
    """
    summary = RunSummary() if summary is None else summary
    status = 0
    with ExitStack() as opened:
        opened.callback(_print_messages, summary)
        page = opened.enter_context(_open_report(report, title, summary))
        for folder in {target.parent for _, target in pairs}:
            remove_abandoned(folder)
        seen = {target: version_of(target) for _, target in pairs}
        remaining = _refuse_existing(pairs, seen, page, summary, skip_existing) if not overwrite else pairs
        files = (make_files or ImageFiles)(transform, page is not None, all_pages, max_megapixels, overwrite, seen)
        # disable=None shows the bar on terminals only.
        bar = opened.enter_context(
            tqdm(total=len(remaining), unit="image", disable=None if len(remaining) > 1 else True, dynamic_ncols=True)
        )
        stop = opened.enter_context(stop_on_signals())
        summary.left = len(remaining)
        results = map_images(
            remaining,
            files.read,
            files.transform_pages,
            files.write,
            open_file=files.open,
            claim=files.claim,
            stop=stop,
        )
        for result in opened.enter_context(closing(results)):
            summary.left -= 1
            with tqdm.external_write_mode():
                _show(result, page, summary, files.outputs(result.target))
            if bad := len(summary.refused) + len(summary.failed):
                bar.set_postfix_str(f"{bad} failed", refresh=False)
            bar.update()
        if stop.is_set() and summary.left:
            status = 128 + stop.number
            done = len(remaining) - summary.left
            summary.ending = f"interrupted after {done} of {len(remaining)}"
    return status or summary.status


def _print_messages(summary: RunSummary) -> None:
    for message in summary.messages():
        print_message(message)
    if summary.of_folder:
        print_remark(summary.describe())


@contextmanager
def _open_report(path: Path | None, title: str, summary: RunSummary) -> Iterator[HtmlReport | None]:
    """Yield the page, if there is to be one; where it cannot be written, fail before the run, or count it after."""
    if path is None:
        yield None
        return
    with ExitStack() as opened:
        page = opened.enter_context(HtmlReport(path, title))
        try:
            yield page
        finally:
            ending = f"Then {summary.ending}. " if summary.ending else ""
            page.ending = f"{ending}In all: {summary.describe()}."
        try:
            opened.close()
        except UnwritableError as error:
            summary.failed.append(str(error))


def _refuse_existing(
    pairs: Sequence[Pair],
    seen: Mapping[Path, FileVersion],
    page: HtmlReport | None,
    summary: RunSummary,
    skip_existing: bool,
) -> list[Pair]:
    """Return the pairs whose target does not exist; the others are skipped, or refused."""
    remaining = []
    for source, target in pairs:
        if seen[target] is None:
            remaining.append((source, target))
        elif skip_existing:
            summary.skip("exist")
        else:
            _show(ImageResult(source, target, 0.0, error=output_exists_error(target)), page, summary)
    return remaining


@dataclass(frozen=True)
class ImageFiles:
    """Reads, transforms and writes the image of a file, or all its pages."""

    transform: Transform
    with_thumbnails: bool
    all_pages: bool
    max_megapixels: float
    overwrite: bool
    seen: Mapping[Path, FileVersion]

    def outputs(self, target: Path) -> Sequence[Path]:
        """Return the files that an image becomes, of which the target is the last to be written."""
        return [target]

    @contextmanager
    def open(self, source: Path) -> Iterator[tuple[RasterFile, int]]:
        """Open an image, and tell how many bytes of memory it takes."""
        with open_raster(source, self.max_megapixels) as file:
            yield file, file.needed_bytes

    @contextmanager
    def claim(self, target: Path) -> Iterator[None]:
        """Hold a target against other runs, or raise if it is made already."""
        with claim(target, self.seen[target]) as ours:
            if not ours:
                raise _MadeElsewhereError(target)
            yield

    def read(self, file: RasterFile) -> Iterator[RasterImage]:
        """Yield what is to be transformed."""
        return file.read_pages() if self.all_pages else iter([file.read()])

    def transform_pages(self, pages: Iterator[RasterImage]) -> tuple[Iterator[RasterImage] | None, Remark]:
        """Transform the first, which decides whether anything is written, and the others while they are written."""
        first = next(pages)
        changed, text = self.transform(first)
        before = thumbnail(first.to_pil()) if self.with_thumbnails else None
        if changed is None:
            return None, Remark((text,), False, before)
        after = thumbnail(changed.to_pil()) if self.with_thumbnails else None
        texts = tuple(text for text in (*changed.remarks, text) if text)
        return chain([changed], self._transform_others(pages)), Remark(texts, True, before, after)

    def _transform_others(self, pages: Iterator[RasterImage]) -> Iterator[RasterImage]:
        """Transform the other pages; keep one that the transform leaves out."""
        for number, page in enumerate(pages, 2):
            changed, text = self.transform(page)
            page = changed or page
            for message in (*page.remarks, text):
                if message:
                    warnings.warn(f"page {number}: {message}", PictureWarning, stacklevel=2)
            yield page

    def write(self, pages: Iterator[RasterImage], target: Path) -> None:
        """Write the results, each under its name once it is whole."""
        first = next(pages)
        others = list(islice(pages, 1)) if self.all_pages else []
        try:
            if others or format_of(target) == "TIFF":
                write_pages(chain([first], others, pages), target, self.overwrite)
            else:
                write_raster(first, target, self.overwrite)
        except OutputExistsError as error:  # of a run whose claims are not seen, over a network
            raise _MadeElsewhereError(target) from error


def _show(
    result: ImageResult[Remark], page: HtmlReport | None, summary: RunSummary, outputs: Sequence[Path] = ()
) -> None:
    """Print the result of an image, count it, and add it to the report."""
    if isinstance(result.error, _MadeElsewhereError):
        summary.skip("made by another run")
        return
    remark = result.remark or Remark()
    remarks = [*remark.texts, *result.warnings]
    written = result.error is None and remark.written
    failure = "" if result.error is None else describe_error(result.error, result.source)
    if written:
        summary.done += 1
        try:
            for output in outputs:
                print_result(output)
        except UnwritableError as error:
            summary.failed.append(str(error))
    elif result.error is None:
        summary.skip("in colour")
    elif isinstance(result.error, UnreadableImageError | OutputExistsError | UsageError):
        summary.refused.append(failure)
    else:
        summary.failed.append(failure)
    for text in remarks:
        print_remark(f"{result.source}: {text}")
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
