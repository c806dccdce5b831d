"""The layers of the document, and what the convolutional auto-encoder refuses."""

import pytest
import torch
from torch import nn

import colorzoo
from colorzoo.data.batches import color_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule

SMALL = {"filters": [8, 16], "latent": 12}


def shapes(model):
    """Shape of the answer of each layer that has weights."""
    seen = []
    for layer in model.net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            layer.register_forward_hook(lambda _layer, _inputs, answer: seen.append(tuple(answer.shape[1:])))
    with torch.no_grad():
        model.eval()(torch.rand(1, 1, 32, 32))
    return seen


def test_layers_are_those_of_the_document():
    encoder = [(128, 16, 16), (192, 8, 8), (256, 4, 4), (322, 2, 2), (256,)]
    decoder = [(1288,), (322, 4, 4), (256, 8, 8), (192, 16, 16), (128, 32, 32), (3, 32, 32)]
    assert shapes(colorzoo.create("conv_autoencoder")) == encoder + decoder


def test_parameters_are_as_many_as_by_hand():
    convolutions = 9 * (1 * 128 + 128 * 192 + 192 * 256 + 256 * 322) + 128 + 192 + 256 + 322
    code = 1288 * 256 + 256 + 256 * 1288 + 1288
    transposed = 9 * (322 * 322 + 322 * 256 + 256 * 192 + 192 * 128 + 128 * 3) + 322 + 256 + 192 + 128 + 3
    model = colorzoo.create("conv_autoencoder")
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + code + transposed == 4_411_443


@pytest.mark.parametrize(("target", "channels"), [("rgb", 3), ("ab", 2)])
def test_the_answer_has_the_channels_of_the_target_within_the_sigmoid(target, channels):
    model = colorzoo.create("conv_autoencoder", **SMALL, target=target)
    with torch.no_grad():
        answer = model.net(torch.rand(2, 32 * 32))
    assert answer.shape == (2, channels * 32 * 32)
    assert bool(((answer > 0) & (answer < 1)).all())


def test_everything_passes_through_the_code():
    model = colorzoo.create("conv_autoencoder", **SMALL).eval()
    with torch.no_grad():
        for parameter in model.net.encoder[-1].parameters():
            parameter.zero_()
        answers = model.net(torch.rand(2, 32 * 32))
    assert model.net.encoder[-1].out_features == 12
    assert torch.equal(answers[0], answers[1])


def test_pictures_of_another_size_are_seen_at_the_size_of_the_network():
    model = colorzoo.create("conv_autoencoder", **SMALL).eval()
    with torch.no_grad():
        assert model.predict_ab(100 * torch.rand(1, 1, 47, 64)).shape == (1, 2, 32, 32)
        assert model(torch.rand(1, 1, 47, 64)).shape == (1, 3, 47, 64)


def test_another_size_of_the_network_and_one_layer_work():
    model = colorzoo.create("conv_autoencoder", filters=[4], latent=5, size=6).eval()
    assert model(torch.rand(1, 1, 7, 9)).shape == (1, 3, 7, 9)


@pytest.mark.parametrize("target", ["rgb", "ab"])
def test_regularised_layers_learn_and_then_answer_alike(target):
    regularised = {"batch_norm": True, "spatial_dropout": 0.1, "code_dropout": 0.1}
    model = colorzoo.create("conv_autoencoder", **SMALL, **regularised, target=target)
    source = SyntheticDataModule(train_images=8).load_split("train")
    batch = color_batch(source.load_batch(list(range(8))), "luma")
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = float(model.losses(batch)["loss"].detach())
    for _ in range(60):
        loss = model.losses(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.7 * first
    assert float(model.losses(batch)["loss"].detach()) != float(model.losses(batch)["loss"].detach())
    model.eval()
    assert torch.equal(model(batch["grey"]), model(batch["grey"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "rgb_signed"}, "target is 'rgb_signed'"),
        ({"filters": []}, "at least one filter"),
        ({"filters": [8, 0]}, "must be positive"),
        ({"latent": 0}, "must be positive"),
        ({"spatial_dropout": 1.0}, "spatial_dropout is 1.0"),
        ({"code_dropout": -0.1}, "code_dropout is -0.1"),
        ({"size": 40}, "halve only multiples of 16"),
        ({"size": 0}, "at least 1 pixel"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("conv_autoencoder", **arguments)


def test_training_pictures_of_another_size_are_refused():
    source = SyntheticDataModule(size=16, train_images=2).load_split("train")
    with pytest.raises(ValueError, match="trains on 32x32"):
        colorzoo.create("conv_autoencoder", **SMALL).losses(color_batch(source.load_batch([0, 1])))
