"""Every DataModule can be imported from the package, and is known to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from colorzoo import datamodules
from colorzoo.datamodules.base import ImageDataModule

FOLDER = Path(datamodules.__file__).parent


def test_every_data_module_is_listed_and_imported():
    names = [name for name in dir(datamodules) if name.endswith("DataModule")]
    assert {"ImageDataModule", "CIFAR10DataModule", "ImageFolderDataModule", "SyntheticDataModule"} <= set(names)
    assert all(issubclass(getattr(datamodules, name), ImageDataModule) for name in names)
    with pytest.raises(ImportError, match="CIFAR11DataModule"):
        from colorzoo.datamodules import CIFAR11DataModule  # noqa: F401


def test_type_checkers_know_them_all():
    tree = ast.parse((FOLDER / "__init__.py").read_text())
    declared = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {name for name in dir(datamodules) if name.endswith("DataModule")} <= declared


def test_importing_the_package_imports_no_data_module():
    code = "import sys, colorzoo.datamodules; print([name for name in sys.modules if 'lightning' in name])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
