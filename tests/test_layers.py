"""Imports point down: a file imports only what stands below its layer, wherever in the file the import is."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent / "colorzoo"
LAYERS = """
    __main__
    cli
    training
    callbacks
    __init__
    datamodules pipeline video inpainting export
    zoo
    registry
    models
    base
    metrics hub inference data
    noise
    io
    color runtime
    errors _version
"""
"""One layer a line, the highest first; parts of one layer do not import one another."""
DEPTH = {part: row for row, parts in enumerate(LAYERS.strip().splitlines()) for part in parts.split()}


def module_of(path):
    return ".".join(["colorzoo", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def part_of(module):
    return module.split(".")[1] if "." in module else "__init__"


def imported_by(path):
    """Return the modules of the package that a file names in its imports, those of types too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {
                name if (name := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            }
    return names & set(MODULES)


IMPORTS = {module: imported_by(path) for module, path in MODULES.items()}


def test_every_part_has_a_layer_and_few_are_single_files():
    assert {part_of(module) for module in MODULES} == set(DEPTH)
    assert len(list(ROOT.glob("*.py"))) <= 8


def test_imports_point_down():
    upward = [
        f"{module} -> {name}"
        for module, names in IMPORTS.items()
        for name in names
        if part_of(name) != part_of(module) and DEPTH[part_of(name)] <= DEPTH[part_of(module)]
    ]
    assert not upward


def test_no_cycles():
    TopologicalSorter(IMPORTS).prepare()
