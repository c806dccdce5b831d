"""Images as tensors of floats, converted at once; `IntegerImage` is for those of 8 and 16 bits."""

import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb
from colorzoo.inference.guided_upsampling import upsample_guided


class TensorImage:
    """The L* of grey images ``(B, 1, H, W)`` in [0, 1]: computed on a device, results go to where they came from."""

    def __init__(self, grey: Tensor, device: torch.device) -> None:
        self.count, _, self.height, self.width = grey.shape
        self._home = grey.device
        self._lightness = grey_to_lightness(grey.to(device))

    def lightness_at(self, height: int, width: int) -> Tensor:
        """Return the L* ``(B, 1, height, width)``, bilinear and antialiased."""
        if (height, width) == (self.height, self.width):
            return self._lightness
        return F.interpolate(self._lightness, (height, width), mode="bilinear", antialias=True)

    def merge_ab(self, ab: Tensor, guided: bool = False) -> Tensor:
        """Return RGB ``(B, 3, H, W)`` with this L* and with a*b* of any size, which may follow the edges of L*."""
        ab = ab.to(self._lightness.device)
        if guided:
            ab = upsample_guided(ab.float(), self.lightness_at(*ab.shape[-2:]), self._lightness)
        return merge_ab(self._lightness, ab).to(self._home)


def merge_ab(lightness: Tensor, ab: Tensor) -> Tensor:
    """Bring a*b* to the size of L* and return both as RGB."""
    ab = ab.float()
    if torch.compiler.is_compiling() or ab.shape[-2:] != lightness.shape[-2:]:
        ab = F.interpolate(ab, size=lightness.shape[-2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([lightness, ab], dim=1))
