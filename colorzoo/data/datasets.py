"""Where the pictures of a split come from: whole batches by index, and a name for each."""

from abc import ABC, abstractmethod
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset

from colorzoo.data.batches import ImageBatch


class ImageDataset(Dataset[ImageBatch], ABC):
    """A split: its names, and whole batches of uint8 pictures by index.

    Args:
        names: One unique name a picture.
    """

    random = False
    """Whether a picture is drawn, from torch's global generator, each time that it is asked for; such as its crop."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> ImageBatch:
        return self.__getitems__([index])

    @abstractmethod
    def __getitems__(self, indices: list[int]) -> ImageBatch: ...


class InMemoryDataset(ImageDataset):
    """A split that lives in memory as one uint8 tensor and is indexed by the batch.

    Args:
        names: One unique name a picture.
        rgb: ``(N, 3, H, W)``, uint8.
        label: ``(N,)``, int64, or None.
    """

    def __init__(self, names: list[str], rgb: Tensor, label: Tensor | None = None) -> None:
        super().__init__(names)
        self.rgb = rgb
        self.label = label

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        places = torch.tensor(indices, dtype=torch.int64)
        # Copies whole pictures; ``self.rgb[places]`` would go byte by byte.
        rgb = self.rgb.index_select(0, places)
        pictures: ImageBatch = {"rgb": rgb, "name": [self.names[index] for index in indices]}
        if self.label is not None:
            pictures["label"] = self.label[places]
        return pictures


def concatenate_batches(parts: list[ImageBatch]) -> ImageBatch:
    """Make one batch of several; what not all of them have is left out."""
    batch: dict[str, Any] = {}
    for key in set.intersection(*(set(part) for part in parts)):
        values = [part[key] for part in parts]  # type: ignore[literal-required]
        tensors = isinstance(values[0], Tensor)
        batch[key] = torch.cat(values) if tensors else [item for value in values for item in value]
    return cast(ImageBatch, batch)
