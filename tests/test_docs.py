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


def commands_of(name, tmp_path):
    """Run the commands of a page as they stand, and return them."""
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    for command in commands:
        line = command.replace(".venv/bin/diagnose", f"{shlex.quote(sys.executable)} -m diagnose")
        done = subprocess.run(
            ["sh", "-c", line],  # the shell expands the wildcard
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return commands


@pytest.mark.slow
def test_the_commands_of_the_sweeps_page_run(tmp_path):
    assert len(commands_of("sweeps", tmp_path)) == 9
    assert len(list((tmp_path / "studies").glob("*/study.json"))) == 4


@pytest.mark.slow
def test_the_commands_of_the_logs_page_run(tmp_path):
    assert len(commands_of("logs", tmp_path)) == 5
    assert (tmp_path / "alone" / "index.html").exists()
    assert len((tmp_path / "smoke.jsonl").read_text(encoding="utf-8").splitlines()) == 64
