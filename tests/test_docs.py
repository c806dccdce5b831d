"""The documents say what the code does."""

import ast
import io
import re
from functools import partial
from pathlib import Path

import PIL.Image
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from torch.utils.data import DistributedSampler

import colorzoo
from colorzoo import datamodules
from colorzoo.datamodules import CIFAR10DataModule

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "colorzoo").rglob("*.py"))


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_changelog_starts_with_this_version():
    assert re.search(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.M).group(1) == colorzoo.__version__


def test_every_checkpoint_is_in_the_changelog():
    assert all(f"`{path.stem}`" in text("CHANGELOG.md") for path in (ROOT / "checkpoints").glob("*.safetensors"))


def test_architecture_names_every_room_of_the_package():
    drawing = text("ARCHITECTURE.md").split("```")[1]
    rooms = {path.name for path in (ROOT / "colorzoo").iterdir() if path.suffix == ".py"}
    rooms |= {f"{path.name}/" for path in (ROOT / "colorzoo").iterdir() if (path / "__init__.py").exists()}
    assert rooms <= set(drawing.split())


def write_small_cifar10(root):
    """Stand in for the data set, with a few images."""
    image = PIL.Image.effect_noise((32, 32), 50).convert("RGB")
    for index in range(20):
        for split in ("train", "test"):
            folder = root / split / ("airplane", "ship")[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"batch1_{index}.png")


@pytest.mark.parametrize("index", range(2))
def test_python_of_the_readme_runs(index, tmp_path, monkeypatch):
    snippets = re.findall(r"```python\n(.+?)```", text("README.md"), re.S)
    assert len(snippets) == 2
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    write_small_cifar10(tmp_path / "data" / "cifar10")
    monkeypatch.setattr(datamodules, "CIFAR10DataModule", partial(CIFAR10DataModule, val_images=10), raising=False)
    monkeypatch.setenv("COLORZOO_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    exec(compile(snippets[index], "README.md", "exec"), {})


def test_files_are_small_and_well_named():
    assert not [path for path in SOURCES if path.stem in ("utils", "helpers", "misc", "common")]
    long = {path.name: count for path in SOURCES if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_every_public_method_is_documented_or_overrides_one_that_is():
    methods = [
        method
        for path in SOURCES
        for cls in ast.walk(ast.parse(path.read_text()))
        if isinstance(cls, ast.ClassDef) and not cls.name.startswith("_")
        for method in cls.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
    ]
    documented = {method.name for method in methods if ast.get_docstring(method)}
    for base in (LightningModule, LightningDataModule, Callback, torch.optim.Optimizer, DistributedSampler, io.FileIO):
        documented |= set(dir(base))
    assert not {method.name for method in methods} - documented


def test_the_documents_link_to_files_that_exist():
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "examples/README.md"):
        links = re.findall(r"\]\((?!https?://)([^)#]+)\)", text(name))
        assert not [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
