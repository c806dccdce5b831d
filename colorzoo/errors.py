"""What can go wrong, by name. Each message says what was wrong and what to do."""

from collections.abc import Sequence
from pathlib import Path


class ColorzooError(Exception):
    """Base of every error that colorzoo raises on purpose."""


class UsageError(ColorzooError, ValueError):
    """A command asks for what cannot be done."""


class UnknownModelError(ColorzooError, ValueError):
    """No model, or no published checkpoint, has this name."""


class UnknownModuleError(ColorzooError, AttributeError, ValueError):
    """A model has no part of this name."""


class NoConfidenceError(ColorzooError, NotImplementedError):
    """A model is asked how sure it is of its colours, which its method does not tell."""


class NoDistributionError(ColorzooError, NotImplementedError):
    """A model that answers with one colour a place is asked for variants, or to follow a reference image."""


class CheckpointError(ColorzooError, ValueError):
    """A checkpoint file is not what it should be: damaged, of another model, or of another shape."""


class ChecksumError(CheckpointError):
    """The bytes of a checkpoint are not those that were published."""


class UnreadableImageError(ColorzooError, OSError):
    """A file is missing, or is no image that can be decoded."""


class UnreadableVideoError(ColorzooError, OSError):
    """A file is missing, or holds no moving image that can be decoded."""


class DamagedVideoError(UnreadableVideoError):
    """A part of a video is missing or damaged; what could be read was written."""


class OutputExistsError(ColorzooError, FileExistsError):
    """The output is already there, and overwriting was not asked for."""


class UnwritableError(ColorzooError, OSError):
    """A file cannot be written: the disk is full, or the folder refuses."""


class DataError(ColorzooError, ValueError):
    """A data set is missing, empty or too small for what was asked."""


class ExportError(ColorzooError, RuntimeError):
    """A model cannot be written as a file that runs without colorzoo."""


class DivergedError(ColorzooError, RuntimeError):
    """Training came to a loss that is no finite number."""


class PictureWarning(UserWarning):
    """Something of an image could not be kept or understood; the rest was."""


def describe_unknown(name: str, known: Sequence[str], what: str) -> str:
    """Say that a name is unknown, which one is nearest, and which there are.

    Args:
        name: The unknown name.
        known: The known ones.
        what: What they name, such as ``"model"``.

    Example:
        >>> describe_unknown("fusion_cn", ["fusion_cnn"], "model")
        "no model is called 'fusion_cn'; did you mean 'fusion_cnn'? available: fusion_cnn"
    """
    import difflib  # only here: the command line's help does without it

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"no {what} is called {name!r}; {hint}available: {', '.join(known) or 'none'}"


def describe_error(error: Exception, source: Path | None = None) -> str:
    """Return one line about an error, with the file's name if the message lacks it.

    Args:
        error: What was raised.
        source: The file it was raised about.

    Returns:
        The message; for an error that colorzoo does not expect, after the name of its class.

    Example:
        >>> describe_error(ValueError("too dark"), Path("a.png")), describe_error(KeyError("ICC"))
        ('a.png: too dark', "KeyError: 'ICC'")
    """
    text = str(error)
    if not text or not isinstance(error, ColorzooError | OSError | ValueError | RuntimeError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return f"{source}: {text}" if source is not None and str(source) not in text else text
