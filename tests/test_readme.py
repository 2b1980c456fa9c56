"""What the README tells a person to type works, in the order it is told."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FACTORS = ("gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")


def commands() -> list[str]:
    """Every diagnose command of the README; the two make targets are run by CI as they are."""
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(".venv/bin/diagnose ")]


def someones_table(path: Path) -> None:
    """The smallest table that has every column: two tasks, two runs, all cells."""
    rows = [
        {
            "model": "mine",
            "family": task[0],
            "level": 1,
            "task": task,
            "run": run,
            **{name: (cell >> index) & 1 for index, name in enumerate(FACTORS)},
            "success": (cell + run) % 2,
        }
        for task in ("A-L1", "C-L1")
        for run in range(2)
        for cell in range(16)
    ]
    pd.DataFrame(rows).to_csv(path, index=False)


def test_every_command_runs(tmp_path):
    someones_table(tmp_path / "my_runs.csv")
    listed = commands()
    assert len(listed) >= 12
    for line in listed:
        command = line.replace(".venv/bin/diagnose", f"{shlex.quote(sys.executable)} -m diagnose")
        if " run " in command and "experiment=" not in command:
            command += " 'study.tasks=[A-L1]' study.runs=1"  # the same commands, a smaller study
        done = subprocess.run(
            ["sh", "-c", command],  # a person's shell expands the wildcard and redirects
            cwd=tmp_path,
            env={**os.environ, "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target.partition("#")[0]).exists(), target


def test_the_printed_profile_is_the_one_in_the_configuration():
    assert "conf/subject/reference/frontier.yaml" in README
    assert (ROOT / "conf/subject/reference/frontier.yaml").exists()
