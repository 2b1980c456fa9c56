"""Where a command's file goes, and writing it whole or not at all."""

import os
from pathlib import Path

from diagnose.errors import InputError


def place(asked: Path | None, beside: Path) -> Path:
    """Return the file to write: the one asked for, else the one beside the input.

    A name that a person gave is overwritten, as everywhere; one that we made up is not.

    Raises:
        InputError: it is no file, or the name we made up is taken.
    """
    out = asked or beside
    if asked is None and out.exists():
        raise InputError("out", str(out), "exists; name it with -o to overwrite it, or another")
    if out.exists() and not out.is_file():
        raise InputError("out", str(out), "is no file; give another name")
    return out


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step: a reader finds the old one or the new one, never a part."""
    target = path.resolve()  # a link keeps pointing where it points
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
