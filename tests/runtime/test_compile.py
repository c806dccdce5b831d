import copy
import pickle
import shutil

import pytest
import torch
from lightning.pytorch import Trainer

import colorzoo
from colorzoo.datamodules import SyntheticDataModule
from colorzoo.errors import UsageError
from colorzoo.export.program import export
from colorzoo.hub import checkpoint_file
from colorzoo.runtime.compile import compile_network, uncompiled_state


@pytest.fixture
def checkpoint(tmp_path, record):
    model = colorzoo.create("conv_denoiser", filters=[4], batch_norm=False)
    path = tmp_path / "conv_denoiser.test.safetensors"
    checkpoint_file.write(checkpoint_file.Checkpoint(path, "conv_denoiser", model.hparams, model.state_dict(), record))
    return path


def test_the_networks_of_both_tasks_are_compiled(monkeypatch):
    for name, method in (("fusion_cnn", "predict_ab"), ("linear_denoiser", "restore")):
        monkeypatch.setattr(torch, "compile", lambda run, dynamic: ("compiled", run.__name__))
        monkeypatch.setattr(shutil, "which", lambda name: name)
        model = colorzoo.create(name)
        compile_network(model)
        assert getattr(model, method) == ("compiled", method)
        uncompiled_state(model)
        assert callable(getattr(model, method))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_compiled_model_gives_the_same_answers_at_any_size(checkpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    compiled, model = colorzoo.load(checkpoint, compile=True), colorzoo.load(checkpoint)
    for size in ((32, 32), (33, 47), (20, 64)):
        noisy = torch.rand(2, 1, *size)
        torch.testing.assert_close(compiled.denoise(noisy), model.denoise(noisy), atol=1e-4, rtol=0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize(("name", "method"), [("mlp", "predict_ab"), ("linear_denoiser", "restore")])
def test_the_network_of_every_task_is_compiled(name, method):
    model = colorzoo.create(name)
    compile_network(model)
    assert hasattr(getattr(model, method), "get_compiler_config"), "torch.compile marks what it wraps so"
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert method not in vars(twin)
        assert all(torch.equal(a, b) for a, b in zip(twin.parameters(), model.parameters(), strict=True))
    uncompiled_state(model)
    assert method not in vars(model)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_compiled_model_trains_without_graph_breaks_to_the_same_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    torch._dynamo.utils.counters.clear()
    compiled = colorzoo.create("fusion_cnn")
    plain = copy.deepcopy(compiled)
    compile_network(compiled)
    for model in (compiled, plain):
        torch.manual_seed(0)
        options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
        Trainer(max_epochs=1, limit_train_batches=3, limit_val_batches=1, **options).fit(
            model, SyntheticDataModule(batch_size=4)
        )
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert not torch._dynamo.utils.counters["graph_break"]
    for one, other in zip(compiled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_without_a_compiler_it_says_so(checkpoint, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match="no-such-compiler is not found"):
        colorzoo.load(checkpoint, compile=True)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_model_that_is_to_be_compiled_can_be_exported(checkpoint, tmp_path):
    path = tmp_path / "model.pt2"
    assert export(colorzoo.load(checkpoint, compile=True), path) == export(
        colorzoo.load(checkpoint), path, overwrite=True
    )
