"""The zoo: lists, creates and loads models by their names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch.nn import Conv2d

from colorzoo.base.module import ZooModule
from colorzoo.errors import CheckpointError, UnknownModelError, UsageError, describe_unknown
from colorzoo.hub import checkpoint_file, published
from colorzoo.hub.record import SUFFIX, Checkpoint, CheckpointInfo
from colorzoo.hub.state_dict import check_hparams, load_strict
from colorzoo.registry import model_class, model_names
from colorzoo.runtime.device import pick_device

if TYPE_CHECKING:
    from colorzoo.base.colorizer import Colorizer
    from colorzoo.base.denoiser import Denoiser
    from colorzoo.models import ColorizerName, ColorizerTag, DenoiserName, DenoiserTag


def list_models(task: Literal["colorization", "denoising"] | None = None, *, published: bool = False) -> list[str]:
    """Return the names of all models, sorted.

    Args:
        task: Only models that do this; their files are then imported.
        published: Return the published checkpoints, as ``"model.tag"``, instead of the models.

    Example:
        >>> "fusion_cnn" in list_models()
        True
        >>> "cnn_denoiser.gaussian" in list_models("denoising", published=True)
        True
    """
    names = model_names()
    if task is not None:
        names = [name for name in names if model_class(name).task == task]
    return [tag for tag in sorted(_published()) if tag.partition(".")[0] in names] if published else names


@overload
def create(name: "ColorizerName", *, reinit: Sequence[str] = (), **hparams: Any) -> "Colorizer": ...
@overload
def create(name: "DenoiserName", *, reinit: Sequence[str] = (), **hparams: Any) -> "Denoiser": ...
@overload
def create(name: str, *, reinit: Sequence[str] = (), **hparams: Any) -> Any: ...
def create(name: str, *, reinit: Sequence[str] = (), **hparams: Any) -> Any:
    """Return a model to train.

    Args:
        name: A name of `list_models`.
        reinit: Modules, such as ``"head"``, that keep their random initialisation although there are ``weights``.
        hparams: Arguments of the model's class. With ``weights`` (a published name or a path), what is not given is
            as in that checkpoint.

    Returns:
        The model, randomly initialised or with the weights it is to start from, in training mode.

    Raises:
        UnknownModelError: If there is no such model.
        CheckpointError: If the weights do not fit.
        UnknownModuleError: If there is nothing called as ``reinit`` says.
        UsageError: If ``reinit`` is given without weights.
        TypeError: If the class has no such argument.

    Example:
        >>> create("fusion_cnn", alpha=0).training
        True
        >>> create("fusion_cnn", weights="fusion_cnn", num_classes=5, reinit=("head",)).pretrained
        True
    """
    cls = model_class(name)
    if not reinit:
        return cls(**hparams)
    if hparams.get("weights") is None:
        raise UsageError(f"reinit is {list(reinit)}, but all modules are new anyway; give weights too")
    return cls.from_pretrained(hparams.pop("weights"), reinit, **hparams)


@overload
def load(
    name: "ColorizerName | ColorizerTag", *, device: str | torch.device = "cpu", compile: bool = False
) -> "Colorizer": ...
@overload
def load(
    name: "DenoiserName | DenoiserTag", *, device: str | torch.device = "cpu", compile: bool = False
) -> "Denoiser": ...
@overload
def load(name: str | Path, *, device: str | torch.device = "cpu", compile: bool = False) -> Any: ...
def load(name: str | Path, *, device: str | torch.device = "cpu", compile: bool = False) -> Any:
    """Return a trained model, ready to use.

    Args:
        name: A published model (``"fusion_cnn"``), one of its tags (``"fusion_cnn.cifar10"``), or the path of a
            ``.safetensors`` or Lightning ``.ckpt`` file.
        device: Where it runs; ``"auto"`` for the best one that is there.
        compile: Let PyTorch compile the network, for images of any size; the first ones wait for it. The answers
            differ by less than 1e-4.

    Returns:
        The model, in evaluation mode.

    Raises:
        UnknownModelError: If nothing published has this name.
        ChecksumError: If the file's bytes are not those that were published.
        CheckpointError: If the file is damaged, or does not fit the model it names.
        UsageError: If there is no such device, or ``compile`` is asked for and there is no C++ compiler.

    Example:
        >>> load("fusion_cnn").training
        False
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"the name is {name!r}; give a published name or the path of a checkpoint")
    model = to_channels_last(model_from_checkpoint(checkpoint_file.read(locate(name)))).to(pick_device(device))
    if compile:
        from colorzoo.runtime.compile import compile_network

        compile_network(model)
    return model


def to_channels_last(model: ZooModule) -> ZooModule:
    """Lay the weights of a convolutional network out in memory as the CPU and the GPU read them fastest, in place.

    Args:
        model: Any model; one whose convolutions see one channel, or one pixel, gains nothing and is left as it is.

    Returns:
        The same model; its answers differ by rounding.
    """
    for module in model.modules():
        if isinstance(module, Conv2d) and module.in_channels > 1 and module.kernel_size != (1, 1):
            return model.to(memory_format=torch.channels_last)
    return model


def info(name: str | Path) -> CheckpointInfo:
    """Return what a published checkpoint says of itself: data, metrics and baselines, licence, source.

    Args:
        name: What `load` takes.

    Returns:
        The record in the file's header.

    Raises:
        UnknownModelError: If nothing published has this name.
        CheckpointError: If the file is damaged or carries no record.

    Example:
        >>> info("fusion_cnn").licence
        'Apache-2.0'
    """
    checkpoint = checkpoint_file.read(locate(name))
    if checkpoint.record is None:
        raise CheckpointError(f"{checkpoint.path} is a training checkpoint without a record; publish it first")
    return checkpoint.record


def locate(name: str | Path) -> Path:
    """Return the file of a name, or the path itself if it is one; see `colorzoo.hub.published.locate`.

    Raises:
        UnknownModelError: If nothing published has this name.
    """
    if Path(name).suffix not in (SUFFIX, ".ckpt"):
        files, model = _published(), str(name).partition(".")[0]
        if model not in model_names():
            raise UnknownModelError(describe_unknown(str(name), [*model_names(), *files], "model"))
        if not any(known.partition(".")[0] == model for known in files):
            raise UnknownModelError(
                f"nothing is published of {model} yet; colorzoo.create({model!r}) gives it untrained"
            )
    return published.locate(name)


def model_from_checkpoint(checkpoint: Checkpoint) -> ZooModule:
    """Return the model that a checkpoint holds, with exactly its hyper-parameters and tensors.

    Args:
        checkpoint: What `checkpoint_file.read` returns.

    Returns:
        The model, in evaluation mode.

    Raises:
        CheckpointError: If it names a class that is not registered, or its hyper-parameters or tensors do not fit.
    """
    if checkpoint.model not in model_names():
        module, _, cls_name = checkpoint.model.rpartition(".")
        raise CheckpointError(
            f"{checkpoint.path} holds a {checkpoint.model}, which is not registered, and a file never decides what is "
            f"imported: import {cls_name} from {module or 'its module'} yourself and call "
            f"{cls_name}.load_from_checkpoint(path), or put @colorzoo.register on the class"
        )
    cls = model_class(checkpoint.model)
    stored, expected = set(checkpoint.hparams), set(cls.hparam_names())
    expected -= set(cls.added_hparams) - stored
    if stored != expected:
        raise CheckpointError(
            f"{checkpoint.path} does not fit {cls.__name__}: missing hyper-parameters {sorted(expected - stored)}, "
            f"unknown ones {sorted(stored - expected)}; use the version of colorzoo that wrote it"
        )
    check_hparams(checkpoint, cls, checkpoint.hparams)
    model = cls(**checkpoint.hparams)
    load_strict(checkpoint, model, model.hparams)
    model.note_source(checkpoint)
    return model.eval()


def _published() -> dict[str, Path]:
    return published.published()
