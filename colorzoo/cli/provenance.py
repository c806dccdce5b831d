"""What a command writes into the metadata of its results: the command, the models and how they were used."""

from collections.abc import Sequence

from colorzoo.base.module import ZooModule


def history_entry(command: str, models: Sequence[ZooModule], parameters: str) -> str:
    """Return the line that the history of a result gets.

    Args:
        command: Such as ``"colorize"``.
        models: What did it; name and SHA-256 of their checkpoints are told.
        parameters: How, in words.

    Example:
        >>> history_entry("colorize", [], "saturation 0.5")
        'colorize; saturation 0.5'
    """
    names = "; ".join(model.source.describe() if model.source else f"{model.name()} (unpublished)" for model in models)
    return "; ".join(part for part in (command, names, parameters) if part)
