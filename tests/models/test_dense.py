"""The sanity checks of the two documents, and what the layers promise."""

import pytest
import torch

import colorzoo
from colorzoo.data.batches import color_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule


def pairs(count):
    source = SyntheticDataModule(size=16, train_images=count).load_split("train")
    return color_batch(source.load_batch(list(range(count))), "luma")


def learn(model, batch, steps=300):
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(steps):
        loss = model.losses(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("target", ["rgb", "rgb_signed", "ab"])
def test_one_example_can_be_learnt_by_heart(target):
    model = colorzoo.create("mlp", hidden=[64], batch_norm=False, norm_output=False, target=target, size=16)
    assert learn(model, pairs(1)) < 1e-4


def test_five_examples_can_be_learnt_by_heart_with_norm_after_every_layer():
    model = colorzoo.create("mlp", hidden=[64], size=16)
    batch = pairs(5)
    assert learn(model, batch) < 1e-3
    assert float((model._answer(batch["grey"]) - (2 * batch["rgb"] - 1)).detach().abs().mean()) < 0.03


@pytest.mark.parametrize("hidden", [[32], [32, 16], [32, 16, 8]])
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh", "none"])
def test_every_depth_and_activation_learns(hidden, activation):
    model = colorzoo.create("mlp", hidden=hidden, activation=activation, size=16)
    batch = pairs(8)
    first = float(model.losses(batch)["loss"].detach())
    assert learn(model, batch, steps=60) < 0.5 * first


def test_code_of_the_auto_encoder_is_as_narrow_as_it_was_told():
    model = colorzoo.create("dense_autoencoder", encoder=[40, 6], decoder=[20], size=16)
    widths = [layer.out_features for layer in model.net if isinstance(layer, torch.nn.Linear)]
    assert widths == [40, 6, 20, 3 * 16 * 16]


@pytest.mark.parametrize(("last", "low", "high"), [("sigmoid", 0, 1), ("relu", 0, 9), ("tanh", -1, 1), ("none", -9, 9)])
def test_last_activation_bounds_the_answer(last, low, high):
    model = colorzoo.create("mlp", hidden=[8], last_activation=last, size=16)
    answer = model._answer(pairs(8)["grey"])
    assert low <= float(answer.detach().min()) <= float(answer.detach().max()) <= high


def test_own_error_is_that_of_the_document_on_either_range():
    batch = pairs(4)
    signed = colorzoo.create("mlp", hidden=[8], size=16).eval().losses(batch)
    assert float(signed["loss"]) == pytest.approx(4 * float(signed["own_mse"]))
    unit = colorzoo.create("mlp", hidden=[8], target="rgb", size=16).eval().losses(batch)
    assert float(unit["loss"]) == float(unit["own_mse"])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mlp", {"activation": "swish"}, "no activation is called 'swish'"),
        ("mlp", {"init": "zeros"}, "no initialisation"),
        ("mlp", {"target": "hsv"}, "target is 'hsv'"),
        ("mlp", {"hidden": [0]}, "must be positive"),
        ("mlp", {"dropout": 1.0}, "dropout"),
        ("mlp", {"size": 0}, "at least 1"),
        ("dense_autoencoder", {"encoder": []}, "width of the code"),
    ],
)
def test_unknown_arguments_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create(name, **arguments)


def test_training_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match="trains on 32x32"):
        colorzoo.create("mlp").losses(pairs(2))
