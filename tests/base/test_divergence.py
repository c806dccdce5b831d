"""A run whose loss is no number ends, and says where."""

import pytest
import torch
from lightning.pytorch import Trainer
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import DivergedError


def fit(model, optim, tmp_path):
    data = SyntheticDataModule(size=16, train_images=16, val_images=8, batch_size=8, hflip=False)
    trainer = Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path
    )
    trainer.fit(with_optim(model, optim), data)


def test_a_rate_that_is_far_too_high_ends_with_batch_pictures_and_advice(tmp_path):
    model = colorzoo.create("mlp", size=16)
    with pytest.raises(
        DivergedError, match=r"batch \d of epoch \d \(\w+.*(nan|inf); lower optim.lr, set optim.clip_norm"
    ):
        fit(model, OptimizerConfig(name="sgd", lr=1e30), tmp_path)


def test_in_a_game_the_player_is_named_and_takes_no_step(tmp_path):
    model = colorzoo.create("pix2pix", size=16, width=8)
    with torch.no_grad():
        model.generator.out.bias.fill_(torch.nan)
    before = {key: value.clone() for key, value in model.improver.state_dict().items()}
    with pytest.raises(DivergedError, match="the discriminator's loss of batch 0 of epoch 0"):
        fit(model, OptimizerConfig(), tmp_path)
    assert all(torch.equal(value, before[key]) for key, value in model.improver.state_dict().items())
