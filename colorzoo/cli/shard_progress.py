"""Shows on a terminal how shards are made, and tells the exit status."""

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from colorzoo.cli.signals import INTERRUPTED
from colorzoo.cli.terminal import print_message, print_remark, print_result
from colorzoo.data.shards.build import ShardResult, make_shards
from colorzoo.data.shards.writer import ShardProgress
from colorzoo.io.atomic import check_writable
from colorzoo.io.owned_file import remove_abandoned


class TerminalProgress(ShardProgress):
    """Prints the names of finished shards, warnings, and a progress bar on terminals.

    Args:
        target: The folder of the shards.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.bar: tqdm[int] | None = None

    def begin(self, total: int, resumed: bool) -> None:
        """Show the bar."""
        self.bar = tqdm(total=total, unit="image", disable=None, dynamic_ncols=True)
        if resumed:
            self.warn(f"colorzoo: resuming the shards in {self.target}")

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update(count)

    def wrote(self, shard: Path) -> None:
        """Print the name of a shard."""
        with tqdm.external_write_mode():
            print_result(shard)

    def warn(self, text: str) -> None:
        """Print a line to standard error."""
        with tqdm.external_write_mode():
            print_remark(text)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()


def run_make_shards(source: Path, target: Path, **options: Any) -> int:
    """Make shards, and print what is done and what failed.

    Args:
        source: The folder of images.
        target: The folder of the shards.
        options: Of `make_shards`.

    Returns:
        0 if all images were stored, 1 if some were left out, 130 after Ctrl-C.
    """
    if os.path.isdir(target):
        remove_abandoned(target)
    check_writable(target if os.path.isdir(target) else target.parent)
    with closing(TerminalProgress(target)) as progress:
        result: ShardResult = make_shards(source, target, progress=progress, **options)
    for failure in result.failures:
        print_message(failure)
    if result.interrupted:
        print_message("interrupted; the same command continues with the next shard")
        return INTERRUPTED
    return int(bool(result.failures))
