"""De-noisers and colour conversion, megapixel by megapixel, beside scikit-image and the networks of spandrel."""

from collections.abc import Callable

import numpy as np
import torch

import colorzoo
from colorzoo.color.conversions import rgb_to_lab
from performance.comparison import Row, compared, take_turns
from performance.photo_unet import gflop

_EDGE = 256
_MEGAPIXELS = _EDGE**2 / 1e6
_SIGMA = 25 / 255


def rgb_to_lab_skimage(seconds: float, edge: int = 1024) -> Row:
    """An image of 8 bits in memory to L*a*b*."""
    from skimage.color import rgb2lab

    rgb = np.random.default_rng(0).integers(0, 256, (edge, edge, 3), dtype=np.uint8)
    levels = torch.from_numpy(rgb).movedim(-1, 0)[None].contiguous()

    def ours() -> float:
        return rgb_to_lab(levels).numel() / 3e6

    def theirs() -> float:
        return float(rgb2lab(rgb).size / 3e6)

    return compared("sRGB to L*a*b*, beside rgb2lab of scikit-image", take_turns(ours, theirs, seconds), "Mpx/s")


def denoise_dncnn(seconds: float) -> Row:
    """The network of Zhang et al. (2017), which cnn_denoiser is after."""
    from spandrel.architectures.DnCNN import DnCNN

    return _beside_network("DnCNN of spandrel", DnCNN(in_nc=1, out_nc=1), seconds)


def denoise_drunet(seconds: float) -> Row:
    """The network of Zhang et al. (2021)."""
    from spandrel.architectures.DRUNet import DRUNet

    net = DRUNet(in_nc=2, out_nc=1)
    return _beside_network("DRUNet of spandrel", net, seconds, channels=2)


def denoise_nl_means(seconds: float) -> Row:
    """Non-local means."""
    from skimage.restoration import denoise_nl_means

    options = {"patch_size": 5, "patch_distance": 8, "h": 0.6 * _SIGMA, "sigma": _SIGMA, "fast_mode": True}
    return _beside("denoise_nl_means of scikit-image", lambda noisy: denoise_nl_means(noisy, **options), seconds)


def denoise_wavelet(seconds: float) -> Row:
    """Thresholds on wavelets."""
    import pywt  # noqa: F401  what scikit-image asks for only when it is called
    from skimage.restoration import denoise_wavelet

    return _beside("denoise_wavelet of scikit-image", lambda noisy: denoise_wavelet(noisy, sigma=_SIGMA), seconds)


def _beside_network(peer: str, net: torch.nn.Module, seconds: float, channels: int = 1) -> Row:
    """Weights are random: the time does not depend on them."""
    noisy = torch.rand(1, channels, _EDGE, _EDGE)
    return _beside(peer, lambda _: net.eval()(noisy), seconds, gflop(lambda: net.eval()(noisy)))


def _beside(peer: str, restore: Callable[[np.ndarray], object], seconds: float, theirs_gflop: float = 0.0) -> Row:
    model = colorzoo.create("cnn_denoiser").eval()
    noisy = torch.rand(1, 1, _EDGE, _EDGE)
    plane = noisy[0, 0].numpy()

    def ours() -> float:
        model(noisy)
        return _MEGAPIXELS

    def theirs() -> float:
        restore(plane)
        return _MEGAPIXELS

    with torch.inference_mode():
        turns = take_turns(ours, theirs, seconds)
    note = f"{gflop(lambda: model(noisy)) / _MEGAPIXELS:,.0f} GFLOP a megapixel"
    if theirs_gflop:
        note += f", theirs {theirs_gflop / _MEGAPIXELS:,.0f}"
    return compared(f"cnn_denoiser on grey images of {_EDGE} px, beside {peer}", turns, "Mpx/s", note=note)
