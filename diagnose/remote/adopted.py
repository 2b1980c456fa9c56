"""What a study's own files take from other writers' parts: answers, looks, commands, truth.

A model's answers and what was spent are read by the one process of a part, from its own file; looks
and commands are the study's. So what another machine's writer of the same wrote is appended there.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from diagnose.ledger import SHARDS
from diagnose.remote.mirror import STATE
from diagnose.remote.objects import Objects
from diagnose.remote.sender import FILES, Sender

BESIDE = ("truth.json", "source.json")  # written once, the same by whoever writes them


def adopt(folder: Path, sender: Sender | None) -> None:
    """Append to a study's own files what they lack of other writers' parts.

    Args:
        folder: the study's spool.
        sender: of this process's part; None for a reader, which has no answers of its own.
    """
    homes = [state.parent for state in sorted(folder.glob(f"{SHARDS}/*/{STATE}"))]
    for stream in ("looks", "commands"):
        lacking = list(_lacking(folder / FILES[stream], [one / FILES[stream] for one in homes]))
        if stream == "looks":
            lacking = list(_in_turn(folder / FILES[stream], lacking))
        if lacking:
            with (folder / FILES[stream]).open("ab") as handle:
                handle.write(b"".join(lacking))
    if sender is not None:
        same = [one for one in homes if one.name.rpartition(".")[0] == sender.part]
        own = sender.file("exchanges")
        sender.adopt("exchanges", list(_lacking(own, [one / FILES["exchanges"] for one in same])))


def _lacking(own: Path, others: list[Path]) -> Iterator[bytes]:
    """Yield the whole lines of other files that ``own`` has not."""
    present = [one for one in others if one.is_file()]
    if not present:
        return
    seen = set(own.read_bytes().split(b"\n")) if own.is_file() else set()
    for path in present:
        with path.open("rb") as handle:
            for line in handle:
                if line[:-1] not in seen and line.endswith(b"\n"):
                    seen.add(line[:-1])
                    yield line


def _in_turn(own: Path, lines: list[bytes]) -> Iterator[bytes]:
    """Yield looks in the order of their numbers, each number once."""
    count = own.read_bytes().count(b"\n") if own.is_file() else 0
    for line in sorted(lines, key=_number):
        if _number(line) == count + 1:
            count += 1
            yield line


def _number(line: bytes) -> int:
    try:
        number = json.loads(line)["number"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
    return number if isinstance(number, int) else 0


def settle_files(objects: Objects, folder: Path) -> None:
    """Have the files that are written once both in the store and in the spool.

    Raises:
        UnreachableError: the store did not answer.
    """
    there = objects.read_all(BESIDE)
    for name, data in there.items():
        path = folder / name
        if data is None and path.is_file():
            objects.create(name, path.read_bytes())
        elif data is not None and not path.is_file():
            path.write_bytes(data)
