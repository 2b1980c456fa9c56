"""Executes the notebooks' sources and writes their pairs: ``notebooks/NAME.py`` to ``NAME.ipynb``.

usage: python tools/notebooks.py [NAME ...]      needs the test set (make setup-test)

What no reader needs and no two runs share is left out: the error stream (progress, with its times),
execution times, identifiers of cells drawn at random. So equal outputs give equal files.
"""

import os
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
MOST_S = 60  # a notebook takes less than a minute


def executed(source: Path, most_s: int = MOST_S) -> nbformat.NotebookNode:
    """Return the notebook of a source, run from top to bottom in an empty folder.

    Warnings are errors in it, as in every test.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message shows it.
        nbclient.exceptions.CellTimeoutError: a cell took more than ``most_s`` seconds.
    """
    book = jupytext.read(source)
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    strict = "import warnings; warnings.simplefilter('error')"
    book.cells.insert(0, nbformat.v4.new_code_cell(strict))
    book.cells.append(nbformat.v4.new_code_cell("warnings.resetwarnings()"))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # the kernel inherits it
    try:
        with tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(
                book,
                timeout=most_s,
                kernel_name="python3",
                coalesce_streams=True,  # how a text is cut depends on when it was read
                resources={"metadata": {"path": folder}},
            )
            client.execute()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    del book.cells[0], book.cells[-1]
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        cell.metadata.pop("execution", None)
        cell["execution_count"] = number
        cell["outputs"] = [one for one in cell.outputs if one.get("name") != "stderr"]
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = number
            output.get("data", {}).pop("image/jpeg", None)  # pictures come as PNG too
    book.metadata["language_info"] = {"name": "python"}
    return book


def main(names: list[str]) -> int:
    """Write the pairs of the named notebooks, or of all."""
    for source in sorted(FOLDER.glob("*.py")):
        if not names or source.stem in names:
            nbformat.write(executed(source), source.with_suffix(".ipynb"))
            print(source.with_suffix(".ipynb").relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
