"""Batches of a user's own loaders, made into the pairs that a model trains on."""

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor

from colorzoo.data.batches import ColorBatch, ImageBatch, NoisyBatch, color_batch, noisy_batch
from colorzoo.errors import DataError
from colorzoo.noise.degradations import NoiseModel


def as_color_batch(batch: Any) -> ColorBatch:
    """Return a batch for a colouriser: as it is, or pairs whose grey input keeps L*; a DataError says if it is neither.

    Args:
        batch: Pairs already (a mapping with ``grey``, ``rgb`` and ``lab``), or RGB images as uint8 in [0, 255] or
            float in [0, 1]: a tensor ``(B, 3, H, W)``, a pair of it and labels, or a mapping with ``rgb``.
    """
    if isinstance(batch, Mapping) and {"grey", "rgb", "lab"} <= set(batch):
        return cast(ColorBatch, batch)
    return color_batch(_images(batch, ("grey", "rgb", "lab"), (3,)))


def as_noisy_batch(batch: Any, noise: NoiseModel, color: bool) -> NoisyBatch:
    """Return a batch for a de-noiser: as it is, or clean images with noise; a DataError says if it is neither.

    Args:
        batch: Pairs already (a mapping with ``noisy`` and ``clean``), or clean images as `as_color_batch` takes them,
            also of one channel.
        noise: What is added to clean images.
        color: Keep the three channels of colour images instead of making them grey.
    """
    if isinstance(batch, Mapping) and {"noisy", "clean"} <= set(batch):
        return cast(NoisyBatch, batch)
    images = _images(batch, ("noisy", "clean"), (1, 3))
    if images["rgb"].shape[1] == 1:
        images["rgb"] = images["rgb"].expand(-1, 3, -1, -1)
    return noisy_batch(images, noise, color=color)


def _images(batch: Any, keys: tuple[str, ...], channels: tuple[int, ...]) -> ImageBatch:
    wanted = (
        f"give a mapping with {', '.join(keys)}, or RGB images: a tensor (B, 3, H, W), (images, labels), or a mapping "
        "with rgb"
    )
    images: dict[str, Any]
    if isinstance(batch, Mapping):
        if "rgb" not in batch:
            raise DataError(f"the batch has the keys {', '.join(map(str, batch)) or 'none'}; {wanted}")
        images = dict(batch)
    elif isinstance(batch, list | tuple) and len(batch) in (1, 2) and isinstance(batch[0], Tensor):
        images = {"rgb": batch[0]} | ({"label": batch[1]} if len(batch) == 2 else {})
    elif isinstance(batch, Tensor):
        images = {"rgb": batch}
    else:
        raise DataError(f"the batch is a {type(batch).__name__}; {wanted}")
    rgb = images["rgb"]
    if not isinstance(rgb, Tensor) or rgb.ndim != 4 or rgb.shape[1] not in channels:
        shape = tuple(rgb.shape) if isinstance(rgb, Tensor) else type(rgb).__name__
        raise DataError(f"the images of the batch are {shape}; {wanted}")
    if rgb.is_floating_point() and rgb.numel() and not 0 <= float(rgb.min()) <= float(rgb.max()) <= 1:
        raise DataError(
            f"the images of the batch reach from {float(rgb.min()):.3g} to {float(rgb.max()):.3g}; give floats in "
            "[0, 1] or uint8 in [0, 255]"
        )
    return cast(ImageBatch, images)
