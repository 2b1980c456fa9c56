"""The commands that made a study: noted in its folder, read by its report.

``commands.txt`` is beside the records, not in them: records are the same whoever ran them, and how.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from diagnose.redaction import HIDDEN, Redactor, is_secret, secret_values

NAME = "commands.txt"


def note(folder: Path, overrides: Sequence[str]) -> None:
    """Note a ``diagnose run``, without its secrets; the one noted last is not noted again."""
    line = shlex.join(["diagnose", "run", *map(without_secret, overrides)])
    if noted(folder)[-1:] != [line]:
        with (folder / NAME).open("a", encoding="utf-8", newline="\n") as handle:
            handle.write(f"{line}\n")


def noted(folder: Path) -> list[str]:
    """Return the commands noted, oldest first; none where nothing can be read."""
    try:
        return (folder / NAME).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def without_secret(override: str) -> str:
    """Return an override with what is secret in it hidden."""
    key, equals, _ = override.partition("=")
    if equals and is_secret(key.rpartition(".")[2]):
        return f"{key}={HIDDEN}"
    return Redactor(secret_values()).error(override)
