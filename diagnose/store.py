"""A study's folder: append-only records that survive a kill, a torn line and a full disk.

``study.json``      what the study is: resolved config, factors, schedule hash, versions
``episodes.jsonl``  one canonical line per record, in the order they finished
``exchanges.jsonl`` a language model's answers, call by call (see diagnose.models.litellm)
``looks.jsonl``     what a declared stopping rule decided, look by look (see diagnose.stopping)
``timings.jsonl``   wall-clock seconds and host facts; may lag behind and be incomplete
``episodes.torn``   broken tails moved aside on opening; nothing is thrown away
``lock``            held (flock) by the one process that writes

Records are never rewritten. An episode that was not observed may be run again: a later record with
the same id supersedes an earlier ``not_observed`` one, and only such a one, so readers take the
last (``diagnose.ledger`` reads; its public names are offered here too).
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from diagnose.appender import OWN, Appender, disk_error, sync_folder
from diagnose.errors import StoreError
from diagnose.ledger import (
    Entry,
    Ledger,
    canonical_lines,
    episode_id,
    parse_json,
    read_records,
    scan,
)
from diagnose.records import EpisodeRecord, canonical_json

__all__ = ["Entry", "Ledger", "Store", "canonical_lines", "episode_id", "read_records"]

SYNC_EVERY_S = 1.0  # at most this much finished work is lost to a power failure; none to a kill


class Store:
    """The one writer of a study folder. Use as a context manager.

    Attributes:
        ledger: what is recorded, kept up to date by every append.
        repair: one line saying what opening moved aside; empty for nothing.
    """

    def __init__(self, folder: Path | str, header: Mapping[str, Any]) -> None:
        """Open or create ``folder`` for the study that ``header`` describes.

        Raises:
            StoreError: another process writes here, the folder holds another study, or the
                records are damaged before their last line.
        """
        self.folder = Path(folder)
        self._files: list[Appender] = []
        self.repair = ""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(self.folder / "lock")
        except OSError as error:
            raise disk_error(self.folder, error) from error
        try:
            _check_header(self.folder, header)
            self._episodes = self._opened("episodes.jsonl")
            self._timings = self._opened("timings.jsonl")
            sync_folder(self.folder)
            self.ledger = Ledger()
            self._read_and_repair()
        except OSError as error:
            self._release()
            raise disk_error(self.folder, error) from error
        except BaseException:
            self._release()
            raise
        self._synced_at = time.monotonic()

    def _opened(self, name: str) -> Appender:
        file = Appender(self.folder / name)
        self._files.append(file)
        return file

    def _read_and_repair(self) -> None:
        path = self._episodes.path
        for line in scan(path):
            if line.record is not None:
                self.ledger.admit(Entry.of(line.record), f"{path}: line {line.number}")
                continue
            torn = self._opened("episodes.torn")
            torn.append(line.raw if line.raw.endswith(b"\n") else line.raw + b"\n")
            torn.sync()
            sync_folder(self.folder)  # safe elsewhere before it goes from here
            self._episodes.truncate(line.offset)
            self.repair = (
                f"warning: {path}: line {line.number} was cut short and is moved to "
                f"{torn.path.name}; its episode runs again"
            )
        timings = self._timings.path.read_bytes()
        self._timings.truncate(timings.rfind(b"\n") + 1)

    def append(self, line: bytes, entry: Entry) -> None:
        """Append one record's canonical line; it survives a kill from here on.

        Raises:
            StoreError: the id is recorded already, or the disk is full (the file then ends with
                the last whole record).
        """
        self.ledger.check(entry, str(self._episodes.path))
        self._episodes.append(line)
        self.ledger.admit(entry, str(self._episodes.path))
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
        finally:
            self._release()

    def close_in_child(self) -> None:
        """Let go of everything in a forked child, which would else keep the lock alive."""
        self._release()

    def _release(self) -> None:
        for file in self._files:
            os.close(file.fd)
        self._files = []
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _take_lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | OWN, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StoreError(
            f"{path.parent}: process {holder} is running this study; wait for it or stop it first"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _check_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write ``study.json`` for a new study; for an existing one, compare."""
    path = folder / "study.json"
    text = canonical_json(header)
    if not path.exists():
        episodes = folder / "episodes.jsonl"
        if episodes.exists() and episodes.stat().st_size:
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
    temporary = path.with_suffix(".tmp")
    own = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | OWN, 0o644)
    with os.fdopen(own, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
