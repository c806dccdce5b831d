"""Batches, and how pairs are made of RGB images: grey and its L*a*b* target, or noisy and clean."""

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict

import torch
from torch import Tensor

from colorzoo.color.conversions import rgb_to_lab, rgb_to_lab_and_grey, rgb_to_luma
from colorzoo.noise.degradations import Degradations, NoiseModel, degrade
from colorzoo.noise.synthesis import add_noise
from colorzoo.runtime.batch_random import SharedRandom

_PIXELS_AT_ONCE = 1 << 16

Grey = Literal["lightness", "luma"]
"""How the grey input is made of the colours: so that it keeps L*, or as Rec. 601 luma."""


class ImageBatch(TypedDict):
    """A batch as it is loaded: colour images, their names, and their classes where there are any.

    The loaders of a DataModule add whether it is for training, and if so the seed of all that is random about it.
    """

    rgb: Tensor
    label: NotRequired[Tensor]
    name: NotRequired[list[str]]
    seed: NotRequired[int]
    training: NotRequired[bool]


class ColorBatch(TypedDict):
    """Pairs for colourisers: input ``grey``, targets ``rgb`` in [0, 1] and ``lab``."""

    grey: Tensor
    rgb: Tensor
    lab: Tensor
    label: NotRequired[Tensor]
    name: NotRequired[list[str]]


class NoisyBatch(TypedDict):
    """Pairs for de-noisers: input ``noisy`` and target ``clean`` in [0, 1], of one channel or three.

    With `Degradations` also ``mask``, ``(B, 1, H, W)``: 1 where the input is damaged, else 0.
    """

    noisy: Tensor
    clean: Tensor
    mask: NotRequired[Tensor]
    label: NotRequired[Tensor]
    name: NotRequired[list[str]]


def color_batch(images: ImageBatch, grey: Grey = "lightness") -> ColorBatch:
    """Make grey inputs and L*a*b* targets of a whole batch, on its device; ``label`` and ``name`` are passed through.

    Args:
        images: ``rgb`` ``(B, 3, H, W)`` as uint8 in [0, 255] or float in [0, 1].
        grey: ``"lightness"`` keeps the L* of the colour image; ``"luma"`` is Rec. 601.

    Example:
        >>> import torch
        >>> pairs = color_batch({"rgb": torch.zeros(2, 3, 8, 8, dtype=torch.uint8)})
        >>> tuple(pairs["grey"].shape)
        (2, 1, 8, 8)
    """
    given = images["rgb"]
    rgb, lab = (torch.empty(given.shape, device=given.device) for _ in range(2))
    pairs: ColorBatch = {"grey": torch.empty_like(rgb[:, :1]), "rgb": rgb, "lab": lab}
    for part in _parts(given):
        rgb[part] = _scaled(given[part])
        if _is_luma(grey):
            lab[part], pairs["grey"][part] = rgb_to_lab(given[part]), rgb_to_luma(rgb[part])
        else:
            lab[part], pairs["grey"][part] = rgb_to_lab_and_grey(given[part])
    return {**pairs, **_annotations(images)}  # type: ignore[typeddict-item]


def noisy_batch(
    images: ImageBatch,
    noise: NoiseModel,
    color: bool = False,
    grey: Grey = "luma",
    seeds: Sequence[int] | None = None,
    draws: SharedRandom | None = None,
) -> NoisyBatch:
    """Add noise to a whole batch, on its device; ``label`` and ``name`` are passed through.

    Args:
        images: ``rgb`` ``(B, 3, H, W)`` as uint8 in [0, 255] or float in [0, 1].
        noise: The noise, or degradations.
        color: Keep the three channels instead of making the images grey.
        grey: Which grey.
        seeds: One for each image; None draws the noise anew.
        draws: Draws it anew; None for torch's global generator.
    """
    rgb = _scaled(images["rgb"])
    clean = rgb if color else _grey(rgb, grey)
    pairs: NoisyBatch
    if isinstance(noise, Degradations):
        if seeds is None:
            seeds = (draws or SharedRandom(device=clean.device)).randint(1 << 62, len(clean)).tolist()
        noisy, clean, mask = degrade(clean, noise, seeds)
        pairs = {"noisy": noisy, "clean": clean, "mask": mask}
    else:
        pairs = {"noisy": add_noise(clean, noise, seeds, draws), "clean": clean}
    return {**pairs, **_annotations(images)}  # type: ignore[typeddict-item]


def _annotations(images: ImageBatch) -> dict[str, Any]:
    return {key: value for key, value in images.items() if key in ("label", "name")}


def _parts(images: Tensor) -> list[slice]:
    """Split a batch on a CPU, so that intermediate results stay in the cache."""
    whole = images.device.type != "cpu"
    count = len(images) if whole else max(1, _PIXELS_AT_ONCE // images.shape[-2:].numel())
    return [slice(first, first + count) for first in range(0, len(images), max(1, count))]


def _scaled(images: Tensor) -> Tensor:
    return images.float() if images.is_floating_point() else images.float().div_(255)


def _grey(rgb: Tensor, grey: Grey) -> Tensor:
    return rgb_to_luma(rgb) if _is_luma(grey) else rgb_to_lab_and_grey(rgb)[1]


def _is_luma(grey: Grey) -> bool:
    if grey not in ("lightness", "luma"):
        raise ValueError(f"grey is {grey!r}; give 'lightness' or 'luma'")
    return grey == "luma"
