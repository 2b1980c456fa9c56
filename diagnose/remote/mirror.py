"""Bringing into a spool what other writers sent: their parts of the study, as shards' folders.

Only what is new is fetched. A segment that is not what its name says is left out, and what follows
it is read all the same: its episodes have no record here, so they run again. What is nobody's
record is set aside. Of an episode that two machines recorded, equal lines count once; of unequal
ones the first that this machine saw counts, the other is set aside and ``diagnose doctor`` says so.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from diagnose.appender import OWN, disk_error
from diagnose.index import places_in, record_at, write_index
from diagnose.ledger import RECORDS, SHARDS, Entry, parsed
from diagnose.records import EpisodeRecord
from diagnose.remote.objects import MOST_BYTES, Objects
from diagnose.remote.segments import PARTS, STREAMS, Segment, Spans, merged, needed
from diagnose.remote.sender import FILES
from diagnose.whole_file import write_whole

STATE = "mirrored.json"
LOCK = "mirror.lock"
CONFLICTS, REFUSED = "episodes.conflicts", "episodes.refused"
AT_ONCE_BYTES, AT_ONCE = 64 * 2**20, 128  # of segments fetched together
TRIES = 5  # while a writer joins its segments, listings and objects may not agree


@dataclass(frozen=True)
class Damage:
    """One object that is not what it should be."""

    name: str
    what: str


@dataclass
class _Part:
    """Another writer's part, as far as it is here."""

    home: Path
    read: dict[str, Spans] = field(default_factory=lambda: {stream: [] for stream in STREAMS})
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))

    @classmethod
    def opened(cls, home: Path) -> "_Part":
        """Return what is here of a part; files are cut to what is noted of them."""
        part = cls(home)
        try:
            said = json.loads((home / STATE).read_bytes())
            for stream in STREAMS:
                part.read[stream] = [(int(a), int(b)) for a, b in said["read"][stream]]
                part.sizes[stream] = int(said["sizes"][stream])
            for stream, size in part.sizes.items():
                file = home / FILES[stream]
                if (file.stat().st_size if file.exists() else 0) < size:
                    raise ValueError("a file is shorter than was noted")
                if file.exists() and file.stat().st_size > size:
                    os.truncate(file, size)
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(home, ignore_errors=True)
            return cls(home)
        return part

    def covered(self, segments: Iterable[Segment]) -> bool:
        """Whether all that is here still stands in the store."""
        there = list(segments)
        for stream, spans in self.read.items():
            held = merged((one.start, one.end) for one in there if one.stream == stream)
            if merged([*held, *spans]) != held:
                return False
        return True

    def append(self, stream: str, lines: Iterable[bytes], brought: Spans) -> None:
        """Append lines, and note the spans that they came from."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / FILES[stream]).open("ab") as handle:
            handle.writelines(lines)
            handle.flush()
            os.fsync(handle.fileno())  # what is noted is there
            self.sizes[stream] = handle.tell()
        self.read[stream] = merged([*self.read[stream], *brought])
        state = json.dumps({"read": self.read, "sizes": self.sizes})
        write_whole(self.home / STATE, state.encode())


def mirror(
    objects: Objects, folder: Path, own: Iterable[str] = (), *, anew: bool = False
) -> list[Damage]:
    """Bring what other writers sent into ``folder``; return what is damaged of it.

    Args:
        objects: the study's.
        folder: its spool.
        own: the names of this spool's own parts, which are not fetched.
        anew: fetch everything again.

    Raises:
        UnreachableError: the store did not answer; what was fetched is kept.
        StoreError: the spool cannot be written, or records are of another schema.
    """
    mine = frozenset(own)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / LOCK):
            damaged, changed = _mirrored(objects, folder, mine, anew=anew)
            for _ in range(TRIES):
                if changed:
                    damaged, changed = _mirrored(objects, folder, mine, anew=False)
            return damaged
    except OSError as error:
        raise disk_error(folder, error) from error


def listed(objects: Objects) -> tuple[list[Segment], list[Damage]]:
    """Return the segments of a study that are whole as far as a listing tells, and the others."""
    segments, damaged = [], []
    for name, size in sorted(objects.found(PARTS).items()):
        segment = Segment.parse(name)
        if segment is None:
            damaged.append(Damage(name, "is no segment of a study"))
        elif size > MOST_BYTES or segment.size > MOST_BYTES:
            damaged.append(Damage(name, f"has {size:,} bytes: no segment is so large"))
        elif size != segment.size:
            what = f"has {size:,} bytes of {segment.size:,}: it was uploaded in part"
            damaged.append(Damage(name, what))
        else:
            segments.append(segment)
    return segments, damaged


def _mirrored(
    objects: Objects, folder: Path, mine: frozenset[str], *, anew: bool
) -> tuple[list[Damage], bool]:
    """Fetch what is new; return what is damaged, and whether to list again: objects were gone."""
    segments, damaged = listed(objects)
    by_home: dict[str, list[Segment]] = {}
    for segment in segments:
        if segment.home not in mine:
            by_home.setdefault(segment.home, []).append(segment)
    for stale in folder.glob(f"{SHARDS}/*/{STATE}"):  # its objects are gone, and so is what it says
        if anew or stale.parent.name not in by_home:
            shutil.rmtree(stale.parent)
    parts = {}
    for home, there in by_home.items():
        part = _Part.opened(folder / SHARDS / home)
        if not part.covered(there):
            shutil.rmtree(part.home)
            part = _Part(part.home)
        parts[home] = part
    wanted = [
        (parts[home], segment, brings)
        for home, there in sorted(by_home.items())
        for stream in STREAMS
        for segment, brings in needed(
            (one for one in there if one.stream == stream), parts[home].read[stream]
        )
    ]
    known = _Known(folder)
    gone = False
    touched = set()
    for batch in _batches(wanted):
        fetched = objects.read_all(segment.name for _, segment, _ in batch)
        for part, segment, brings in batch:
            data = fetched[segment.name]
            if fault := segment.fault(data):
                gone = gone or data is None
                damaged.append(Damage(segment.name, fault))
                continue
            assert data is not None
            taken = b"".join(data[a - segment.start : b - segment.start] for a, b in brings)
            lines = taken.splitlines(keepends=True) if b"\r" not in taken else _lines(taken)
            if segment.stream == "episodes":
                lines = list(known.admitted(part.home, lines))
                touched.add(part.home)
            part.append(segment.stream, lines, brings)
    for one in sorted(touched):
        write_index(one / RECORDS)
    return damaged, gone


def _lines(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data[:-1].split(b"\n")]


def _batches(
    wanted: list[tuple[_Part, Segment, Spans]],
) -> Iterator[list[tuple[_Part, Segment, Spans]]]:
    """Yield what is fetched together."""
    batch: list[tuple[_Part, Segment, Spans]] = []
    size = 0
    for one in wanted:
        if batch and (size + one[1].size > AT_ONCE_BYTES or len(batch) == AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one[1].size
    if batch:
        yield batch


class _Known:
    """The episodes that a spool holds, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[str, bytes | None] | None = None  # of lines that came now; None = on disk

    def admitted(self, home: Path, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the lines that are records and not here yet; others are set aside.

        Raises:
            StoreError: a record is of another schema.
        """
        if self._lines is None:
            held = (place.entry for place in places_in(self._folder))
            self._lines = {one.episode_id: None for one in held if one.outcome != "not_observed"}
        for line in lines:
            try:
                record = parsed(line)
            except ValueError:
                _set_aside(home / REFUSED, line)
                continue
            entry = Entry.of(record)
            if entry.outcome == "not_observed":
                yield line
            elif entry.episode_id not in self._lines:
                self._lines[entry.episode_id] = line
                yield line
            elif not self._same(record, line):
                _set_aside(home / CONFLICTS, line)

    def _same(self, record: EpisodeRecord, line: bytes) -> bool:
        assert self._lines is not None
        identifier = record.episode_id
        before = self._lines[identifier]
        if before is None:
            for place in places_in(self._folder):
                one = place.entry
                if one.episode_id == identifier and one.outcome != "not_observed":
                    before = record_at(place).to_line().encode()
                    break
        return before in {line, record.to_line().encode()}


def _set_aside(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or line not in path.read_bytes().splitlines(keepends=True):
        with path.open("ab") as handle:
            handle.write(line)


def set_aside(folder: Path) -> Mapping[Path, int]:
    """Return the files of a spool that hold lines set aside, with how many."""
    found = {}
    for name in (CONFLICTS, REFUSED):
        for path in sorted(folder.glob(f"{SHARDS}/*/{name}")):
            found[path] = path.read_bytes().count(b"\n")
    return found


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process of this machine mirrors into the spool."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | OWN, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
