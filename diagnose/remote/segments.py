"""Segments: immutable objects that together are what one writer appended to a file.

``parts/3-of-8.1f0c9a77d2e4/episodes-000000000000-000000031744-SHA256.jsonl`` holds the bytes 0 to
31,744 of the file of records that the writer ``1f0c9a77d2e4`` has for shard 3 of 8: whole lines. A
writer's file only grows, so its segments agree wherever they overlap, and which were read is a list
of spans. A segment is what its name says, or it is not read: its length and its sum are there.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PARTS = "parts"
# In the order they are sent: a record never arrives before the answers that it was made from.
STREAMS = ("exchanges", "timings", "episodes", "looks", "commands")
ROOT_STREAMS = ("looks", "commands")  # files of the study, not of a shard's part of it
MOST_SENT = 8 * 2**20  # bytes of a segment, if its lines allow
_FORM = re.compile(
    r"(?P<part>[0-9]{1,5}-of-[0-9]{1,5})\.(?P<writer>[0-9a-f]{12})"
    rf"/(?P<stream>{'|'.join(STREAMS)})"
    r"-(?P<start>[0-9]{12})-(?P<end>[0-9]{12})-(?P<sha256>[0-9a-f]{64})\.jsonl"
)

Spans = list[tuple[int, int]]  # of bytes, sorted and apart


@dataclass(frozen=True, order=True)
class Segment:
    """A span of one writer's file."""

    part: str  # the name of its shard: 3-of-8
    writer: str
    stream: str  # one of STREAMS
    start: int
    end: int
    sha256: str

    @classmethod
    def of(cls, part: str, writer: str, stream: str, start: int, data: bytes) -> "Segment":
        """Return the segment of ``data``."""
        sha256 = hashlib.sha256(data).hexdigest()
        return cls(part, writer, stream, start, start + len(data), sha256)

    @classmethod
    def parse(cls, name: str) -> "Segment | None":
        """Return the segment that an object's name says it is; None for any other name."""
        match = _FORM.fullmatch(name.removeprefix(f"{PARTS}/"))
        if match is None:
            return None
        start, end = int(match["start"]), int(match["end"])
        if start >= end:
            return None
        return cls(match["part"], match["writer"], match["stream"], start, end, match["sha256"])

    @property
    def home(self) -> str:
        """The name of its writer's folder, in the store and in a spool."""
        return f"{self.part}.{self.writer}"

    @property
    def name(self) -> str:
        """Its object's name."""
        span = f"{self.start:012}-{self.end:012}"
        return f"{PARTS}/{self.home}/{self.stream}-{span}-{self.sha256}.jsonl"

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.end - self.start

    def fault(self, data: bytes | None) -> str:
        """Say why ``data`` is not this segment; nothing where it is."""
        if data is None:
            return "cannot be read"
        if len(data) != self.size:
            return f"has {len(data):,} bytes of {self.size:,}: it was uploaded in part"
        if hashlib.sha256(data).hexdigest() != self.sha256:
            return "is not what was written: its sum differs"
        return "" if data.endswith(b"\n") else "does not end with a line"


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return spans sorted and joined where they meet."""
    found: Spans = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def gaps(spans: Spans, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what of a span the ``spans`` leave out."""
    for first, last in spans:
        if last <= start:
            continue
        if first >= end:
            break
        if first > start:
            yield start, first
        start = max(start, last)
    if start < end:
        yield start, end


def needed(segments: Iterable[Segment], have: Spans) -> Iterator[tuple[Segment, Spans]]:
    """Yield the segments of one file that bring something, each with the spans that it brings."""
    spans = merged(have)
    for segment in sorted(segments, key=lambda one: (one.start, -one.end)):
        brings = list(gaps(spans, segment.start, segment.end))
        if brings:
            yield segment, brings
            spans = merged([*spans, (segment.start, segment.end)])
