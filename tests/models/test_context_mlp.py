"""The document's own checks (gradients, XOR, its cost), and what a neighbourhood promises."""

import time

import pytest
import torch

import colorzoo
from colorzoo.data.batches import color_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.models.context_mlp import _STRIP


def pairs(count=4, size=16):
    source = SyntheticDataModule(size=size, train_images=count).load_split("train")
    return color_batch(source.load_batch(list(range(count))))


def tanh_model(**hparams):
    # Numerical gradients need a smooth network.
    return colorzoo.create("context_mlp", activation="tanh", **hparams)


@pytest.mark.parametrize("target", ["rgb", "ab"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_gradient_is_the_numerical_one(target, padding):
    model = tanh_model(radius=1, hidden=[4, 3], target=target, padding=padding, l2=0.1).double()
    batch = {key: value.double() for key, value in pairs(2, size=4).items() if key in ("grey", "rgb", "lab")}
    model.losses(batch)["loss"].backward()
    parameters = list(model.parameters())
    backward = torch.cat([parameter.grad.flatten() for parameter in parameters])

    def shifted_loss(entries, index, step):
        entries[index] += step
        loss = float(model.losses(batch)["loss"].detach())
        entries[index] -= step
        return loss

    step = 2e-3
    numerical = []
    for parameter in parameters:
        entries = parameter.data.view(-1)
        for index in range(entries.numel()):
            near = shifted_loss(entries, index, step) - shifted_loss(entries, index, -step)
            far = shifted_loss(entries, index, 2 * step) - shifted_loss(entries, index, -2 * step)
            numerical.append((8 * near - far) / (12 * step))
    numerical = torch.tensor(numerical, dtype=torch.float64)
    # The document's ratio, which it kept below 1e-11.
    assert float((numerical - backward).norm() / (numerical + backward).norm()) < 1e-10


def test_cost_of_the_document_by_hand():
    model = colorzoo.create("context_mlp", radius=0, hidden=[], l2=0.5)
    with torch.no_grad():
        model.context.weight.copy_(torch.tensor([1.0, 2.0, -1.0]).view(3, 1, 1, 1))
        model.context.bias.copy_(torch.tensor([0.0, 0.0, 1.0]))
    batch = {"grey": torch.tensor([[[[0.5, 0.25]]]]), "rgb": torch.full((1, 3, 1, 2), 0.5), "lab": None}
    # Two pixels, answers (0.5, 1, 0.5) and (0.25, 0.5, 0.75): squared errors 0.25 and 0.125; squared weights 1 + 4 + 1.
    losses = {name: value.detach() for name, value in model.losses(batch).items()}
    assert float(losses["loss"]) == pytest.approx((0.25 + 0.125) / (2 * 2) + 0.5 * 6 / (2 * 2))
    assert float(losses["own_mse"]) == pytest.approx((0.25 + 0.125) / 6)


def test_exclusive_or_can_be_learnt():
    model = tanh_model(radius=1, hidden=[8], l2=0.0)
    grey = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    truth = (grey.sum(dim=1) == 1).float()[:, None, None, None].expand(-1, 3, 1, 2)
    batch = {"grey": grey[:, None, None, :], "rgb": truth, "lab": None}
    optimizer = torch.optim.Adam(model.parameters(), 2e-2)
    for _ in range(1500):
        losses = model.losses(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    # The document's bound.
    assert float(losses["own_mse"]) < 1e-6


@pytest.mark.parametrize(("radius", "padding"), [(0, "zeros"), (2, "zeros"), (5, "replicate")])
def test_a_shifted_picture_gets_shifted_colours_away_from_the_border(radius, padding):
    model = colorzoo.create("context_mlp", radius=radius, padding=padding, target="ab").eval()
    lightness = 100 * torch.rand(1, 1, 24, 24)
    with torch.no_grad():
        whole, part = model.predict_ab(lightness), model.predict_ab(lightness[..., 3:, 4:])
    inside = slice(radius, -radius or None)
    torch.testing.assert_close(part[..., inside, inside], whole[..., 3:, 4:][..., inside, inside], atol=1e-3, rtol=0)


@pytest.mark.parametrize("distance", [3, 4])
def test_a_pixel_sees_its_window_and_nothing_else(distance):
    model = colorzoo.create("context_mlp", radius=3, target="ab").eval()
    lightness = torch.full((1, 1, 15, 15), 50.0)
    changed = lightness.clone()
    changed[..., 7, 7 + distance] = 90
    with torch.no_grad():
        same = torch.equal(model.predict_ab(lightness)[..., 7, 7], model.predict_ab(changed)[..., 7, 7])
    assert same == (distance > 3)


@pytest.mark.parametrize(("padding", "felt"), [("zeros", True), ("replicate", False)])
def test_only_zeros_show_where_the_border_is(padding, felt):
    model = colorzoo.create("context_mlp", padding=padding, target="ab").eval()
    with torch.no_grad():
        colours = model.predict_ab(torch.full((1, 1, 16, 16), 80.0))
    assert bool((colours[..., 0, 0] - colours[..., 8, 8]).abs().max() > 1e-3) == felt


def test_strips_of_a_large_picture_join_without_a_seam():
    model = colorzoo.create("context_mlp", target="ab", batch_norm=True).eval()
    lightness = 100 * torch.rand(1, 1, 3 * _STRIP // 128 + 5, 128)
    with torch.no_grad():
        whole = model.predict_ab(lightness)
        top = _STRIP // 128
        around = model.predict_ab(lightness[..., top - 20 : top + 20, :])
    torch.testing.assert_close(whole[..., top - 10 : top + 10, :], around[..., 10:-10, :], atol=1e-3, rtol=0)


def test_a_megapixel_is_coloured_at_once():
    model = colorzoo.create("context_mlp").eval()
    grey = torch.rand(1, 1, 1024, 1024)
    times = []
    for _ in range(3):
        start = time.process_time()
        model.colorize(grey, working_size=1024)
        times.append(time.process_time() - start)
    # Time of all cores together, which a busy machine does not lengthen: about 1.2 seconds, half of it on two cores.
    assert min(times) < 3


def test_training_on_some_pixels_is_training_on_all_in_turns():
    batch = pairs(2, size=10)
    model = colorzoo.create("context_mlp", every=3)
    whole = float(model.eval().losses(batch)["own_mse"])
    model.train()
    with torch.no_grad():
        answer = model._answer(model._padded(batch["grey"]))
        squares = (answer - batch["rgb"]).square()
        expected = [float(squares[..., down::3, right::3].mean()) for down in range(3) for right in range(3)]
        seen = [float(model.losses(batch)["own_mse"]) for _ in range(200)]
    nearest = [min(range(9), key=lambda turn: abs(value - expected[turn])) for value in seen]
    assert set(nearest) == set(range(9))
    assert seen == pytest.approx([expected[turn] for turn in nearest], rel=1e-5)
    assert whole == pytest.approx(float(squares.mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": -1}, r"radius \(-1\)"),
        ({"l2": -1.0}, r"l2 \(-1.0\)"),
        ({"every": 0}, r"every \(0\)"),
        ({"hidden": [8, 0]}, r"hidden \(\[8, 0\]\)"),
        ({"activation": "swish"}, "no activation is called 'swish'"),
        ({"target": "hsv"}, "target is 'hsv'"),
        ({"padding": "reflect"}, "padding is 'reflect'"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("context_mlp", **arguments)
