import importlib.util
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
import torch
from scanned import grey

from colorzoo.hub.record import CheckpointInfo


def pytest_configure():
    # Workers that each had a thread for every core would wait for one another.
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    connect = socket.socket.connect

    def only_local(self, address):
        # Loader workers talk over Unix sockets, and gloo over the loopback.
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_local)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def script():
    """Import a script of the repository, which lies in no package, by its path from the root.

    It finds what lies beside it, as one that runs does.
    """

    def imported(path):
        beside = str((Path(__file__).parent.parent / path).parent)
        if beside not in sys.path:
            sys.path.append(beside)
        spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parent.parent / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return imported


@pytest.fixture
def terminal():
    """Hear Ctrl-C as a program in a terminal does; one that a shell runs in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def scans(tmp_path):
    """A folder of four grey images, in two formats, two of them in a folder below."""
    folder = tmp_path / "scans"
    (folder / "box").mkdir(parents=True)
    for index, name in enumerate(("a.png", "b.tif", "box/a.png", "box/c.tif")):
        grey(index).save(folder / name)
    return folder


@pytest.fixture(scope="session")
def record():
    return CheckpointInfo(
        task="colorization",
        data="pictures",
        split_hash="0" * 64,
        recipe="configs/none.yaml",
        evaluated_on="other images",
        metrics={"mse": 0.005},
        baselines={"luma grey": {"mse": 0.0066}},
        parameters=1,
        licence="Apache-2.0",
        paper="somebody (2000)",
        code_version="0.0.0",
        notes="",
    )


CONVERTED = {}


@pytest.fixture
def published_models_are_converted_once(monkeypatch):
    """Capturing a model and writing it as ONNX takes seconds, and depends on nothing but its checkpoint."""
    from colorzoo.export import program

    def once(convert):
        def kept(model, *rest):
            if model.source is None:
                return convert(model, *rest)
            key = convert.__name__, model.source.sha256
            if key not in CONVERTED:
                CONVERTED[key] = convert(model, *rest)
            return CONVERTED[key]

        return kept

    for convert in (program._captured, program._as_onnx):
        monkeypatch.setattr(program, convert.__name__, once(convert))
