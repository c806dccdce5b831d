"""The constraints of the oldest supported versions say what pyproject.toml says."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKED = ("transfer", "plots", "video", "streaming", "export", "formats")


def test_the_oldest_versions_are_the_lower_bounds_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(entry for extra in CHECKED for entry in project["optional-dependencies"][extra]),
    ]
    bounds = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?>=([\d.]+)", "\n".join(wanted), re.MULTILINE))
    lines = (ROOT / "tests" / "oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned.keys() == bounds.keys()
    for name, version in pinned.items():
        assert version.rstrip(".0") == bounds[name].rstrip(".0"), name
