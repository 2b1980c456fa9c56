"""A study's log for people: a line each, oldest first, and as it grows."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.journal import LEVELS, NAME, lines, logs_of

LOOK_EVERY_S = 0.5
_SHOWN_FIRST = frozenset({"time", "level", "event", "host", "pid", "text"})


def log_lines(folder: Path, level: str, episode: str | None = None) -> list[str]:
    """Return what a study's logs hold, from ``level`` on, in the order of time.

    Raises:
        InputError: it has no log.
    """
    found = [line for file in _files(folder) for line in lines(file.read_bytes())]
    found.sort(key=lambda line: str(line["time"]))
    return [said(line) for line in found if _wanted(line, level, episode)]


def follow(folder: Path, level: str, episode: str | None = None) -> Iterator[str]:
    """Yield what is there, then each line as it comes; it never ends by itself.

    Raises:
        InputError: it has no log.
    """
    read = {file: _whole(file.read_bytes()) for file in _files(folder)}
    yield from log_lines(folder, level, episode)
    while True:
        for file in logs_of(folder):  # shards may begin meanwhile
            with file.open("rb") as handle:
                handle.seek(read.get(file, 0))
                raw = handle.read()
            raw = raw[: _whole(raw)]
            read[file] = read.get(file, 0) + len(raw)
            yield from (said(one) for one in lines(raw) if _wanted(one, level, episode))
        time.sleep(LOOK_EVERY_S)


def said(line: Mapping[str, Any]) -> str:
    """Return one line: when, how grave, what, and its fields."""
    at = str(line["time"])[:19].replace("T", " ")
    fields = [f"{key}={line[key]}" for key in line if key not in _SHOWN_FIRST]
    text = [str(line["text"])] if "text" in line else []
    whole = "  ".join([at, f"{line['level']:7}", str(line["event"]), *text, *fields])
    return "".join(one if one.isprintable() else "?" for one in whole)  # a terminal obeys some


def _files(folder: Path) -> list[Path]:
    if files := logs_of(folder):
        return files
    raise InputError("study", str(folder), f"it has no {NAME} (observe.log=off, or an older study)")


def _wanted(line: Mapping[str, Any], level: str, episode: str | None) -> bool:
    grave = line["level"] not in LEVELS or LEVELS.index(line["level"]) >= LEVELS.index(level)
    return grave and (episode is None or str(line.get("episode_id", "")).startswith(episode))


def _whole(raw: bytes) -> int:
    return raw.rfind(b"\n") + 1
