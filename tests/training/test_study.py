"""Studies along an axis: every variant at every value, as a table and as curves."""

import pytest
import yaml
from matplotlib.figure import Figure

from colorzoo.errors import DataError
from colorzoo.training.study import run_study
from colorzoo.training.study_plot import Axis, _draw_curves, plot_study

RECIPE = {
    "model": {"class_path": "LinearDenoiser", "init_args": {"detector": "extremes"}},
    "data": {
        "class_path": "SyntheticDataModule",
        "init_args": {"train_images": 8, "val_images": 4, "test_images": 4, "batch_size": 4, "noise": {"impulse": 0.1}},
    },
    "trainer": {"max_epochs": 1, "enable_progress_bar": False, "accelerator": "cpu"},
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    return {
        "recipe": "tiny.yaml",
        "common": {"trainer.logger": False, "trainer.enable_checkpointing": False},
        "axis": {"argument": "data.noise.impulse", "values": [0.1, 0.4], "label": "share of noise"},
        "variants": {"plain": {}, "filled": {"model.fill": True}},
        "seeds": [0],
        "figures": ["half_mse", "noisy_mse"],
        "output": "results/noise.csv",
    }


def written(tmp_path, study):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def test_every_variant_is_run_at_every_value_once(study, tmp_path):
    path = written(tmp_path, study)
    table = run_study(path)
    header, *rows = table.read_text().splitlines()
    assert header == "variant,at,seed,figure,value"
    points = [
        f"{variant},{at},0,{figure}"
        for variant in study["variants"]
        for at in (0.1, 0.4)
        for figure in study["figures"]
    ]
    assert [row.rpartition(",")[0] for row in rows] == points
    noisy = {row.split(",")[1]: float(row.rpartition(",")[2]) for row in rows if "noisy_mse" in row}
    assert noisy["0.4"] > 2 * noisy["0.1"]
    table.write_text("\n".join([header, "plain,0.1,0,half_mse,0.123", *rows[1:-2], ""]))
    assert run_study(path).read_text().splitlines() == [header, "plain,0.1,0,half_mse,0.123", *rows[1:]]
    assert "| variant | at | figure | mean |" in table.with_suffix(".md").read_text()
    assert "share of noise" in table.with_suffix(".svg").read_text()


def row(variant, at, figure, value, seed=0):
    return {"variant": variant, "at": str(at), "seed": str(seed), "figure": figure, "value": str(value)}


def test_curves_pass_through_the_means_and_baselines_of_half_a_figure_are_halved():
    axis = Axis("data.train_images", [1, 10], "pictures", log=True)
    rows = [
        row("a", at, "half_mse", value, seed)
        for at, seen in ((1, (3, 5)), (10, (1, 2)))
        for seed, value in enumerate(seen)
    ]
    rows += [row("a", at, "noisy_mse", value, seed) for at, value in ((1, 8), (10, 6)) for seed in (0, 1)]
    axes = Figure().add_subplot()
    _draw_curves(axes, rows, "half_mse", ["a"], axis)
    labelled = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    assert set(labelled) == {"a", "noisy input"}
    assert labelled["a"].get_xydata().tolist() == [[1, 4], [10, 1.5]]
    assert labelled["noisy input"].get_xydata().tolist() == [[1, 4], [10, 3]]
    assert axes.get_xscale() == "log"


def test_a_study_of_baselines_alone_has_no_curve(tmp_path):
    with pytest.raises(DataError, match="nothing to draw"):
        plot_study(tmp_path / "plot.svg", [row("a", 1, "noisy_mse", 1)], Axis("x", [1, 2], "x"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": [0.1]}, "at least two, rising"),
        ({"values": [0.4, 0.1]}, "at least two, rising"),
        ({"values": ["few", "many"]}, "give numbers"),
        ({"values": [0, 1], "log": True}, "logarithms"),
        ({"name": "noise"}, "argument, values, label and log"),
    ],
)
def test_an_axis_that_makes_no_sense_is_refused(study, tmp_path, changes, message):
    study["axis"] |= changes
    with pytest.raises(DataError, match=message):
        run_study(written(tmp_path, study))
