"""Configurations and checkpoints of runs: nothing of a file is run, and what cannot be resumed is said in one line."""

import pickle
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from fuzzing import fuzz, mutate_bytes, mutate_tree
from lightning.pytorch import Trainer
from trained import QUIET as SILENT

import colorzoo
from colorzoo.cli import main
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.errors import CheckpointError, ColorzooError, UsageError
from colorzoo.models.mlp import MLP
from colorzoo.training.checkpoint_io import AtomicCheckpointIO
from colorzoo.training.cli import run

QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]
DATA = ["--data=Synthetic", "--data.size=16", "--data.batch_size=4", "--data.train_images=8", "--data.val_images=4"]
MLP_16 = ["--model=MLP", "--model.size=16"]
FIT = ["fit", *DATA, *QUIET, *MLP_16]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Exploit:
    def __reduce__(self):
        return (Path.touch, (Path("code_was_run"),))


@pytest.fixture(params=["in an archive", "as a bare pickle"])
def evil(request, tmp_path):
    """A checkpoint that would make a file, where ``last`` finds it."""
    path = tmp_path / "lightning_logs" / "version_0" / "checkpoints" / "evil.ckpt"
    path.parent.mkdir(parents=True)
    content = {"state_dict": {}, "colorzoo": {"model": "mlp", "hparams": {}}, "payload": Exploit()}
    if request.param == "in an archive":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    yield path
    assert not Path("code_was_run").exists()


def refused(*args, capsys):
    """Return the one line with which a command ends."""
    assert main([*args]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    line = error.strip().splitlines()[-1]
    assert line.startswith("colorzoo")
    return line


@pytest.mark.parametrize("ckpt_path", ["last", "{evil}"])
@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_a_pickle_in_place_of_a_checkpoint_is_never_run(evil, verb, ckpt_path, capsys):
    where = ckpt_path.format(evil=evil)
    line = refused(verb, *DATA, *QUIET, *MLP_16, f"--ckpt_path={where}", capsys=capsys)
    assert "evil.ckpt" in line
    assert "weights_only" not in line


@pytest.mark.parametrize("where", ["command line", "configuration"])
@pytest.mark.parametrize("verb", ["fit", "test"])
def test_nobody_can_ask_for_more_than_data(evil, verb, where, capsys, tmp_path):
    (tmp_path / "hostile.yaml").write_text("weights_only: false\nckpt_path: last\n")
    asked = ["--config=hostile.yaml"] if where == "configuration" else ["--weights_only=false", "--ckpt_path=last"]
    assert "weights_only is false" in refused(verb, *DATA, *QUIET, *MLP_16, *asked, capsys=capsys)


def test_trainer_and_class_read_data_only(evil):
    trainer = Trainer(max_epochs=1, plugins=[AtomicCheckpointIO()], **SILENT)
    data = SyntheticDataModule(size=16, train_images=4, val_images=4, batch_size=4)
    with pytest.raises(CheckpointError, match=r"evil\.ckpt"):
        trainer.fit(colorzoo.create("mlp", size=16), data, ckpt_path=evil, weights_only=False)
    with pytest.raises(CheckpointError, match=r"evil\.ckpt"):
        MLP.load_from_checkpoint(evil)
    with pytest.raises(UsageError, match="read as data"):
        MLP.load_from_checkpoint(evil, weights_only=False)
    with pytest.raises(CheckpointError, match=r"evil\.ckpt"):
        colorzoo.load(evil)
    with pytest.raises(CheckpointError, match=r"evil\.ckpt"):
        colorzoo.create("mlp", weights=str(evil))


@pytest.fixture(scope="module")
def of_three_epochs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    where = [f"--trainer.default_root_dir={folder}", "--trainer.logger=false"]
    run([*FIT, "--trainer.max_epochs=3", "--optim.lr=0.002", *where])
    (path,) = (folder / "checkpoints").glob("*.ckpt")
    return path


@pytest.fixture
def checkpoint(of_three_epochs, tmp_path):
    path = tmp_path / "checkpoints" / of_three_epochs.name
    path.parent.mkdir()
    shutil.copy(of_three_epochs, path)
    return path


def test_a_run_is_not_resumed_for_fewer_epochs(checkpoint, capsys):
    line = refused(*FIT, f"--ckpt_path={checkpoint}", "--trainer.max_epochs=2", "--optim.lr=0.002", capsys=capsys)
    assert "is of epoch 3, and max_epochs is 2; give --trainer.max_epochs of more than 3" in line


def test_another_rate_is_not_ignored(checkpoint, capsys):
    line = refused(*FIT, f"--ckpt_path={checkpoint}", "--trainer.max_epochs=4", "--optim.lr=0.1", capsys=capsys)
    assert "goes on with optim.lr 0.002, and 0.1 is asked for" in line
    assert "--model.weights" in line
    resumed = run([*FIT, f"--ckpt_path={checkpoint}", "--trainer.max_epochs=4", "--optim.lr=0.002"])
    assert resumed.trainer.current_epoch == 4


def test_weights_that_are_no_numbers_are_not_resumed_or_measured(checkpoint, capsys):
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["net.0.weight"][0, 0] = float("nan")
    AtomicCheckpointIO().save_checkpoint(content, checkpoint)
    for verb in ("fit", "test"):
        asked = [f"--ckpt_path={checkpoint}", "--trainer.max_epochs=4", "--optim.lr=0.002"]
        line = refused(verb, *DATA, *QUIET, *MLP_16, *asked[: 2 if verb == "test" else 3], capsys=capsys)
        assert "net.0.weight that are infinite or no numbers" in line


def test_hyper_parameters_of_a_checkpoint_build_no_network_that_it_does_not_hold(checkpoint, capsys):
    content = torch.load(checkpoint, weights_only=True)
    for about in (content["colorzoo"]["hparams"], content["hyper_parameters"]):
        about["hidden"] = [10_000_000, 10_000_000]
    AtomicCheckpointIO().save_checkpoint(content, checkpoint)
    for verb in ("fit", "test"):
        assert "does not fit MLP" in refused(
            verb, *DATA, *QUIET, "--model=MLP", f"--ckpt_path={checkpoint}", capsys=capsys
        )
    with pytest.raises(CheckpointError, match="does not fit MLP"):
        MLP.load_from_checkpoint(checkpoint)


def test_a_checkpoint_of_another_shape_is_not_resumed(checkpoint, capsys):
    for where in (checkpoint, "last"):
        line = refused(*FIT, "--model.hidden=[7]", f"--ckpt_path={where}", "--optim.lr=0.002", capsys=capsys)
        assert "does not fit MLP: net.0.weight is [512, 256] there and [7, 256] here" in line


def test_the_class_a_checkpoint_asks_lightning_for_is_not_made(checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"] = {
        "_instantiator": "lightning.pytorch.cli.instantiate_module",
        "_class_path": "pathlib.Path",
        "hidden": [10_000_000] * 3,
    }
    AtomicCheckpointIO().save_checkpoint(content, checkpoint)
    assert MLP.load_from_checkpoint(checkpoint).hparams == content["colorzoo"]["hparams"]


BEST = [
    "--trainer.callbacks=lightning.pytorch.callbacks.ModelCheckpoint",
    "--trainer.callbacks.monitor=val/psnr",
    "--trainer.callbacks.mode=max",
    "--trainer.callbacks.filename=best",
    "--trainer.callbacks.save_last=true",
]


def worsen(path):
    """Let the best figure of a run be one that nobody reaches."""
    content = torch.load(path, weights_only=True)
    for state in content["callbacks"].values():
        if "best_model_score" in state:
            state["best_model_score"] = torch.tensor(99.0)
            state["best_k_models"] = {state["best_model_path"]: torch.tensor(99.0)}
            state["kth_value"] = torch.tensor(99.0)
    AtomicCheckpointIO().save_checkpoint(content, path)


def test_the_best_of_the_whole_run_stays_the_best_in_a_new_folder(tmp_path):
    first = run([*FIT, *BEST, "--trainer.max_epochs=1"]).trainer
    best = first.checkpoint_callback.best_model_path
    worsen(first.checkpoint_callback.last_model_path)
    resumed = run([*FIT, *BEST, "--trainer.max_epochs=3", "--ckpt_path=last"]).trainer
    assert "version_1" in resumed.checkpoint_callback.dirpath
    assert resumed.checkpoint_callback.best_model_path == best
    assert float(resumed.checkpoint_callback.best_model_score) == 99
    assert Path(best).is_file()
    again = run([*FIT, *BEST, "--trainer.max_epochs=4", "--ckpt_path=last"]).trainer
    assert again.checkpoint_callback.best_model_path == best


def test_a_better_one_in_the_new_folder_is_the_best_and_the_old_one_is_kept():
    first = run([*FIT, *BEST, "--trainer.max_epochs=1", "--optim.lr=1e-5"]).trainer
    before = first.checkpoint_callback.best_model_path
    resumed = run([*FIT, *BEST, "--trainer.max_epochs=30", "--ckpt_path=last", "--optim.lr=1e-5"]).trainer
    assert "version_1" in resumed.checkpoint_callback.best_model_path
    assert resumed.checkpoint_callback.best_model_score > first.checkpoint_callback.best_model_score
    assert Path(before).is_file()


def test_a_best_checkpoint_that_is_gone_is_the_best_no_more():
    first = run([*FIT, *BEST, "--trainer.max_epochs=1"]).trainer
    worsen(first.checkpoint_callback.last_model_path)
    Path(first.checkpoint_callback.best_model_path).unlink()
    resumed = run([*FIT, *BEST, "--trainer.max_epochs=3", "--ckpt_path=last"]).trainer
    assert Path(resumed.checkpoint_callback.best_model_path).is_file()
    assert float(resumed.checkpoint_callback.best_model_score) < 99


def test_a_checkpoint_does_not_choose_what_is_removed(tmp_path):
    precious = tmp_path / "precious.ckpt"
    precious.write_text("mine")
    first = run([*FIT, *BEST, "--trainer.max_epochs=1"]).trainer
    content = torch.load(first.checkpoint_callback.last_model_path, weights_only=True)
    folder = first.checkpoint_callback.dirpath
    outside = f"{folder.replace('version_0', 'version_1')}/../../../precious.ckpt"
    for state in content["callbacks"].values():
        if "best_model_score" in state:
            state |= {name: outside for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
            state |= {"best_k_models": {outside: torch.tensor(-99.0)}, "kth_value": torch.tensor(-99.0)}
            state["best_model_score"] = torch.tensor(-99.0)
    AtomicCheckpointIO().save_checkpoint(content, first.checkpoint_callback.last_model_path)
    run([*FIT, *BEST, "--trainer.max_epochs=3", "--ckpt_path=last"])
    assert precious.read_text() == "mine"


def test_a_fine_tuning_resumes_without_being_told_its_start(checkpoint):
    weights = [f"--model.weights={checkpoint}"]
    tuning = ["--trainer.callbacks=FineTuning", "--trainer.callbacks.lr_factor=0.5"]
    given = [*FIT, *tuning, "--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint"]
    first = run([*given, *weights, "--trainer.max_epochs=1"])
    resumed = run([*given, "--trainer.max_epochs=2", "--ckpt_path=last"])
    assert resumed.trainer.current_epoch == 2
    assert resumed.model.source == first.model.source
    for key, value in first.model.state_dict().items():
        if key.startswith("net.0."):
            assert torch.equal(resumed.model.state_dict()[key], value), "the trunk is frozen still"


def test_fine_tuning_of_random_weights_is_refused_where_no_run_has_left_a_checkpoint(capsys):
    line = refused(*FIT, "--trainer.callbacks=FineTuning", "--ckpt_path=last", capsys=capsys)
    assert "would freeze random weights" in line


RECIPE = {
    "seed_everything": 0,
    "model": {"class_path": "MLP", "init_args": {"size": 16, "hidden": [8]}},
    "data": {"class_path": "SyntheticDataModule", "init_args": {"size": 16, "batch_size": 4}},
    "optim": {"name": "adamw", "lr": 0.002, "schedule": "cosine"},
    "trainer": {
        "max_epochs": 1,
        "accelerator": "cpu",
        "callbacks": [{"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss"}}],
    },
}
RECIPES = {
    "a tag of Python": b"model: !!python/object/apply:os.system ['touch code_was_run']",
    "a tag for all": b"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['code_was_run']]",
    "no text": b"\xff\xfe\x00x",
    "a control character": b"seed_everything: \0",
    "endless nesting": b"[" * 10_000,
    "a loop": b"model: &a [*a]",
    "a list": b"- 1",
    "a number": b"7",
    "a class that is no model": b"model: {class_path: os.system, init_args: {command: touch code_was_run}}",
}


@pytest.mark.parametrize("what", RECIPES)
def test_what_is_no_recipe_is_refused_in_one_line_and_not_run(what, capsys):
    Path("hostile.yaml").write_bytes(RECIPES[what])
    assert main(["fit", "--config=hostile.yaml"]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert not Path("code_was_run").exists()


@pytest.mark.parametrize("how", ["bytes", "values"])
def test_recipes_survive_the_fuzzer(how):
    def parse(mutated):
        Path("mutated.yaml").write_bytes(mutated if how == "bytes" else yaml.safe_dump(mutated).encode())
        with pytest.raises((SystemExit, ColorzooError)) as ended:
            run(["fit", "--config=mutated.yaml", "--print_config"])
        assert "\n" not in str(ended.value)
        assert getattr(ended.value, "code", 0) == 0

    given, mutate = (yaml.safe_dump(RECIPE).encode(), mutate_bytes) if how == "bytes" else (RECIPE, mutate_tree)
    fuzz([given], parse, (), mutate=mutate)
