"""Short trainings of a model, for tests."""

from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def with_optim(model, optim):
    model.optim = optim
    return model


def train(model, batch, steps=1, **options):
    """Train on one batch, again and again."""
    trainer = Trainer(max_epochs=1, enable_checkpointing=False, **QUIET, **options)
    trainer.fit(model, DataLoader([batch] * steps, batch_size=None))
    return trainer
