"""Images shown after validation: for any LightningModule on pairs, in every logger that takes images."""

import PIL.Image
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

from colorzoo.callbacks.image_grid import ImageGrid
from colorzoo.datamodules import SyntheticDataModule

SMALL = {"size": 8, "train_images": 4, "val_images": 4, "batch_size": 4}


class Own(LightningModule):
    def __init__(self, answer="image"):
        super().__init__()
        self.net = torch.nn.Conv2d(1, {"image": 3, "ab": 2, "noisy": 1}.get(answer, 3), 1)
        self.answer = answer

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        return self(batch.get("noisy", batch.get("grey"))).mean()

    def validation_step(self, batch, batch_idx):
        return self(batch["grey"]) if self.answer == "image" else None

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class ImageLogger(CSVLogger):
    """Takes images as `WandbLogger` does."""

    def __init__(self, folder):
        super().__init__(folder)
        self.logged = []

    def log_image(self, key, images, step=None, **kwargs):
        self.logged.append((key, images, step))


@pytest.mark.parametrize(
    ("answer", "noise", "columns"),
    [("image", None, 3), ("forward", None, 3), ("ab", None, 2), ("noisy", {"impulse": 0.1}, 3)],
)
def test_any_module_on_pairs_is_shown_in_files_and_loggers(answer, noise, columns, tmp_path):
    logger = ImageLogger(tmp_path)
    options = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = Trainer(max_epochs=1, accelerator="cpu", logger=logger, callbacks=[ImageGrid(pictures=2)], **options)
    trainer.fit(Own(answer), SyntheticDataModule(**SMALL, noise=noise))
    ((key, (image,), step),) = logger.logged
    assert (key, step) == ("val/input_output_target", 1)
    assert image.size == (columns * 10 + 2, 2 * 10 + 2)
    (file,) = tmp_path.rglob("epoch-000.png")
    assert PIL.Image.open(file).size == image.size
