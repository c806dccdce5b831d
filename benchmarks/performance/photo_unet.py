"""photo_unet at 256 pixels: beside the machine's peak, another runtime, and a U-Net of another library."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import colorzoo
from colorzoo.color.conversions import grey_to_lightness
from colorzoo.data.batches import color_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.models.photo_unet import PhotoUNet
from performance.comparison import Row, compared, take_turns

_PEER = "tu-tf_efficientnet_lite0"


def inference_share(seconds: float, size: int = 256, batch_size: int = 8, edge: int = 2048) -> Row:
    """How much of the speed of a large matrix product the whole way from grey to RGB reaches."""
    model, grey = _model(), torch.rand(batch_size, 1, size, size)
    left, right = torch.randn(2, edge, edge)
    product = torch.empty(edge, edge)
    work = gflop(lambda: model(grey))

    def ours() -> float:
        model(grey)
        return work

    def theirs() -> float:
        torch.mm(left, right, out=product)
        return 2 * edge**3 / 1e9

    with torch.inference_mode():
        turns = take_turns(ours, theirs, seconds)
    what = f"photo_unet, grey to RGB, batches of {batch_size} at {size} px, beside a product of matrices"
    note = f"{work / batch_size:.2f} GFLOP an image"
    return compared(what, turns, "GFLOP/s", must=0.35, aim=0.5, note=note)


def inference_onnxruntime(seconds: float, size: int = 256, batch_size: int = 8) -> Row:
    """The same network, exported."""
    import onnxruntime

    model, lightness = _model(), 100 * torch.rand(batch_size, 1, size, size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo_unet.onnx"
        torch.onnx.export(_Chroma(model), (lightness,), path, dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: lightness.numpy()}
    with torch.inference_mode():
        apart = (model.predict_ab(lightness) - torch.from_numpy(session.run(None, given)[0])).abs().max()
        turns = take_turns(
            lambda: len(model.predict_ab(lightness)),
            lambda: len(session.run(None, given)[0]),
            seconds,
        )
    what = f"photo_unet, L* to a*b* at {size} px, beside the same network in onnxruntime"
    return compared(what, turns, "pictures/s", note=f"their answers are within {float(apart):.1g} of ours")


def inference_smp(seconds: float, size: int = 256, batch_size: int = 8) -> Row:
    """A U-Net with the same encoder."""
    model, peer = _model(), _peer().eval()
    lightness = 100 * torch.rand(batch_size, 1, size, size)
    with torch.inference_mode():
        turns = take_turns(lambda: len(model.predict_ab(lightness)), lambda: len(peer(lightness)), seconds)
    what = f"photo_unet, L* to a*b* at {size} px, beside the U-Net of segmentation_models_pytorch, same encoder"
    note = _both(lambda: model.predict_ab(lightness[:1]), lambda: peer(lightness[:1]))
    return compared(what, turns, "pictures/s", note=note)


def training_smp(seconds: float, size: int = 256, batch_size: int = 4) -> Row:
    """A training step of both: ours from the distribution over colours, theirs from the distance to the truth."""
    pairs = color_batch({"rgb": SyntheticDataModule(size=size, train_images=batch_size).load_split("train").rgb})
    lightness = grey_to_lightness(pairs["grey"])
    model, peer = _model().train().to(memory_format=torch.channels_last), _peer().train()
    ours = _step(model, lambda: model.losses(pairs)["loss"], batch_size)
    theirs = _step(peer, lambda: F.mse_loss(peer(lightness / 100), pairs["lab"][:, 1:] / 110), batch_size)
    turns = take_turns(ours, theirs, seconds)
    what = f"photo_unet, training step at {size} px, batches of {batch_size}, beside the same U-Net"
    return compared(what, turns, "pictures/s", note=_both(lambda: model.losses(pairs), lambda: peer(lightness)))


def gflop(work: Callable[[], object]) -> float:
    """Count the GFLOP of some work, a multiplication and an addition as two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return counter.get_total_flops() / 1e9


def _both(ours: Callable[[], object], theirs: Callable[[], object]) -> str:
    return f"{gflop(ours):.2f} GFLOP forward, theirs {gflop(theirs):.2f}"


def _model() -> PhotoUNet:
    model = colorzoo.create("photo_unet").eval()
    if not isinstance(model, PhotoUNet):
        raise TypeError(f"photo_unet is a {type(model).__name__}; this file knows PhotoUNet")
    return model


def _peer() -> nn.Module:
    import segmentation_models_pytorch as smp

    peer: nn.Module = smp.Unet(_PEER, encoder_weights=None, in_channels=1, classes=2)
    return peer


def _step(net: nn.Module, loss: Callable[[], Tensor], pictures: int) -> Callable[[], float]:
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)

    def step() -> float:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        return float(pictures)

    return step


class _Chroma(nn.Module):
    def __init__(self, model: PhotoUNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, lightness: Tensor) -> Tensor:
        return self.model.predict_ab(lightness)
