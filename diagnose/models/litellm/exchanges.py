"""Every answered call, stored once: ``exchanges.jsonl`` in the study's folder.

A line is one call, keyed by its place (episode, agent, number) and the hash of its request, so that
two runs never share an answer and the same run never pays for one twice. Of a conversation a line
holds only what is new since the agent's call before (``base``, of whose messages the first
``kept`` are shared), so the file grows with what is said and not with its square. What a clock or
chance decides stands apart under ``wall``. Tools are written once, in a line of their own; so is
what was spent on calls that were never answered.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.appender import Appender, disk_error, sync_folder
from diagnose.errors import ConfigError, StoreError
from diagnose.models.litellm.spending import Spent
from diagnose.records import canonical_json

NAME = "exchanges.jsonl"
TORN = "exchanges.torn"
SYNC_EVERY_S = 1.0  # at most this much is lost to a power failure; none to a kill
LOCK_WAIT_S = 30.0  # for a gateway that still finishes its calls after its study was killed

Key = tuple[str, str, int, str]


def request_sha256(request: Mapping[str, Any]) -> str:
    """Return the hash of what a model is asked: not of the place where it is asked."""
    asked = {name: request[name] for name in ("model", "messages", "tools", "sampling")}
    return _sha256(canonical_json(asked))


@dataclass(frozen=True)
class Exchange:
    """One call with its whole request."""

    episode_id: str
    agent: str
    number: int
    request: Mapping[str, Any]  # model, messages, tools, sampling
    answer: Mapping[str, Any]
    wall: Mapping[str, Any]


def read_exchanges(folder: Path | str) -> Iterator[Exchange]:
    """Yield a study's exchanges with their requests rebuilt, in the order they were answered.

    Raises:
        StoreError: there are none, or a line before the last is broken.
    """
    path = Path(folder) / NAME
    tools: dict[str, Any] = {"": []}
    said: dict[str, list[Any]] = {}
    for _, _, line in _lines(path):
        if "tools" in line:
            tools[line["tools_sha256"]] = line["tools"]
        if "request" not in line:
            continue
        asked = dict(line["request"])
        messages = [*said.get(asked.pop("base", ""), [])[: asked.pop("kept")], *asked["messages"]]
        said[line["request_sha256"]] = messages
        asked |= {"messages": messages, "tools": tools[asked.pop("tools_sha256")]}
        place = line["episode_id"], line["agent"], line["number"]
        yield Exchange(*place, asked, line["answer"], line["wall"])


class Exchanges:
    """The log of one study; one process at a time writes it."""

    def __init__(self, folder: Path | None, also: str = "") -> None:
        """Open or create the log.

        Args:
            folder: the study's; None keeps nothing.
            also: folder of another study whose answers may be replayed; empty for none.

        Raises:
            StoreError: another process writes here, or the log is damaged before its last line.
            ConfigError: ``also`` holds no exchanges.
        """
        self.before = Spent()  # what earlier runs spent, as far as it is written
        self.run = 0  # which run of the folder this is
        self._index: dict[Key, tuple[Path, int]] = {}  # where each answer stands
        self._latest: dict[tuple[str, str], tuple[str, list[bytes]]] = {}
        self._tools: set[str] = set()
        self._file: Appender | None = None
        self._synced_at = time.monotonic()
        self.count = 0  # calls that the folder itself holds
        if also:
            self._borrow(Path(also))
        if folder is not None:
            try:
                self._file = Appender(folder / NAME)
                self._lock()
                self._read()
                sync_folder(folder)
            except OSError as error:
                raise disk_error(folder / NAME, error) from error

    def _lock(self) -> None:
        assert self._file is not None
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._file.size = os.fstat(self._file.fd).st_size  # its last writer wrote until now
                return
            if time.monotonic() > until:
                raise StoreError(f"{self._file.path}: another process writes it; stop that first")
            time.sleep(0.05)

    def _read(self) -> None:
        """Index the file and repair its tail."""
        assert self._file is not None
        path, whole = self._file.path, 0
        seconds: dict[int, float] = {}  # run -> when its last line was written
        for start, end, line in _lines(path):
            whole = end
            if "tools" in line:
                self._tools.add(line["tools_sha256"])
            if wall := line.get("wall"):
                seconds[wall["run"]] = max(seconds.get(wall["run"], 0.0), wall["at_s"])
                self.before += Spent(wall["lost_usd"], wall["lost_tokens"])
            if "request" in line:
                self._admit(path, start, line)
                self.before += spent_on(line["answer"])
        if self._file.size > whole:
            self._move_aside(path.read_bytes()[whole:], whole)
        self.before += Spent(seconds=sum(seconds.values()))
        self.run = max(seconds, default=-1) + 1

    def _move_aside(self, raw: bytes, whole: int) -> None:
        assert self._file is not None
        torn = Appender(self._file.path.with_name(TORN))
        torn.append(raw if raw.endswith(b"\n") else raw + b"\n")
        torn.sync()
        os.close(torn.fd)
        self._file.truncate(whole)  # what was there is safe elsewhere

    def _admit(self, path: Path, start: int, line: Mapping[str, Any]) -> None:
        place = line["episode_id"], line["agent"]
        asked = line["request"]
        new = [_digest(message) for message in asked["messages"]]
        base = self._latest.get(place, ("", []))[1] if asked.get("base") else []
        self._latest[place] = line["request_sha256"], [*base[: asked["kept"]], *new]
        self._index[(*place, line["number"], line["request_sha256"])] = (path, start)
        self.count += 1

    def _borrow(self, folder: Path) -> None:
        path = folder / NAME
        if not path.is_file():
            raise ConfigError("subject.exchanges", str(folder), "name the folder of a study")
        for start, _, line in _lines(path):
            if "request" in line:
                key = line["episode_id"], line["agent"], line["number"], line["request_sha256"]
                self._index[key] = (path, start)

    def find(self, key: Key) -> Mapping[str, Any] | None:
        """Return the answer that was given at ``key``, if one was."""
        place = self._index.get(key)
        if place is None:
            return None
        path, start = place
        with path.open("rb") as handle:
            handle.seek(start)
            answer: Mapping[str, Any] = json.loads(handle.readline())["answer"]
        return answer

    def add(
        self,
        key: Key,
        request: Mapping[str, Any],
        answer: Mapping[str, Any],
        wall: Mapping[str, Any],
    ) -> None:
        """Append one answered call; it survives a kill from here on.

        Raises:
            StoreError: the disk is full; the file then ends with the last whole line.
        """
        if self._file is None:
            return
        episode_id, agent, number, sha256 = key
        base, digests = self._latest.get((episode_id, agent), ("", []))
        given = [_digest(message) for message in request["messages"]]
        kept = 0
        while kept < min(len(given), len(digests)) and given[kept] == digests[kept]:
            kept += 1
        asked = {
            "model": request["model"],
            "sampling": request["sampling"],
            "tools_sha256": self._tools_of(request["tools"]),
            "kept": kept,
            "messages": request["messages"][kept:],
            **({"base": base} if kept else {}),
        }
        line = {
            "episode_id": episode_id,
            "agent": agent,
            "number": number,
            "request_sha256": sha256,
            "request": asked,
            "answer": answer,
            "wall": {"run": self.run, **wall},
        }
        start = self._file.size
        self._append(line)
        self._latest[episode_id, agent] = sha256, given
        self._index[key] = (self._file.path, start)
        self.count += 1

    def add_lost(self, wall: Mapping[str, Any]) -> None:
        """Append what was spent on a call that was never answered."""
        self._append({"lost": True, "wall": {"run": self.run, **wall}})

    def _tools_of(self, tools: Any) -> str:
        """Return the hash of a call's tools, writing them down the first time."""
        if not tools:
            return ""
        sha256 = _sha256(canonical_json(tools))
        if sha256 not in self._tools:
            self._append({"tools_sha256": sha256, "tools": tools})
            self._tools.add(sha256)
        return sha256

    def _append(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        self._file.append(canonical_json(line).encode() + b"\n")
        if time.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self._file.sync()
            self._synced_at = time.monotonic()

    def close(self) -> None:
        """Sync and let go."""
        if self._file is not None:
            self._file.sync()
            os.close(self._file.fd)
            self._file = None


def spent_on(answer: Mapping[str, Any]) -> Spent:
    """Return what an answer cost."""
    return Spent(answer["cost_usd"], answer["input_tokens"] + answer["output_tokens"])


def _lines(path: Path) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Yield each whole line with the offsets of its two ends; a broken last one is left out."""
    if not path.is_file():
        raise StoreError(f"{path}: no exchanges here; name the folder of a study")
    with path.open("rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        end = number = 0
        while end < size:
            raw = handle.readline(size - end)
            start, end = end, end + len(raw)
            number += 1
            line = _parsed(raw)
            if line is not None:
                yield start, end, line
            elif end < size:
                raise StoreError(
                    f"{path}: line {number} is broken; nothing was changed; restore it from a "
                    "copy, or delete it and its call is made again"
                )


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
    """Return a whole line of ours; None for anything else."""
    try:
        line = json.loads(raw) if raw.endswith(b"\n") else None
        if not isinstance(line, dict):
            return None
        if "request" in line:
            asked, answer = line["request"], line["answer"]
            _ = asked["messages"], asked["kept"], asked["tools_sha256"], line["number"]
            _ = spent_on(answer)
            _ = line["episode_id"], line["agent"], line["request_sha256"]
        if "request" in line or "lost" in line:
            wall = line["wall"]
            _ = wall["lost_usd"] + wall["lost_tokens"] + wall["at_s"] + wall["run"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return line


def _digest(message: Any) -> bytes:
    return hashlib.sha256(canonical_json(message).encode()).digest()[:16]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
