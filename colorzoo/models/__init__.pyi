from typing import Literal

from colorzoo.models.cnn_denoiser import CNNDenoiser as CNNDenoiser
from colorzoo.models.context_mlp import ContextMLP as ContextMLP
from colorzoo.models.conv_autoencoder import ConvAutoencoder as ConvAutoencoder
from colorzoo.models.conv_denoiser import ConvDenoiser as ConvDenoiser
from colorzoo.models.dense_autoencoder import DenseAutoencoder as DenseAutoencoder
from colorzoo.models.dense_denoiser import DenseDenoiser as DenseDenoiser
from colorzoo.models.fusion_cnn import FusionCNN as FusionCNN
from colorzoo.models.fusion_transfer import FusionTransfer as FusionTransfer
from colorzoo.models.linear_denoiser import LinearDenoiser as LinearDenoiser
from colorzoo.models.mlp import MLP as MLP
from colorzoo.models.pca_denoiser import PCADenoiser as PCADenoiser
from colorzoo.models.photo_unet import PhotoUNet as PhotoUNet
from colorzoo.models.pix2pix import Pix2Pix as Pix2Pix

ColorizerName = Literal[
    "context_mlp",
    "conv_autoencoder",
    "dense_autoencoder",
    "fusion_cnn",
    "fusion_transfer",
    "mlp",
    "photo_unet",
    "pix2pix",
]

ColorizerTag = Literal[
    "context_mlp.cifar10",
    "conv_autoencoder.ships",
    "dense_autoencoder.cifar10",
    "fusion_cnn.cifar10",
    "fusion_transfer.cifar10",
    "mlp.cifar10",
    "photo_unet.lively",
    "photo_unet.true",
    "pix2pix.cifar10",
    "pix2pix.imagenette",
]

DenoiserName = Literal[
    "cnn_denoiser",
    "conv_denoiser",
    "dense_denoiser",
    "linear_denoiser",
    "pca_denoiser",
]

DenoiserTag = Literal[
    "cnn_denoiser.cifar10",
    "cnn_denoiser.color",
    "cnn_denoiser.gaussian",
    "cnn_denoiser.impulse",
    "cnn_denoiser.small",
    "conv_denoiser.ships",
    "dense_denoiser.mnist",
    "linear_denoiser.impulse",
    "pca_denoiser.mnist",
]
