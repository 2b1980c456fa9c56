"""A study's folder: append-only records that survive a kill, a torn line and a full disk.

``study.json``      what the study is: resolved config, factors, schedule hash, versions
``episodes.jsonl``  one canonical line per record, in the order they finished
``episodes.index``  where each stands, with its checksum (see diagnose.index); follows from it
``exchanges.jsonl`` a language model's answers, call by call (see diagnose.models.litellm)
``looks.jsonl``     what a declared stopping rule decided, look by look (see diagnose.stopping)
``timings.jsonl``   wall-clock seconds and host facts; may lag behind and be incomplete
``episodes.torn``   broken tails moved aside on opening; nothing is thrown away
``lock``            held (flock) by the one process that writes, or by the shards together
``shards/``         a folder for each shard that ran, with these files except ``study.json``

Records are never rewritten. An episode that was not observed may be run again: a later record with
the same id supersedes an earlier ``not_observed`` one, and only such a one, so readers take the
last (``diagnose.ledger`` reads; its public names are offered here too).
"""

import json
import os
import socket
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from diagnose.appender import OWN, Appender, disk_error, sync_folder
from diagnose.errors import StoreError
from diagnose.index import NAME as INDEX
from diagnose.index import closing, place_of, read_index
from diagnose.ledger import (
    RECORDS,
    SHARDS,
    Entry,
    Ledger,
    canonical_lines,
    episode_id,
    parse_json,
    parts_of,
    read_records,
)
from diagnose.locks import take_locks
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.shards import Shard

__all__ = ["Entry", "Ledger", "Store", "canonical_lines", "episode_id", "parts_of", "read_records"]

WHOLE = Shard()

SYNC_EVERY_S = 1.0  # at most this much finished work is lost to a power failure; none to a kill


class Store:
    """The one writer of a study folder, or of one shard's part of it. Use as a context manager.

    Attributes:
        folder: the study's.
        home: where this writer's files are: the same, or the shard's within it.
        ledger: what is recorded, kept up to date by every append.
        elsewhere: what the study's other parts hold, by episode; see ``claim``.
        claimed: the episodes that are this process's; None until it claims them: all.
        repair: one line saying what opening moved aside; empty for nothing.
    """

    def __init__(self, folder: Path | str, header: Mapping[str, Any], shard: Shard = WHOLE) -> None:
        """Open or create ``folder`` for the study that ``header`` describes.

        Raises:
            StoreError: another process writes here, the folder holds another study, or the
                records are damaged before their last line.
        """
        self.folder = Path(folder)
        self.home = home_of(self.folder, shard)
        self._files: list[Appender] = []
        self.repair = ""
        self.claimed: frozenset[str] | None = None
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._locks = take_locks(self.folder, self.home, shard)
        except OSError as error:
            raise disk_error(self.folder, error) from error
        try:
            _check_header(self.folder, header)
            self._episodes = self._opened(RECORDS)
            self._timings = self._opened("timings.jsonl")
            sync_folder(self.home)
            self.ledger = Ledger()
            self._read_and_repair()
            self.elsewhere = _elsewhere(self.folder, self._episodes.path)
        except OSError as error:
            self._release()
            raise disk_error(self.folder, error) from error
        except BaseException:
            self._release()
            raise
        self._synced_at = time.monotonic()

    def _opened(self, name: str) -> Appender:
        file = Appender(self.home / name)
        self._files.append(file)
        return file

    def _read_and_repair(self) -> None:
        path = self._episodes.path
        index = read_index(path)
        for number, place in enumerate(index.places, 1):
            self.ledger.admit(place.entry, f"{path}: line {number}")
        if index.torn is not None:
            with path.open("rb") as handle:
                handle.seek(index.torn)
                raw = handle.read()
            torn = self._opened("episodes.torn")
            torn.append(raw if raw.endswith(b"\n") else raw + b"\n")
            torn.sync()
            sync_folder(self.home)  # safe elsewhere before it goes from here
            self._episodes.truncate(index.torn)
            self.repair = (
                f"warning: {path}: line {len(index.places) + 1} was cut short and is moved to "
                f"{torn.path.name}; its episode runs again"
            )
        self._index = self._opened(INDEX)
        if index.stale:
            self._index.truncate(0)
            self._index.append(b"".join(place.to_line() for place in index.places))
        timings = self._timings.path.read_bytes()
        self._timings.truncate(timings.rfind(b"\n") + 1)

    def claim(self, ids: Collection[str]) -> None:
        """Take the episodes ``ids`` as this process's; what other parts hold of them is done."""
        self.claimed = frozenset(ids)
        for identifier in self.elsewhere.keys() & self.claimed:
            entry = self.elsewhere[identifier]
            known = self.ledger.outcomes.get(identifier)
            if known is None or (known == "not_observed" != entry.outcome):
                self.ledger.admit(entry, str(self.folder))

    def append(self, line: bytes, entry: Entry) -> None:
        """Append one record's canonical line; it survives a kill from here on.

        Raises:
            StoreError: the id is recorded already, or the disk is full (the file then ends with
                the last whole record).
        """
        self.ledger.check(entry, str(self._episodes.path))
        start = self._episodes.size
        self._episodes.append(line)
        self.ledger.admit(entry, str(self._episodes.path))
        self._index.append(place_of(self._episodes.path, start, line, entry).to_line())
        self.sync_if_due()

    def append_record(self, record: EpisodeRecord) -> None:
        """Append ``record``; see ``append``."""
        self.append(record.to_line().encode(), Entry.of(record))

    def append_timing(self, timing: Mapping[str, Any]) -> None:
        """Append one line of wall-clock facts, which records must not hold."""
        self._timings.append(canonical_json(timing).encode() + b"\n")

    def sync_if_due(self) -> None:
        """Bring appended lines to the disk if the last time was a second ago."""
        if time.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Bring everything appended to the disk."""
        for file in self._files:
            file.sync()
        self._synced_at = time.monotonic()

    def close(self) -> None:
        """Sync, close and unlock."""
        try:
            self.sync()
            self._index.append(closing(self._episodes.path))
        finally:
            self._release()

    def close_in_child(self) -> None:
        """Let go of everything in a forked child, which would else keep the lock alive."""
        self._release()

    def _release(self) -> None:
        for file in self._files:
            os.close(file.fd)
        self._files = []
        for lock in self._locks:
            os.close(lock)
        self._locks = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def home_of(folder: Path, shard: Shard) -> Path:
    """Return where the files of a shard are."""
    return folder if shard.whole else folder / SHARDS / shard.name


def _elsewhere(folder: Path, own: Path) -> dict[str, Entry]:
    """Return what the other parts of a study hold: of each episode its outcome, if it has one."""
    found: dict[str, Entry] = {}
    for file in parts_of(folder):
        if file != own:
            for place in read_index(file).places:
                before = found.get(place.entry.episode_id)
                if before is None or before.outcome == "not_observed":
                    found[place.entry.episode_id] = place.entry
    return found


def _check_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write ``study.json`` for a new study; for an existing one, compare."""
    path = folder / "study.json"
    text = canonical_json(header)
    if not path.exists():
        if any(file.stat().st_size for file in parts_of(folder)):
            raise StoreError(f"{folder}: has records but no study.json; restore it from a copy")
        _write_atomically(path, text + "\n")
        return
    try:
        before = parse_json(path.read_bytes())
        difference = _first_difference(before, json.loads(text), "")
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: is not JSON ({error}); restore it from a copy") from error
    if difference:
        field, old, new = difference
        raise StoreError(
            f"{path}: {field} was {old} when this study began and is {new} now; "
            "give the changed study a folder of its own, or set the value back"
        )


def _first_difference(old: Any, new: Any, field: str) -> tuple[str, str, str] | None:
    """Return the first differing field as a dotted path, with both values as JSON."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if not (isinstance(old, dict) and isinstance(new, dict)):
        shown, shown_new = canonical_json(old), canonical_json(new)  # 1 and true differ here
        return None if shown == shown_new else (field, shown, shown_new)
    for key in sorted(old.keys() | new.keys()):
        inner = f"{field}.{key}" if field else str(key)
        if key not in old:
            return inner, "absent", canonical_json(new[key])
        if key not in new:
            return inner, canonical_json(old[key]), "absent"
        found = _first_difference(old[key], new[key], inner)
        if found:
            return found
    return None


def _write_atomically(path: Path, text: str) -> None:
    """Write a whole file or none, and have it on the disk before returning."""
    temporary = path.with_suffix(
        f".{os.getpid()}.{socket.gethostname()}.tmp"
    )  # shards begin at once
    own = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | OWN, 0o644)
    with os.fdopen(own, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
