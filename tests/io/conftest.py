import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def formats():
    pytest.importorskip("imagecodecs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(BENCHMARKS)])
        return importlib.import_module("picture_formats")


@pytest.fixture(scope="session")
def outcomes(formats, tmp_path_factory):
    """What comes of files of every kind."""
    return formats.format_cases.outcomes(tmp_path_factory.mktemp("cases"))
