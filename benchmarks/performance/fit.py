"""How much of the bare training step's speed `fit` keeps: data, pairs, logging and the trainer cost the rest."""

import copy

import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.data.batches import ColorBatch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from performance.beside_fit import PicturesInMemory, fit_beside
from performance.comparison import Row, Work, compared


def fit_small(seconds: float, batch_size: int = 64) -> Row:
    """fusion_cnn on images of 32 pixels."""
    return _fit("fusion_cnn", 32, batch_size, 8, seconds)


def fit_photos(seconds: float, size: int = 128, batch_size: int = 32) -> Row:
    """photo_unet on photographs of 128 pixels."""
    return _fit("photo_unet", size, batch_size, 2, seconds)


def _fit(name: str, size: int, batch_size: int, batches: int, seconds: float) -> Row:
    rgb = SyntheticDataModule(size=size, train_images=4 * batch_size).load_split("train").rgb
    data = PicturesInMemory(rgb, batch_size=batch_size, random_shift=2)
    data.setup("fit")
    ready = [data.on_after_batch_transfer(batch, 0) for batch in data.train_dataloader()]
    model = colorzoo.create(name).train().to(memory_format=torch.channels_last)
    plain = _bare_steps(copy.deepcopy(model), ready, batches)
    turns = fit_beside(model, data, plain, batches, seconds)
    what = f"fit beside the bare training step, {name}, batches of {batch_size} at {size} px"
    return compared(what, turns, "pictures/s", must=0.93, aim=0.98)


def _bare_steps(model: Colorizer, ready: list[ColorBatch], steps: int) -> Work:
    """Forward, backward and the optimiser, on pairs that are ready."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def turn() -> float:
        for step in range(steps):
            optimizer.zero_grad()
            model.losses(ready[step % len(ready)])["loss"].backward()
            optimizer.step()
        return float(steps * len(ready[0]["grey"]))

    return turn
