"""How much the colours of a clip change where its picture does not."""

from torch import Tensor

from colorzoo.color.conversions import grey_to_lightness, rgb_to_lab

_STILL = 2.0
"""Change of L* up to which a pixel counts as the same: about what an eye just sees."""


def flicker(rgb: Tensor, grey: Tensor) -> Tensor:
    """Mean absolute change of a* and b* from frame to frame, over the pixels whose input stays the same.

    Args:
        rgb: The coloured frames of one scene, in order, in [0, 1].
        grey: The frames that were coloured, in [0, 1].

    Shape:
        ``(T, 3, H, W)`` and ``(T, 1, H, W)`` -> ``()``.

    Returns:
        The change, in units of a* and b*: 0 for colours that stand still.

    Raises:
        ValueError: If there are less than two frames, the shapes differ, or no pixel stays the same.

    Example:
        >>> import torch
        >>> grey = torch.full((1, 1, 4, 4), 0.5)
        >>> still = grey.expand(3, 3, 4, 4)
        >>> float(flicker(still, grey.expand(3, 1, 4, 4)))
        0.0
    """
    if len(rgb) < 2:
        raise ValueError(f"there are {len(rgb)} frames; flicker is measured between at least 2")
    if rgb.shape[0] != grey.shape[0] or rgb.shape[2:] != grey.shape[2:]:
        raise ValueError(
            f"the frames have shapes {tuple(rgb.shape)} and {tuple(grey.shape)}; give as many, of one size"
        )
    change = rgb_to_lab(rgb)[:, 1:].diff(dim=0).abs().mean(dim=1, keepdim=True)
    still = grey_to_lightness(grey).diff(dim=0).abs() <= _STILL
    if not bool(still.any()):
        raise ValueError("no pixel stays the same from one frame to the next; measure flicker on a still scene")
    return change[still].mean()
