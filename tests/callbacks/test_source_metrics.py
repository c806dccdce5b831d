"""Each source of a validation set by itself: its mean PSNR over grey and its share of the colourfulness."""

import PIL.Image
import pytest
from lightning.pytorch import Trainer

import colorzoo
from colorzoo.callbacks.source_metrics import SourceMetrics
from colorzoo.data.photo_sources import PhotoSource
from colorzoo.datamodules.photos import PhotosDataModule
from colorzoo.metrics import psnr


def test_sources_are_measured_alone_and_weigh_the_same(tmp_path):
    sources = []
    for name, colors in (("reds", [(200, 40, 0), (180, 0, 0)]), ("mixed", [(0, 160, 0), (90, 90, 90)])):
        (tmp_path / name).mkdir()
        for index, color in enumerate([*colors, (10, 20, 200)]):
            PIL.Image.new("RGB", (32, 32), color).save(tmp_path / name / f"{index}.png")
        sources.append(PhotoSource(path=str(tmp_path / name), val_images=2, eval_size=32))
    data = PhotosDataModule(sources)
    model = colorzoo.create("photo_unet", widths=[8, 8, 8], vividness=2.0).eval()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", callbacks=[SourceMetrics()], default_root_dir=tmp_path, **quiet)
    trainer.validate(model, data, verbose=False)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged["val/gain"] == pytest.approx((logged["val/reds/gain"] + logged["val/mixed/gain"]) / 2, abs=1e-4)
    assert 0 < logged["val/reds/color"] < 2
    gains = {"reds": [], "mixed": []}
    for pairs in data.val_dataloader():
        if float(pairs["lab"][:, 1:].abs().max()) > 5:
            grey = pairs["grey"].expand(-1, 3, -1, -1)
            gain = psnr(model(pairs["grey"]).detach(), pairs["rgb"]) - psnr(grey, pairs["rgb"])
            gains[pairs["name"][0].partition("/")[0]].append(float(gain))
    for name, found in gains.items():
        assert logged[f"val/{name}/gain"] == pytest.approx(sum(found) / len(found), abs=1e-3)
