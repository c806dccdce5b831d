"""Squares, codes, and images larger than a square."""

import pytest
import torch

import colorzoo


def test_layers_are_those_of_the_document():
    widths = [layer.out_features for layer in colorzoo.create("dense_denoiser").net if hasattr(layer, "out_features")]
    assert widths == [500, 300, 100, 300, 500, 784]


def test_a_large_picture_is_restored_square_by_square():
    model = colorzoo.create("dense_denoiser", encoder=[20], size=8).eval()
    picture = torch.rand(1, 1, 24, 16)
    with torch.no_grad():
        whole = model(picture)
        torch.testing.assert_close(whole[..., 8:16, 8:16], model(picture[..., 8:16, 8:16]))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_are_restored_alone_or_together(channels):
    model = colorzoo.create("dense_denoiser", encoder=[20], size=8, channels=channels).eval()
    assert model(torch.rand(2, 3, 9, 13)).shape == (2, 3, 9, 13)
    assert model(torch.rand(2, 1, 9, 13)).shape == (2, 1, 9, 13)
    if channels == 3:
        with pytest.raises(ValueError, match=r"give \(B, 3, H, W\)"):
            model(torch.rand(2, 2, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": []}, "width of the code"),
        ({"channels": 2}, "1 or 3 channels"),
        ({"size": 0}, "at least 1 pixel"),
        ({"activation": "swish"}, "no activation"),
    ],
)
def test_unknown_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("dense_denoiser", **arguments)
