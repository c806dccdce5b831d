"""From a batch of colour pictures to what a method learns from: the grey input and its L*a*b* truth."""

from typing import Literal, NotRequired, TypedDict

from torch import Tensor

from colorzoo.color import lightness_to_grey, rgb_to_lab, rgb_to_luma

Grey = Literal["lightness", "luma"]
"""Which grey picture is the input: the one that keeps L*, or Rec. 601 luma."""


class Pictures(TypedDict):
    """A batch as it leaves a dataset: colour pictures, their names, and their class where there is one."""

    rgb: Tensor
    label: NotRequired[Tensor]
    name: NotRequired[list[str]]


class ColorPairs(TypedDict):
    """A batch as a colouriser sees it: input ``grey``, targets ``rgb`` in [0, 1] and ``lab``."""

    grey: Tensor
    rgb: Tensor
    lab: Tensor
    label: NotRequired[Tensor]
    name: NotRequired[list[str]]


def color_pairs(pictures: Pictures, grey: Grey = "lightness") -> ColorPairs:
    """Make grey inputs and L*a*b* targets for a whole batch, on the device where the batch lies.

    Args:
        pictures: ``rgb`` as uint8 in [0, 255] or float in [0, 1].
        grey: ``"lightness"`` keeps the L* of the colour picture; ``"luma"`` is Rec. 601.

    Shape:
        ``rgb`` ``(B, 3, H, W)`` -> ``grey`` ``(B, 1, H, W)``, ``lab`` ``(B, 3, H, W)``.

    Returns:
        The pairs; ``label`` and ``name`` are passed through.

    Raises:
        ValueError: If there is no such grey.

    Example:
        >>> import torch
        >>> pairs = color_pairs({"rgb": torch.zeros(2, 3, 8, 8, dtype=torch.uint8)})
        >>> tuple(pairs["grey"].shape)
        (2, 1, 8, 8)
    """
    if grey not in ("lightness", "luma"):
        raise ValueError(f"grey is {grey!r}; give 'lightness' or 'luma'")
    rgb = pictures["rgb"]
    rgb = rgb.float() if rgb.is_floating_point() else rgb.float() / 255
    lab = rgb_to_lab(rgb)
    pairs: ColorPairs = {
        "grey": lightness_to_grey(lab[:, :1]) if grey == "lightness" else rgb_to_luma(rgb),
        "rgb": rgb,
        "lab": lab,
    }
    if "label" in pictures:
        pairs["label"] = pictures["label"]
    if "name" in pictures:
        pairs["name"] = pictures["name"]
    return pairs
