"""Sending what this machine's writer appended: its files in the spool, as segments.

What was sent is noted beside the files (``sent.json``), and compared with them at opening: a file
that a power failure cut or a repair changed is no longer what its segments say, and its writer goes
on under a new name. Nothing is lost by that: what was sent comes back as another writer's part, and
lines that stand in both count once.
"""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from diagnose.appender import disk_error
from diagnose.index import NAME as INDEX
from diagnose.remote.objects import Objects
from diagnose.remote.segments import (
    MOST_SENT,
    ROOT_STREAMS,
    STREAMS,
    Segment,
    Spans,
    gaps,
    merged,
)
from diagnose.whole_file import write_whole

STATE = "sent.json"
FILES = {
    "exchanges": "exchanges.jsonl",
    "timings": "timings.jsonl",
    "episodes": "episodes.jsonl",
    "looks": "looks.jsonl",
    "commands": "commands.txt",
}
SMALL = 2**20  # bytes: segments below are joined, so that a long study is no heap of small objects
JOINED_FROM = 32  # of them
DEAR_USD = 0.01  # an episode that cost so much is sent at once


class Sender:
    """The segments of one part of a study, from one spool.

    Attributes:
        home: where the part's files are.
        writer: the name under which they are sent.
    """

    def __init__(self, objects: Objects, folder: Path, home: Path, part: str) -> None:
        """Read what was sent, and begin anew where the files are no longer that.

        Raises:
            StoreError: the spool cannot be read or written.
        """
        self._objects, self._folder, self.home, self.part = objects, folder, home, part
        self._segments: dict[str, list[Segment]] = {stream: [] for stream in STREAMS}
        self._kept: dict[str, Spans] = {stream: [] for stream in STREAMS}
        self.writer = ""
        self._costs_read = 0  # bytes of the index
        self.renewed = False  # whether it has begun under a new name
        try:
            self._read()
        except OSError as error:
            raise disk_error(home, error) from error

    def file(self, stream: str) -> Path:
        """Return the file that a stream is of."""
        return (self._folder if stream in ROOT_STREAMS else self.home) / FILES[stream]

    def _read(self) -> None:
        self.writer = secrets.token_hex(6)
        try:
            said = json.loads((self.home / STATE).read_bytes())
            segments = {
                stream: [Segment(self.part, said["writer"], stream, *one) for one in sent]
                for stream, sent in said["segments"].items()
            }
            kept = {stream: [(a, b) for a, b in spans] for stream, spans in said["kept"].items()}
            sound = said["writer"] and set(segments) == set(kept) == set(STREAMS)
        except (OSError, ValueError, KeyError, TypeError):
            sound, said, segments, kept = False, {}, {}, {}
        if sound and all(self._stands(one) for sent in segments.values() for one in sent):
            self.writer, self._segments, self._kept = said["writer"], segments, kept
        elif sound:
            self.renewed = True
        self._save()

    def _stands(self, segment: Segment) -> bool:
        """Whether the file still says what was sent."""
        try:
            with self.file(segment.stream).open("rb") as handle:
                handle.seek(segment.start)
                return not segment.fault(handle.read(segment.size))
        except OSError:
            return False

    def _save(self) -> None:
        said = {
            "writer": self.writer,
            "segments": {
                stream: [[one.start, one.end, one.sha256] for one in sent]
                for stream, sent in self._segments.items()
            },
            "kept": self._kept,
        }
        write_whole(self.home / STATE, json.dumps(said).encode())

    def reconcile(self, there: Mapping[str, int]) -> None:
        """Forget segments that the store does not hold whole: they are sent again.

        Args:
            there: what it holds, by name, with bytes.
        """
        for stream, sent in self._segments.items():
            self._segments[stream] = [one for one in sent if there.get(one.name) == one.size]
        self._save()

    def adopt(self, stream: str, lines: list[bytes]) -> None:
        """Append lines that another machine's writer of this part wrote, and has sent."""
        if not lines:
            return
        path = self.file(stream)
        with path.open("ab") as handle:
            start = handle.tell()
            handle.write(b"".join(lines))
            handle.flush()
            os.fsync(handle.fileno())
        self._kept[stream] = merged([*self._kept[stream], (start, path.stat().st_size)])
        self._save()

    def _open(self, stream: str) -> tuple[Spans, int]:
        """Return what of a stream is settled, and how far its file reaches."""
        spans = [(one.start, one.end) for one in self._segments[stream]]
        path = self.file(stream)
        size = path.stat().st_size if path.is_file() else 0
        return merged([*spans, *self._kept[stream]]), size

    def pending(self) -> int:
        """Return the bytes that were appended and not sent, a line being written included."""
        total = 0
        for stream in STREAMS:
            spans, size = self._open(stream)
            total += sum(end - start for start, end in gaps(spans, 0, size))
        return total

    def dear(self) -> bool:
        """Whether an episode has ended, since this was asked last, that cost a lot."""
        path = self.home / INDEX
        size = path.stat().st_size if path.is_file() else 0
        if size <= self._costs_read:
            self._costs_read = min(self._costs_read, size)  # it was written anew
            return False
        with path.open("rb") as handle:
            handle.seek(self._costs_read)
            lines = handle.read().splitlines()
        self._costs_read = size
        return any(_cost_usd(line) >= DEAR_USD for line in lines)

    def send(self) -> None:
        """Send every whole line that is not sent.

        Raises:
            UnreachableError: the store did not answer; what was sent is noted.
            StoreError: the spool cannot be read.
        """
        # A look's records stand before it, and a record's answers before it: so sizes are read in
        # this order, and sent in the other.
        opened = [(stream, *self._open(stream)) for stream in reversed(STREAMS)]
        try:
            for stream, spans, size in reversed(opened):
                for start, end in list(gaps(spans, 0, size)):
                    for at, data in _pieces(self.file(stream), start, end):
                        self._send(Segment.of(self.part, self.writer, stream, at, data), data)
        except OSError as error:
            raise disk_error(self.home, error) from error

    def _send(self, segment: Segment, data: bytes) -> None:
        made = self._objects.create(segment.name, data)
        if not made and segment.fault(self._objects.read(segment.name)):  # sent before, in part
            self._objects.write(segment.name, data)
        self._segments[segment.stream].append(segment)
        self._save()

    def join(self) -> None:
        """Put small neighbouring segments together, where there are many; then remove them.

        A reader that has listed them finds them gone, and lists again.
        """
        for stream in STREAMS:
            small = [one for one in sorted(self._segments[stream]) if one.size < SMALL]
            if len(small) < JOINED_FROM:
                continue
            for run in _runs(small):
                with self.file(stream).open("rb") as handle:
                    handle.seek(run[0].start)
                    data = handle.read(run[-1].end - run[0].start)
                joined = Segment.of(self.part, self.writer, stream, run[0].start, data)
                self._send(joined, data)
                gone = set(run)
                self._segments[stream] = [one for one in self._segments[stream] if one not in gone]
                self._save()
                self._objects.remove(one.name for one in run)


def _runs(small: list[Segment]) -> Iterator[list[Segment]]:
    """Yield segments that follow one another, as many as one object may hold, at least two."""
    run: list[Segment] = []
    for one in small:
        fits = run and one.start == run[-1].end and one.end - run[0].start <= MOST_SENT
        if run and not fits:
            if len(run) > 1:
                yield run
            run = []
        run.append(one)
    if len(run) > 1:
        yield run


def _pieces(path: Path, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the whole lines of a span, in pieces of at most ``MOST_SENT`` where lines allow it."""
    with path.open("rb") as handle:
        handle.seek(start)
        piece: list[bytes] = []
        size = 0
        while start + size < end:
            line = handle.readline(end - start - size)
            if not line.endswith(b"\n"):
                break  # still being written
            if piece and size + len(line) > MOST_SENT:
                yield start, b"".join(piece)
                start, piece, size = start + size, [], 0
            piece.append(line)
            size += len(line)
        if piece:
            yield start, b"".join(piece)


def _cost_usd(line: bytes) -> float:
    try:
        said = json.loads(line)
        return float(said[5]) if isinstance(said, list) else 0.0
    except (ValueError, IndexError, TypeError):
        return 0.0


def own_homes(folder: Path) -> dict[str, Path]:
    """Return the names under which this spool's own parts were sent, with their folders."""
    found = {}
    for state in [folder / STATE, *sorted(folder.glob(f"shards/*/{STATE}"))]:
        try:
            writer = json.loads(state.read_bytes())["writer"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        part = "1-of-1" if state.parent == folder else state.parent.name
        found[f"{part}.{writer}"] = state.parent
    return found
