"""``python -m colorzoo`` is the command ``colorzoo``."""

from colorzoo.cli import console

console()
