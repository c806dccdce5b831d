"""Square crops of images of any size."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from colorzoo.io.pil_file import to_rgb


@dataclass(frozen=True)
class Crop:
    """Scales the shorter side of an image to the edge of a square, and crops the square: ``(3, size, size)``, uint8.

    Args:
        size: Edge of the squares in pixels.
        random: Take the square from anywhere, as torch's global generator draws it, instead of the middle.
        max_zoom: With a random crop: first enlarge each image by a random factor up to this one.

    Example:
        >>> Crop(16)(PIL.Image.new("L", (40, 30))).shape
        torch.Size([3, 16, 16])
    """

    size: int
    random: bool = False
    max_zoom: float = 1.0

    def __call__(self, image: PIL.Image.Image) -> Tensor:
        image = to_rgb(image)
        share = self.size / min(image.size)
        if self.random:
            share *= 1 + (self.max_zoom - 1) * float(torch.rand(()))
        scaled = (max(self.size, round(image.width * share)), max(self.size, round(image.height * share)))
        image = image.resize(scaled, PIL.Image.Resampling.BICUBIC, reducing_gap=2.0)
        spare_x, spare_y = scaled[0] - self.size, scaled[1] - self.size
        left, top = spare_x // 2, spare_y // 2
        if self.random:
            left, top = int(torch.randint(spare_x + 1, ())), int(torch.randint(spare_y + 1, ()))
        if spare_x or spare_y:
            image = image.crop((left, top, left + self.size, top + self.size))
        return torch.from_numpy(np.array(image)).movedim(-1, 0)
