"""Every notebook runs in less than a minute, and says what its committed pair says."""

import importlib.util
import re
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
NAMES = [source.stem for source in SOURCES]


def tool():
    spec = importlib.util.spec_from_file_location("notebooks_tool", ROOT / "tools/notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(source: Path) -> nbformat.NotebookNode:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def told(book: nbformat.NotebookNode) -> list[list[str]]:
    """What each cell says in words; pictures are compared where they are made.

    A study's folder is named by a hash that any edit of the code changes: it is left out.
    """

    def said(output: nbformat.NotebookNode) -> str:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        return re.sub(r"(studies/\w+)-[0-9a-f]{8}", r"\1", text)

    return [
        [said(output) for output in cell.get("outputs", [])]
        for cell in book.cells
        if cell.cell_type == "code"
    ]


def test_there_are_sources_and_pairs():
    assert {"quickstart", "anatomy"} <= set(NAMES)
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_a_pair_has_its_source_s_cells(source):
    written = [(cell.cell_type, cell.source) for cell in jupytext.read(source).cells]
    assert [(cell.cell_type, cell.source) for cell in committed(source).cells] == written


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_a_notebook_runs_and_says_what_its_pair_says(source):
    assert told(tool().executed(source)) == told(committed(source))
