"""The benchmark of fine-tuning draws, trains and measures what it says."""

import numpy as np
import PIL.Image
import pytest

import colorzoo
from colorzoo.errors import UsageError
from colorzoo.hub import checkpoint_file

QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/fine_tune.py")


@pytest.fixture
def photographs(tmp_path):
    random = np.random.default_rng(0)
    for folder, count in (("mine", 24), ("mine-too", 3), ("others", 2)):
        for index in range(count):
            path = tmp_path / folder / "box" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(random.integers(0, 256, (20, 28, 3), dtype=np.uint8)).save(path)
    return tmp_path


def test_pictures_are_drawn_by_name_and_no_more_than_asked_for(benchmark, photographs):
    names = [f"box/{index}.png" for index in range(24)]
    drawn = benchmark.pictures(photographs / "mine", [*names, "box/note.txt"], 10).names
    assert len(drawn) == 10
    assert drawn == benchmark.pictures(photographs / "mine", names[::-1], 10).names
    with pytest.raises(UsageError, match="holds no such images"):
        benchmark.pictures(photographs, ["note.txt"], 10)


@pytest.mark.parametrize(
    ("name", "options"),
    [("fusion_cnn", {"num_classes": 3}), ("pix2pix", {"size": 16, "width": 8, "improver": [8], "norm": "group"})],
)
def test_a_folder_teaches_and_two_others_are_measured(benchmark, photographs, monkeypatch, name, options):
    monkeypatch.chdir(photographs)
    model = colorzoo.create(name, **options)
    start = photographs / "start.ckpt"
    checkpoint_file.write_ckpt(checkpoint_file.Checkpoint(start, name, model.hparams, model.state_dict(), None))
    folders = ["--photos", "mine", "--held-out", "mine-too", "--elsewhere", "others", "--output", "table.md"]
    small = ["--trainer.max_epochs=1", "--data.size=16", "--data.batch_size=4", "--data.num_workers=0", *QUIET]
    monkeypatch.setattr(benchmark, "SIZE", 32)
    benchmark.main(["--model", str(start), *folders, *small])
    table = (photographs / "table.md").read_text()
    assert "on 24 photographs of a folder" in table
    assert "| of that kind, held out | 3 |" in table
    assert "| elsewhere | 2 |" in table
    with pytest.raises(SystemExit):
        benchmark.main(["--photos", "mine"])
