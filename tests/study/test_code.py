"""The hash of what runs an episode: what moves it, and what does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.code import EPISODE, closure, code_sha256, own_sha256
from diagnose.errors import ConfigError

ONE = '''"""A module."""
import os
from mine.two import twice


def four(x: int) -> int:
    """Say what it does."""
    # a comment
    return twice(x) + (2)
'''
TWO = "def twice(x):\n    return x * 2\n"
ASK = "import diagnose.code as c; c.OURS = ('mine',); print(c.code_sha256(['mine.one']))"


def hashed(folder: Path, one: str = ONE, two: str = TWO, other: str = "") -> str:
    package = folder / "mine"
    package.mkdir(exist_ok=True)
    for name, text in (("__init__", ""), ("one", one), ("two", two), ("other", other)):
        (package / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {ASK}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_comments_layout_docstrings_and_other_modules_change_nothing(tmp_path: Path) -> None:
    first = hashed(tmp_path)
    laid_out = ONE.replace("Say what it does.", "Say more.").replace("# a comment", "#")
    laid_out = laid_out.replace("twice(x) + (2)", "(\n        twice(x)\n        + 2\n    )")
    assert hashed(tmp_path, laid_out, other="x = 1\n") == first


def test_code_at_any_depth_changes_it(tmp_path: Path) -> None:
    first = hashed(tmp_path)
    assert hashed(tmp_path, two=TWO.replace("2\n", "3\n")) != first
    assert hashed(tmp_path, ONE.replace("(2)", '"2"')) != first
    assert hashed(tmp_path, ONE.replace("(2)", "2.0")) != first


def test_an_episode_is_run_by_the_world_and_the_loop_and_by_no_page_or_command() -> None:
    found = closure((EPISODE,))
    assert {"diagnose.env.engine", "diagnose.subjects.loop", "diagnose.sandbox.values"} <= found
    rooms = {".".join(name.split(".")[:2]) for name in found}
    assert not rooms & {"diagnose.cli", "diagnose.logs", "diagnose.store", "diagnose.study"}
    assert not {"diagnose", "diagnose.env.painter", "diagnose.subjects.outside"} & found
    assert "diagnose.subjects.outside.desk" in closure(("diagnose.subjects.outside.command",))


def test_what_is_hashed_elsewhere_is_left_out() -> None:
    module = "interventions.gap_hints"
    assert code_sha256([module]) != code_sha256([module], [EPISODE])
    assert code_sha256([module], [module]) == own_sha256([])


def test_a_module_without_source_is_refused() -> None:
    with pytest.raises(ConfigError, match="its source must be a file"):
        own_sha256(["diagnose.nothing"])
