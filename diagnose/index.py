"""``episodes.index``: where each record stands, so that nobody reads all of them to find one.

One line per record, appended after it: offset, length, CRC-32, id, outcome, cost, task, run, cell
and cause. A closing line holds the size and time of the file that it was written for: while these
are unchanged the index is taken at its word. After a kill or a change from outside every line is
checked against its sum, which reads the file and parses nothing; lines that the index lacks are
parsed. An index that does not fit is thrown away: everything in it follows from the records.
"""

import json
import logging
import os
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.errors import InputError, StoreError
from diagnose.ledger import Entry, parsed, parts_of, scan
from diagnose.records import EpisodeRecord, canonical_json

_log = logging.getLogger(__name__)
NAME = "episodes.index"


@dataclass(frozen=True)
class Place:
    """Where one record stands."""

    file: Path
    offset: int
    length: int  # bytes, the newline included
    crc32: int
    entry: Entry

    def to_line(self) -> bytes:
        """Return the line of the index."""
        one = self.entry
        values = [self.offset, self.length, self.crc32, one.episode_id, one.outcome, one.cost_usd]
        return canonical_json([*values, one.task, one.run, one.cell, one.cause]).encode() + b"\n"


def place_of(file: Path, offset: int, raw: bytes, entry: Entry) -> Place:
    """Return the place of a record that stands in ``file`` at ``offset``."""
    return Place(file, offset, len(raw), zlib.crc32(raw), entry)


def closing(file: Path) -> bytes:
    """Return the line that says for which state of ``file`` the index was written."""
    return canonical_json({"closed": _state(file)}).encode() + b"\n"


def _state(file: Path) -> list[int]:
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


@dataclass(frozen=True)
class Index:
    """What one file of records holds, as far as it is whole.

    Attributes:
        places: in the order of the file.
        torn: where a broken last line begins; None where the file ends whole.
        stale: whether the index on the disk must be written anew.
    """

    places: list[Place]
    torn: int | None
    stale: bool


def read_index(file: Path, *, check: bool = False) -> Index:
    """Return the index of a file of records; nothing is written.

    Args:
        file: an ``episodes.jsonl``.
        check: compare every line with its sum, even where the file is unchanged.

    Raises:
        StoreError: a line before the last is broken.
    """
    places, closed = stored(file)
    if closed is not None and closed == _state(file) and not check:
        return Index(places, None, stale=False)
    size = file.stat().st_size
    kept = _agreeing(file, [one for one in places if one.offset + one.length <= size])
    start = kept[-1].offset + kept[-1].length if kept else 0
    torn, fresh = None, []
    for line in scan(file, start, len(kept)):
        if line.record is None:
            torn = line.offset
        else:
            fresh.append(place_of(file, line.offset, line.raw, Entry.of(line.record)))
    return Index([*kept, *fresh], torn, stale=bool(fresh) or len(kept) < len(places))


def stored(file: Path) -> tuple[list[Place], list[int] | None]:
    """Return what is written in the index, and the state that its last line was written for."""
    places: list[Place] = []
    closed: list[int] | None = None
    end = 0
    try:
        with file.with_name(NAME).open("rb") as handle:
            lines = list(handle)
    except OSError:
        return [], None
    for raw in lines:
        try:
            line = json.loads(raw) if raw.endswith(b"\n") else None
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict):
            closed = line.get("closed")
            continue
        closed = None
        place = place_from(file, line)
        if place is None or place.offset != end:
            break  # what follows is found again
        places.append(place)
        end += place.length
    return places, closed


def place_from(file: Path, line: object) -> Place | None:
    """Return the place that a parsed line of an index of ``file`` tells; None where it is none."""
    match line:
        case [
            int(offset), int(length), int(crc32), str(one), str(outcome),
            int() | float() as cost_usd, str(task), int(run), str(cell), str(cause),
        ] if length > 0:  # fmt: skip
            entry = Entry(one, outcome, cost_usd, task, run, cell, cause)
            return Place(file, offset, length, crc32, entry)
    return None


def _agreeing(file: Path, places: list[Place]) -> list[Place]:
    """Return the places up to the first whose bytes are not those that were summed."""
    with file.open("rb") as handle:
        for number, place in enumerate(places):
            raw = handle.read(place.length)
            if zlib.crc32(raw) != place.crc32 or not raw.endswith(b"\n"):
                return places[:number]
    return places


def places_in(folder: Path) -> Iterator[Place]:
    """Yield where every record of a study stands, all its parts, superseded ones included."""
    for file in parts_of(folder):
        yield from read_index(file).places


def record_at(place: Place) -> EpisodeRecord:
    """Return the record that stands at ``place``.

    Raises:
        StoreError: something else stands there.
    """
    with place.file.open("rb") as handle:
        handle.seek(place.offset)
        raw = handle.read(place.length)
    try:
        record = parsed(raw)
    except ValueError as error:
        raise StoreError(
            f"{place.file}: byte {place.offset}: {error}; run diagnose doctor"
        ) from error
    if record.episode_id != place.entry.episode_id:
        raise StoreError(
            f"{place.file}: byte {place.offset}: holds {record.episode_id}, its index says "
            f"{place.entry.episode_id}; run diagnose doctor --repair"
        )
    return record


def observed(folder: Path, wanted: Collection[str]) -> Mapping[str, Place]:
    """Return where the observed records of the ``wanted`` episodes stand."""
    return {
        place.entry.episode_id: place
        for place in places_in(folder)
        if place.entry.episode_id in wanted and place.entry.outcome != "not_observed"
    }


def studies_beside(folder: Path) -> list[Path]:
    """Return the other studies in the folder that ``folder`` stands in, by name."""
    if not folder.parent.is_dir():
        return []
    return sorted(
        one
        for one in folder.parent.iterdir()
        if one != folder and (one / "study.json").is_file() and parts_of(one)
    )


def header_of(folder: Path) -> Mapping[str, Any]:
    """Return what ``study.json`` says.

    Raises:
        InputError: there is none, or it is no JSON object.
    """
    path = folder / "study.json"
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("study", str(path), "its study.json cannot be read") from error
    if not isinstance(header, dict):
        raise InputError("study", str(path), "its study.json is no JSON object")
    return header


def write_index(file: Path) -> None:
    """Write the index of a file of records anew, as one whole file."""
    index = read_index(file)
    if index.torn is not None:
        return  # its writer is at work, or the study's next run repairs it
    target = file.with_name(NAME)
    temporary = target.with_name(f".{NAME}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(b"".join([one.to_line() for one in index.places]) + closing(file))
        temporary.replace(target)
    except OSError as error:  # another's folder may be read-only: it is read without one
        _log.info("%s: no index written: %s", file, error)
    finally:
        temporary.unlink(missing_ok=True)
