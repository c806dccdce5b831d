"""Data sets of RGB images: single images for any DataLoader, whole batches for those of our DataModules."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset

from colorzoo.data.batches import ImageBatch


class ImageDataset(Dataset[dict[str, Any]], ABC):
    """The images of one split, each with a unique name. A subclass says how to load several of them at once."""

    random = False
    """Whether loading draws random numbers from torch's global generator, for example for a random crop."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one image: ``rgb`` ``(3, H, W)`` as uint8, its ``name``, and its ``label`` if there is one."""
        return unbatch(self.load_batch([range(len(self))[index]]))

    @abstractmethod
    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        """Load the images at these indices as one batch."""


class BatchedDataset(Dataset[ImageBatch]):
    """Lets a DataLoader fetch each batch of an `ImageDataset` in one call."""

    def __init__(self, source: ImageDataset) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> ImageBatch:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        return self.source.load_batch(indices)


class InMemoryDataset(ImageDataset):
    """Images in memory as one uint8 tensor ``(N, 3, H, W)``, perhaps with labels ``(N,)``."""

    def __init__(self, names: list[str], rgb: Tensor, label: Tensor | None = None) -> None:
        super().__init__(names)
        self.rgb = rgb
        self.label = label

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        places = torch.tensor(indices, dtype=torch.int64)
        # index_select copies whole images; ``self.rgb[places]`` would go byte by byte.
        rgb = self.rgb.index_select(0, places)
        batch: ImageBatch = {"rgb": rgb, "name": [self.names[index] for index in indices]}
        if self.label is not None:
            batch["label"] = self.label[places]
        return batch


def unbatch(batch: Any) -> dict[str, Any]:
    """Return the only item of a batch of one: tensors and lists lose their first dimension."""
    return {key: value[0] for key, value in batch.items()}


def concatenate_batches(parts: list[ImageBatch]) -> ImageBatch:
    """Join batches into one; keys that some of them lack are left out."""
    batch: dict[str, Any] = {}
    for key in set.intersection(*(set(part) for part in parts)):
        values = [part[key] for part in parts]  # type: ignore[literal-required]
        tensors = isinstance(values[0], Tensor)
        batch[key] = torch.cat(values) if tensors else [item for value in values for item in value]
    return cast(ImageBatch, batch)
