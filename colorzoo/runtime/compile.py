"""Compilation of networks by `torch.compile`."""

import os
import shutil
import sys

import torch
from torch import nn

from colorzoo.errors import UsageError

NETWORK_METHODS = ("predict_ab", "restore")
"""The methods that run the network of a colouriser, and of a de-noiser."""


def compile_network(model: nn.Module) -> None:
    """Let PyTorch compile, in place, the methods that run a model's network; it does so at their first call."""
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        raise UsageError(
            f"to compile a network takes a C++ compiler, and {compiler} is not found; "
            "install it, name another one in CXX, or leave out compile=True"
        )
    for name in NETWORK_METHODS:
        if hasattr(model, name):
            setattr(model, name, torch.compile(getattr(model, name), dynamic=True))


def uncompiled_state(model: nn.Module) -> None:
    """Undo `compile_network`, in place."""
    for name in NETWORK_METHODS:
        vars(model).pop(name, None)
