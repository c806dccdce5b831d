"""Networks that PyTorch compiles before they are first used."""

import os
import shutil
import sys

import torch

from colorzoo.base.module import ZooModule
from colorzoo.errors import UsageError

_ASKED = ("chroma", "restore")
"""What is asked of the network of a colouriser, and of a de-noiser."""


def compile_network(model: ZooModule) -> None:
    """Let PyTorch compile, in place, what a model asks its network; it does so when the first picture comes.

    Args:
        model: A colouriser or de-noiser.

    Raises:
        UsageError: If there is no C++ compiler, which PyTorch calls.
    """
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        raise UsageError(
            f"to compile a network takes a C++ compiler, and {compiler} is not found; "
            "install it, name another one in CXX, or leave out compile=True"
        )
    for name in _ASKED:
        if hasattr(model, name):
            setattr(model, name, torch.compile(getattr(model, name), dynamic=True))


def uncompiled_state(model: ZooModule) -> None:
    """Undo `compile_network`, in place."""
    for name in _ASKED:
        vars(model).pop(name, None)
