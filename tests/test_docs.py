"""The code in the documentation runs as it stands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {
    page.stem: re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    for page in sorted((ROOT / "docs").glob("*.md"))
    if "```python" in (text := page.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize(
    "code",
    [pytest.param(code, id=f"{page}-{n}") for page in PAGES for n, code in enumerate(PAGES[page])],
)
def test_every_example_runs(code, tmp_path):
    if "studies" in code:  # a reader of the page has one
        python("-m", "diagnose", "run", "experiment=smoke", "study.name=study", cwd=tmp_path)
    python("-W", "error", "-c", code, cwd=tmp_path)


def python(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_environment_s_page_has_its_examples():
    assert len(PAGES["environment"]) == 3


def commands(page: str, count: int, cwd: Path, smaller: str = "") -> str:
    """Run the commands of a page, one after the other, and return what they printed.

    Studies are run with the overrides that make them ``smaller``.
    """
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == count
    told = ""
    for command in lines:
        line = command.replace(".venv/bin/diagnose", f"{shlex.quote(sys.executable)} -m diagnose")
        line += smaller if " run " in command else ""
        done = subprocess.run(
            ["sh", "-c", line],  # the shell expands the wildcard
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        told += done.stdout
    return told


@pytest.mark.slow
def test_the_commands_of_the_sweeps_page_run(tmp_path):
    commands("sweeps", 9, tmp_path)
    assert len(list((tmp_path / "studies").glob("*/study.json"))) == 4


@pytest.mark.slow
def test_the_commands_of_the_logs_page_run(tmp_path):
    commands("logs", 5, tmp_path)
    assert (tmp_path / "alone" / "index.html").exists()
    assert len((tmp_path / "smoke.jsonl").read_text(encoding="utf-8").splitlines()) == 64


@pytest.mark.slow
def test_the_commands_of_the_training_data_page_run(tmp_path):
    commands("training_data", 6, tmp_path)
    for name in ("own", "distilled", "gold", "noisy"):
        assert (tmp_path / "data" / name / "examples.jsonl").stat().st_size


@pytest.mark.slow
def test_the_commands_of_the_planning_page_run(tmp_path):
    told = commands("planning", 10, tmp_path)
    assert (tmp_path / "power.png").exists()
    assert "AB + CD" in told
    assert "Looks: obrien_fleming" in told
    assert "repeated" in (next(tmp_path.glob("studies/looks-*")) / "estimates.csv").read_text()


@pytest.mark.slow
def test_the_commands_of_the_forks_page_run(tmp_path):
    told = commands("forks", 3, tmp_path, " 'study.tasks=[A-L2,C-L3]' study.runs=2")
    assert "p: McNemar, exact" in told
    (study,) = (tmp_path / "studies").glob("fork-*")
    assert (study / "figures" / "rescue.svg").exists()
