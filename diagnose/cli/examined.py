"""What is wrong with a study's files, and mending what loses nothing."""

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diagnose.appender import Appender, sync_folder
from diagnose.cli.standing import declared
from diagnose.errors import DiagnoseError, StoreError
from diagnose.index import NAME, header_of, stored, write_index
from diagnose.ledger import RECORDS, parsed, parts_of
from diagnose.locks import take_locks
from diagnose.models.litellm.exchanges import NAME as EXCHANGES
from diagnose.models.litellm.exchanges import read_exchanges
from diagnose.records import EpisodeRecord
from diagnose.store import WHOLE

_SERVED = "diagnose.models.litellm."


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    file: Path
    what: str
    mend: str = ""  # what --repair does about it; empty: nothing, as something would be lost
    line: bytes = b""  # the line to be moved aside


@dataclass(frozen=True)
class _Seen:
    file: Path
    number: int
    raw: bytes
    outcome: str


def examine(folder: Path) -> list[Fault]:
    """Return every fault of a study's files.

    Raises:
        InputError: it is no study: it has no readable ``study.json``.
    """
    header = header_of(folder)
    tasks, cells = declared(header)
    runs = header.get("runs")
    planned = (set(tasks), set(cells), range(runs)) if tasks and isinstance(runs, int) else None
    faults: list[Fault] = []
    seen: dict[str, _Seen] = {}
    asked: dict[str, Path] = {}
    for file in parts_of(folder):
        sums = {place.offset: place.crc32 for place in stored(file)[0]}
        whole = 0
        for number, offset, raw in _lines(file):
            where = f"line {number} (byte {offset})"
            try:
                record = parsed(raw)
            except StoreError as error:
                faults.append(Fault(file, f"{where}: {error}"))
                continue
            except ValueError as error:
                mend = "moved to episodes.torn; its episode runs again"
                faults.append(Fault(file, f"{where} is broken: {error}", mend, raw))
                continue
            whole += 1
            if sums.get(offset, zlib.crc32(raw)) != zlib.crc32(raw):
                faults.append(Fault(file, f"{where}: is not what was written: its sum differs"))
            faults += _repeated(_Seen(file, number, raw, record.outcome), record, seen)
            if planned and not _within(record, planned):
                place = f"{record.task}, run {record.run}, cell {record.cell}"
                faults.append(Fault(file, f"{where}: {place} is no episode of this study's plan"))
            if record.calls and _served(record):
                asked[record.episode_id] = file
        if len(sums) != whole or any(fault.file == file and fault.line for fault in faults):
            faults.append(Fault(file.with_name(NAME), "does not fit the records", "written anew"))
    return faults + list(_exchanges(folder, asked))


def _lines(file: Path) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    with file.open("rb") as handle:
        for number, raw in enumerate(handle, 1):
            yield number, offset, raw
            offset += len(raw)


def _repeated(now: _Seen, record: EpisodeRecord, seen: dict[str, _Seen]) -> Iterator[Fault]:
    """Yield a fault for an episode that was observed before; remember this one."""
    before = seen.get(record.episode_id)
    lost_elsewhere = now.outcome == "not_observed" and before and before.file != now.file
    if before is None or before.outcome == "not_observed":
        seen[record.episode_id] = now
    elif not lost_elsewhere:
        same = before.raw == now.raw
        told = f"line {now.number}: episode {record.episode_id} is recorded twice"
        told += "" if same else f", and otherwise at line {before.number} of {before.file}"
        mend = "moved to episodes.torn; the other says the same" if same else ""
        yield Fault(now.file, told, mend, now.raw if same else b"")


def _within(record: EpisodeRecord, planned: tuple[set[str], set[str], range]) -> bool:
    tasks, cells, runs = planned
    return record.task in tasks and record.cell in cells and record.run in runs


def _served(record: EpisodeRecord) -> bool:
    subject = record.config.get("subject")
    return isinstance(subject, dict) and str(subject.get("_target_")).startswith(_SERVED)


def _exchanges(folder: Path, asked: dict[str, Path]) -> Iterator[Fault]:
    """Yield what is wrong with a language model's answers: broken ones, and missing ones."""
    known: set[str] = set()
    for home in {folder, *(file.parent for file in parts_of(folder))}:
        try:
            if (home / EXCHANGES).is_file():
                known |= {one.episode_id for one in read_exchanges(home)}
            known |= _taken_over(home / "timings.jsonl")
        except (DiagnoseError, KeyError, TypeError) as error:
            yield Fault(home / EXCHANGES, str(error))
            return
    for identifier, file in asked.items():
        if identifier not in known:
            yield Fault(file, f"episode {identifier}: its answers are in no {EXCHANGES}")


def _taken_over(path: Path) -> set[str]:
    """Return the episodes that ran in another study: their answers are kept there."""
    found = set()
    for raw in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            line = json.loads(raw)
            if line.get("taken_from"):
                found.add(str(line["episode_id"]))
        except (ValueError, KeyError, AttributeError):
            continue
    return found


def repair(folder: Path, faults: list[Fault]) -> None:
    """Mend what can be: nothing is thrown away, what is moved goes to ``episodes.torn``.

    Raises:
        StoreError: the study is running.
    """
    locks = take_locks(folder, folder, WHOLE)
    try:
        for file in sorted({fault.file for fault in faults if fault.line}):
            _move_aside(file, [fault.line for fault in faults if fault.file == file and fault.line])
        for fault in faults:
            if fault.file.name == NAME and fault.mend:
                write_index(fault.file.with_name(RECORDS))
    finally:
        for lock in locks:
            os.close(lock)


def _move_aside(file: Path, lines: list[bytes]) -> None:
    """Take lines out of a file of records, the last ones of those that are the same."""
    torn = Appender(file.with_name("episodes.torn"))
    for line in lines:
        torn.append(line if line.endswith(b"\n") else line + b"\n")
    torn.sync()
    os.close(torn.fd)
    sync_folder(file.parent)  # safe elsewhere before they go from here
    with file.open("rb") as handle:  # by newlines alone: splitlines would end lines elsewhere too
        left = list(handle)
    for line in lines:
        last = len(left) - 1 - left[::-1].index(line)
        del left[last]
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as handle:
        handle.writelines(left)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(file)
    sync_folder(file.parent)
