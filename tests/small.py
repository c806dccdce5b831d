"""Small nets of every method, for what holds whatever their size."""

import colorzoo

HPARAMS = {
    "cnn_denoiser": {"widths": [8, 12], "blocks": 1},
    "context_mlp": {"hidden": [16]},
    "conv_autoencoder": {"filters": [16, 24, 32, 32], "latent": 32},
    "conv_denoiser": {"filters": [16, 16]},
    "dense_autoencoder": {"encoder": [64, 32]},
    "dense_denoiser": {"encoder": [64, 32]},
    "fusion_transfer": {"backbone": "mobilenetv3_small_050", "input_size": 32},
    "mlp": {"hidden": [64]},
    "pca_denoiser": {"components": 16, "size": 12},
    "pix2pix": {"width": 8},
}
"""By model; one that is not named is small by itself, or must be whole to show anything."""


def small_model(name, **hparams):
    return colorzoo.create(name, **HPARAMS.get(name, {}) | hparams)
