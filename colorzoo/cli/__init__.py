"""The command line."""

from colorzoo.cli.parser import main

__all__ = ["main"]
