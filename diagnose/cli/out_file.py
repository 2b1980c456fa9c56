"""Where a command's file goes."""

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
