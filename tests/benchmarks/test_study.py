"""Studies: every variant, at every value of an axis if there is one, as a table and as a plot."""

import itertools
from pathlib import Path

import pytest
import yaml
from matplotlib.figure import Figure

from colorzoo.errors import DataError
from colorzoo.training.arguments import expand_names
from colorzoo.training.cli import run

CONFIGS = Path(__file__).parents[2] / "configs"
STUDIES = sorted((CONFIGS / "studies").glob("*.yaml"))

CONFIG = {
    "model": {"class_path": "LinearDenoiser", "init_args": {"detector": "extremes"}},
    "data": {
        "class_path": "SyntheticDataModule",
        "init_args": {"train_images": 8, "val_images": 4, "test_images": 4, "batch_size": 4, "noise": {"impulse": 0.1}},
    },
    "trainer": {"max_epochs": 1, "enable_progress_bar": False, "accelerator": "cpu"},
}


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/study.py")


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    return {
        "config": "tiny.yaml",
        "common": {"trainer.logger": False, "trainer.enable_checkpointing": False},
        "axis": {"argument": "data.noise.impulse", "values": [0.1, 0.4], "label": "share of noise"},
        "variants": {"plain": {}, "filled": {"model.fill": True}},
        "seeds": [0],
        "metrics": ["half_mse", "noisy_mse"],
        "output": "results/noise.csv",
    }


def written(tmp_path, study):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def test_every_variant_is_run_at_every_value_once(benchmark, study, tmp_path):
    path = written(tmp_path, study)
    table = benchmark.run_study(path)
    header, *rows = table.read_text().splitlines()
    assert header == "variant,at,seed,metric,value"
    points = [
        f"{variant},{at},0,{metric}"
        for variant in study["variants"]
        for at in (0.1, 0.4)
        for metric in study["metrics"]
    ]
    assert [row.rpartition(",")[0] for row in rows] == points
    noisy = {row.split(",")[1]: float(row.rpartition(",")[2]) for row in rows if "noisy_mse" in row}
    assert noisy["0.4"] > 2 * noisy["0.1"]
    table.write_text("\n".join([header, "plain,0.1,0,half_mse,0.123", *rows[1:-2], ""]))
    assert benchmark.run_study(path).read_text().splitlines() == [header, "plain,0.1,0,half_mse,0.123", *rows[1:]]
    assert "| variant | at | metric | mean |" in table.with_suffix(".md").read_text()
    assert "share of noise" in table.with_suffix(".svg").read_text()


def test_a_study_without_an_axis_fills_its_table_and_resumes(benchmark, study, tmp_path):
    del study["axis"]
    study |= {
        "variants": {"with": {"model.fill": True}, "without": {}},
        "seeds": [0, 1],
        "metrics": ["mse"],
    }
    path = written(tmp_path, study)
    table = benchmark.run_study(path)
    rows = table.read_text().splitlines()
    assert len(rows) == 5
    kept = [rows[0], "with,0,mse,0.123", *rows[2:-1]]
    table.write_text("\n".join([*kept, ""]))
    assert benchmark.run_study(path).read_text().splitlines() == [*kept, rows[-1]]
    assert "| with | mse |" in table.with_suffix(".md").read_text()
    assert "<svg" in table.with_suffix(".svg").read_text()


@pytest.fixture(scope="module")
def parser(tmp_path_factory):
    """The parser of ``fit``, which takes longer to build than to use."""
    config = tmp_path_factory.mktemp("parser") / "tiny.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    return run(["fit", "--config", str(config), "--trainer.fast_dev_run=true"]).parser


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_every_study_names_a_config_and_arguments_that_parse(study, parser):
    content = yaml.safe_load(study.read_text())
    axis = content.get("axis")
    ends = [{axis["argument"]: axis["values"][end]} for end in (0, -1)] if axis else [{}]
    for arguments, point in itertools.product(content["variants"].values(), ends):
        settings = {"config": content["config"], **content["common"], **arguments, **point}
        config = CONFIGS.parent / settings.pop("config")
        options = [f"--{key}={value}" for key, value in settings.items()]
        parsed = parser.parse_args(expand_names(["fit", "--config", str(config), *options]))
        assert parsed["fit.model.class_path"].startswith("colorzoo.models.")


def test_a_study_with_other_keys_is_refused(benchmark, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("config: x\nseed: [1]\n")
    with pytest.raises(DataError, match="exactly the keys"):
        benchmark.run_study(path)


def row(variant, at, metric, value, seed=0):
    return {"variant": variant, "at": str(at), "seed": str(seed), "metric": metric, "value": str(value)}


def test_curves_pass_through_the_means_and_baselines_of_half_a_metric_are_halved(benchmark):
    axis = benchmark.Axis("data.train_images", [1, 10], "images", log=True)
    rows = [
        row("a", at, "half_mse", value, seed)
        for at, seen in ((1, (3, 5)), (10, (1, 2)))
        for seed, value in enumerate(seen)
    ]
    rows += [row("a", at, "noisy_mse", value, seed) for at, value in ((1, 8), (10, 6)) for seed in (0, 1)]
    axes = Figure().add_subplot()
    benchmark._draw_curves(axes, rows, "half_mse", ["a"], axis)
    labelled = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    assert set(labelled) == {"a", "noisy input"}
    assert labelled["a"].get_xydata().tolist() == [[1, 4], [10, 1.5]]
    assert labelled["noisy input"].get_xydata().tolist() == [[1, 4], [10, 3]]
    assert axes.get_xscale() == "log"


def test_a_study_of_baselines_alone_has_no_curve(benchmark, tmp_path):
    with pytest.raises(DataError, match="nothing to draw"):
        benchmark.plot_study(tmp_path / "plot.svg", [row("a", 1, "noisy_mse", 1)], benchmark.Axis("x", [1, 2], "x"))


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
def test_an_axis_that_makes_no_sense_is_refused(benchmark, study, tmp_path, changes, message):
    study["axis"] |= changes
    with pytest.raises(DataError, match=message):
        benchmark.run_study(written(tmp_path, study))
