"""The base of every model: Lightning's module, or torch's in a process that only runs models on images."""

from typing import TYPE_CHECKING

from colorzoo.runtime import process

if TYPE_CHECKING or not process.inference_only:
    from lightning.pytorch import LightningModule
else:  # importing Lightning takes longer than colouring a photograph
    from torch.nn import Module as LightningModule

__all__ = ["LightningModule"]
