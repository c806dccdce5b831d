"""Predictions are written into the folder that was given, whatever the images are called."""

import pytest
import torch
from lightning.pytorch import Trainer
from trained import QUIET

from colorzoo.callbacks.prediction_writer import PredictionWriter
from colorzoo.errors import DataError


@pytest.fixture
def write(tmp_path):
    """Write a prediction under a name; return what then lies in the folder above that of the predictions."""
    trainer = Trainer(default_root_dir=tmp_path, **QUIET)

    def written(name, folder=None):
        images = torch.rand(1, 3, 4, 4)
        writer = PredictionWriter(folder)
        writer.write_on_batch_end(trainer, None, images, None, {"name": [name]}, 0, 0)
        return {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}

    return written


@pytest.mark.parametrize("name", ["a.png", "holiday/beach.jpg", "..a", "a..b/c", "a/../b"])
def test_names_below_the_folder_are_written(write, name):
    (written,) = write(name)
    assert written.startswith("predictions/")


@pytest.mark.parametrize("name", ["../x", "../../x", "a/../../x", "/tmp/colorzoo_outside", "../predictions2/x", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(write, name, tmp_path):
    with pytest.raises(DataError, match="would be written outside"):
        write(name)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["link/x", "link/below/x", "file"])
def test_links_do_not_lead_elsewhere(write, name, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "predictions" / "file.png").symlink_to(tmp_path / "elsewhere" / "file.png")
    with pytest.raises(DataError, match="would be written outside"):
        write(name)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_folder_itself_may_be_a_link(write, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "mine").symlink_to(tmp_path / "disk")
    assert "disk/a.png" in write("a", str(tmp_path / "mine"))
