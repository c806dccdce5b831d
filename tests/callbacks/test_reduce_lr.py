from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from colorzoo.callbacks.reduce_lr import ReduceLROnPlateauAndStop


class Scripted(LightningModule):
    """Logs the given validation losses, one an epoch, and notes the rate of every epoch."""

    def __init__(self, losses, scheduled=False):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.script = losses
        self.scheduled = scheduled
        self.rates = []

    def training_step(self, batch, batch_idx):
        self.rates.append(self.optimizers().param_groups[0]["lr"])
        return self.layer(batch).sum()

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", torch.tensor(self.script[min(self.current_epoch, len(self.script) - 1)]))

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), 1.0)
        if not self.scheduled:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.ConstantLR(optimizer)}


def train(folder, module, staircase, epochs=40, **fit):
    loader = torch.utils.data.DataLoader(torch.zeros(1, 1))
    options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(max_epochs=epochs, default_root_dir=folder, callbacks=[staircase], **options)
    trainer.fit(module, loader, loader, **fit)
    return trainer


def test_rate_falls_after_patience_and_training_ends_after_the_last_stair(tmp_path):
    # Improves in epochs 0, 1 and 4; the others are no better than the best so far.
    module = Scripted([5.0, 4.0, 4.0, 4.5, 3.0, 3.0, 3.0, float("nan")])
    train(tmp_path, module, ReduceLROnPlateauAndStop(patience=2, stages=3))
    assert module.rates == pytest.approx([1.0] * 4 + [0.1] * 3 + [0.01] * 2)


def test_a_single_stair_is_early_stopping(tmp_path):
    module = Scripted([1.0])
    train(tmp_path, module, ReduceLROnPlateauAndStop(patience=3, stages=1))
    assert module.rates == [1.0] * 4


def test_resumed_training_goes_on_where_it_ended(tmp_path):
    script = [5.0, 5.0, 5.0, 4.0, 4.0, 4.0]
    whole = Scripted(script)
    train(tmp_path, whole, ReduceLROnPlateauAndStop(patience=2, stages=3))
    first = Scripted(script)
    trainer = train(tmp_path, first, ReduceLROnPlateauAndStop(patience=2, stages=3), epochs=5)
    path = tmp_path / "run.ckpt"
    trainer.save_checkpoint(path)
    second, staircase = Scripted(script), ReduceLROnPlateauAndStop(patience=2, stages=3)
    train(tmp_path, second, staircase, ckpt_path=path, weights_only=True)
    assert first.rates + second.rates == pytest.approx(whole.rates)
    assert staircase.stage == 3


def test_a_missing_figure_is_named(tmp_path):
    with pytest.raises(ValueError, match="nothing is logged as 'val/mse'; monitor one of val/loss"):
        train(tmp_path, Scripted([1.0]), ReduceLROnPlateauAndStop(monitor="val/mse"))


def test_a_schedule_beside_it_is_refused(tmp_path):
    with pytest.raises(ValueError, match="constant"):
        train(tmp_path, Scripted([1.0], scheduled=True), ReduceLROnPlateauAndStop())


def test_validation_outside_of_training_does_not_count():
    staircase = ReduceLROnPlateauAndStop(patience=1)
    trainer = SimpleNamespace(sanity_checking=False, state=SimpleNamespace(fn=TrainerFn.VALIDATING))
    staircase.on_validation_end(trainer, None)
    assert staircase.waited == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": 0}, r"patience \(0\)"),
        ({"stages": 0}, r"stages \(0\)"),
        ({"factor": 1.0}, "factor is 1.0"),
        ({"factor": 0.0}, "factor is 0.0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ReduceLROnPlateauAndStop(**arguments)
