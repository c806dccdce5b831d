"""Training in mixed precision: networks in half the bits, colours, losses and closed forms in all of them."""

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import MixedPrecision
from small import small_model
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb, lightness_to_grey, rgb_to_lab
from colorzoo.data.batches import color_batch, noisy_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.noise.synthesis import Noise

HALVES = (torch.bfloat16, torch.float16)
NOISE = Noise(impulse=0.2, sigma=10.0)
# What losses and colour conversions are made of, and networks are not.
LOSSES = {"mse_loss", "l1_loss", "smooth_l1_loss", "_log_softmax", "nll_loss_forward", "pow", "square", "abs", "log"}
LOSSES |= {"binary_cross_entropy", "binary_cross_entropy_with_logits", "softplus", "log_sigmoid_forward"}
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


class Watch(TorchDispatchMode):
    """Notes which operations were given tensors of half precision."""

    def __init__(self):
        super().__init__()
        self.halved, self.seen = set(), set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").split(".")[0]
        self.seen.add(name)
        if any(isinstance(leaf, torch.Tensor) and leaf.dtype in HALVES for leaf in tree_leaves((args, kwargs))):
            self.halved.add(name)
        return func(*args, **(kwargs or {}))


def pairs(model):
    pictures = SyntheticDataModule(size=32, train_images=2).load_split("train").load_batch([0, 1])
    if model.input_key == "noisy":
        return noisy_batch(pictures, NOISE, color=model.channels == 3, seeds=[0, 1])
    return color_batch(pictures)


@pytest.mark.parametrize("name", colorzoo.list_models())
def test_losses_are_counted_in_full_precision(name):
    model = small_model(name).train()
    batch = pairs(model)
    for half in HALVES:
        with torch.autocast("cpu", dtype=half), Watch() as watch:
            losses = model.losses(batch)
            assert {value.dtype for value in losses.values()} == {torch.float32}
            assert all(bool(value.isfinite()) for value in losses.values())
        assert watch.halved, "the network itself should have run in half precision"
        assert watch.seen & LOSSES
        assert not watch.halved & LOSSES


@pytest.mark.parametrize("half", HALVES, ids=["bf16", "fp16"])
def test_colours_are_converted_in_full_precision(half):
    rgb = torch.rand(2, 3, 8, 8)
    for convert, given in (
        (rgb_to_lab, rgb),
        (lab_to_rgb, rgb_to_lab(rgb)),
        (grey_to_lightness, rgb[:, :1]),
        (lightness_to_grey, 100 * rgb[:, :1]),
    ):
        expected = convert(given)
        with torch.autocast("cpu", dtype=half):
            assert torch.equal(convert(given), expected)


def fit(model, tmp_path, **options):
    noise = NOISE if model.input_key == "noisy" else None
    data = SyntheticDataModule(size=16, train_images=8, val_images=2, batch_size=4, noise=noise, hflip=False)
    trainer = Trainer(max_epochs=1, enable_checkpointing=False, default_root_dir=tmp_path, **QUIET, **options)
    trainer.fit(with_optim(model, OptimizerConfig(clip_norm=1.0)), data)
    return trainer


SMALL = {
    "mlp": {"size": 16},
    "pix2pix": {"size": 16, "width": 8, "improver": [8]},
    "pca_denoiser": {"size": 8, "components": 4, "shrink": True},
    "linear_denoiser": {},
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_every_kind_of_method_trains_in_mixed_precision(name, precision, tmp_path):
    model = colorzoo.create(name, **SMALL[name])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    # A plugin, for on a CPU Lightning itself would take bf16 for 16.
    trainer = fit(model, tmp_path, plugins=[MixedPrecision(precision, "cpu")])
    after = model.state_dict()
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert all(bool(value.isfinite().all()) for value in after.values())
    assert not all(torch.equal(value, before[key]) for key, value in after.items())
    assert torch.isfinite(trainer.callback_metrics["val/mse"])


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_closed_forms_do_not_know_of_the_precision(precision, tmp_path):
    exact, mixed = (colorzoo.create("pca_denoiser", **SMALL["pca_denoiser"]) for _ in range(2))
    fit(exact, tmp_path, precision="32-true")
    fit(mixed, tmp_path, plugins=[MixedPrecision(precision, "cpu")])
    assert all(torch.equal(value, mixed.state_dict()[key]) for key, value in exact.state_dict().items())


def test_sixteen_bits_on_a_cpu_are_those_of_bfloat16(tmp_path):
    with pytest.warns(UserWarning, match="fp16 is not supported on CPU. Using `precision='bf16-mixed'` instead"):
        trainer = fit(colorzoo.create("mlp", size=16), tmp_path, precision="16-mixed")
    assert trainer.precision == "bf16-mixed"
