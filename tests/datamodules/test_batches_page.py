"""The Python of docs/batches.md runs."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "batches.md"
SNIPPETS = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("index", range(len(SNIPPETS)))
def test_python_of_the_page_runs(index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(SNIPPETS[index], "batches.md", "exec"), {"__name__": "page"})


def test_the_page_has_examples():
    assert len(SNIPPETS) >= 5
