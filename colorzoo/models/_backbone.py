"""Networks of timm as sources of features that describe a picture."""

import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.models._timm_encoder import TimmEncoder


class Backbone(TimmEncoder):
    """A classifier of timm that describes grey pictures by the features before its head.

    Args:
        name: A model of timm.
        maps: Answer with the last two feature maps instead of one pooled vector.
        size: Edge in pixels of the square to which pictures are scaled for it.

    Raises:
        ValueError: If timm has no such model, or the size is not positive.
    """

    def __init__(self, name: str, maps: bool, size: int) -> None:
        if size < 1:
            raise ValueError(f"size is {size}; give a number of pixels, at least 1")
        super().__init__(name, **({"features_only": True} if maps else {"num_classes": 0}))
        self.maps = maps
        self.size = size
        self.channels = self._measured_channels()

    def _measured_channels(self) -> int:
        """Look at an answer: what timm tells of a network's width is not always the width of its features."""
        training = self.training
        try:
            with torch.no_grad():
                features = self.eval()(torch.zeros(1, 1, self.size, self.size), (1, 1))
        except (RuntimeError, AssertionError, IndexError) as error:
            raise ValueError(f"{self.name} cannot describe pictures of {self.size} pixels ({error})") from error
        self.train(training)
        return int(features.shape[1])

    def forward(self, grey: Tensor, grid: tuple[int, int]) -> Tensor:
        """Describe grey pictures.

        Args:
            grey: In [0, 1]; stacked to three channels and scaled to the backbone's size.
            grid: Height and width at which maps are answered.

        Shape:
            ``(B, 1, H, W)`` -> ``(B, channels, *grid)``, or ``(B, channels, 1, 1)`` if pooled.

        Returns:
            The features.
        """
        size = (self.size, self.size)
        seen = F.interpolate(grey.float(), size=size, mode="bilinear", antialias=True, align_corners=False)
        seen = self.stacked(seen.to(grey.dtype))
        if not self.maps:
            pooled: Tensor = self.net(seen)
            return pooled[:, :, None, None]
        maps = self.net(seen)[-2:]
        return torch.cat([F.interpolate(m.float(), size=grid, mode="bilinear", antialias=True) for m in maps], dim=1)
