"""The device that is picked where the user leaves it open."""

import pytest
import torch

from colorzoo.cli.model_loader import ModelLoader
from colorzoo.errors import UsageError
from colorzoo.runtime.device import available_devices, pick_device


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that there are GPUs with so many free bytes; None for none."""

    def pretend(cuda=None, mps=False, xpu=None):
        for module, free in ((torch.cuda, cuda), (torch.xpu, xpu)):
            monkeypatch.setattr(module, "is_available", lambda free=free: free is not None)
            monkeypatch.setattr(module, "mem_get_info", lambda free=free: (free, 1 << 30))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    pretend()
    return pretend


def test_the_best_device_with_room_is_picked(gpus):
    assert pick_device() == pick_device(None) == torch.device("cpu")
    gpus(cuda=1000, mps=True, xpu=1000)
    assert pick_device("auto", 500).type == "cuda"
    assert pick_device("auto", 501).type == "mps"
    gpus(xpu=1000)
    assert pick_device("auto", 500).type == "xpu"
    assert pick_device("auto", 501).type == "cpu"
    assert available_devices() == ["xpu", "cpu"]


def test_a_gpu_that_answers_with_an_error_is_passed_over(gpus, monkeypatch):
    gpus(cuda=1000)

    def fail():
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    assert pick_device().type == "cpu"


def test_a_device_that_is_named_is_taken_or_refused(gpus):
    gpus(cuda=1000)
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(UsageError, match=r"'abacus' cannot be used here .* one of: cuda, cpu"):
        pick_device("abacus")


def test_one_line_says_where_models_run_if_there_was_a_choice(gpus, capsys, monkeypatch):
    monkeypatch.setattr("colorzoo.zoo.load", lambda name: torch.nn.Linear(1, 1))
    for name in ("a", "b"):
        with pytest.raises(UsageError, match=f"{name} does not colourise"):
            ModelLoader("auto").load(name, "colourise")
    assert capsys.readouterr().err == "", "there is only the CPU"
    gpus(cuda=1)
    loader = ModelLoader("auto")
    for name in ("a", "b"):
        with pytest.raises(UsageError):
            loader.load(name, "colourise")
    assert capsys.readouterr().err == "colorzoo: running on cpu (another one: --device NAME)\n"
