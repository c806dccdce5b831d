"""What became of every file that a command was given, with reasons and a total."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class RunSummary:
    """Counts what is done, and what is not and why.

    Args:
        done: Results that were written.
        skipped: Inputs that were rightly left out, by reason.
        refused: Why inputs were refused: what is wrong lies in them, or in the way of their results.
        failed: Why others failed.
        left: Inputs that an interrupted run did not come to.
        ending: Why the run ended early; empty if it did not.
        of_folder: Whether there is more to account for than the files that were named.

    Example:
        >>> RunSummary(done=2, skipped=Counter({"hidden": 3})).describe()
        '2 done, 3 skipped, 0 refused, 0 failed, of 5; skipped: 3 hidden'
    """

    done: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left: int = 0
    ending: str = ""
    of_folder: bool = False

    def skip(self, reason: str, count: int = 1) -> None:
        """Count inputs that are left out."""
        if count:
            self.skipped[reason] += count

    @property
    def status(self) -> int:
        """The exit status: 0 if nothing failed and nothing was refused."""
        return int(bool(self.refused or self.failed))

    @property
    def total(self) -> int:
        """How many files there were."""
        return self.done + self.skipped.total() + len(self.refused) + len(self.failed) + self.left

    def describe(self) -> str:
        """Return the total in one line."""
        left = f", {self.left} not begun" if self.left else ""
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
        return (
            f"{self.done} done, {self.skipped.total()} skipped, {len(self.refused)} refused, {len(self.failed)} failed"
            f"{left}, of {self.total}{f'; skipped: {reasons}' if reasons else ''}"
        )

    def messages(self) -> Iterator[str]:
        """Yield why inputs were refused or failed, and why the run ended early."""
        yield from self.refused
        yield from self.failed
        if self.ending:
            yield f"{self.ending}; all written files are complete, and --skip-existing resumes the run"
