"""What a study has written since somebody looked last: its episodes with their clock times."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.errors import DiagnoseError
from diagnose.index import NAME as INDEX
from diagnose.index import Place, place_from, record_at
from diagnose.ledger import RECORDS
from diagnose.records import EpisodeRecord

TIMINGS = "timings.jsonl"


class Tail:
    """Whole lines of a file that grows."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        """Begin at ``offset``, a byte at which a line begins."""
        self._path, self.offset = path, offset

    def lines(self, most: int = 1 << 24) -> Iterator[tuple[Any, int]]:
        """Yield each new line as JSON (None for one that is none) and where it ends.

        Args:
            most: bytes read at once.
        """
        if not self._path.is_file():
            return
        with self._path.open("rb") as handle:
            if handle.seek(0, 2) < self.offset:  # made anew, or its tail was cut
                self.offset = 0
            handle.seek(self.offset)
            raw = handle.read(most)
        for part in raw[: raw.rfind(b"\n") + 1].splitlines(keepends=True):
            self.offset += len(part)
            try:
                yield json.loads(part), self.offset
            except (ValueError, RecursionError):
                yield None, self.offset


@dataclass
class Counts:
    """The state of a study, from its index: an episode counts as it was recorded last."""

    passed: Counter[str]  # by cell
    observed: Counter[str]
    not_observed: int = 0
    cost_usd: float = 0.0

    @property
    def done(self) -> int:
        """Episodes recorded, those not observed included."""
        return self.observed.total() + self.not_observed


class Feed:
    """The records of one home of a study, in step with its index."""

    def __init__(self, home: Path, offset: int = 0) -> None:
        """Begin with the timings at ``offset``."""
        self._home = home
        self._index = Tail(home / INDEX)
        self._timings = Tail(home / TIMINGS, offset)
        self._places: dict[str, dict[str, Place]] = {}  # id -> outcome -> where it stands
        self._last: dict[str, tuple[str, str]] = {}  # id -> outcome, cell
        self._cost_usd = 0.0

    def _catch_up(self) -> None:
        before = self._index.offset
        for line, _ in self._index.lines():
            place = place_from(self._home / RECORDS, line)
            if place is None:
                continue
            one = place.entry
            if place.offset == 0 and before:  # written anew, from the first
                self._last, self._cost_usd = {}, 0.0
            self._places.setdefault(one.episode_id, {})[one.outcome] = place
            self._cost_usd += one.cost_usd
            self._last[one.episode_id] = (one.outcome, one.cell)

    def counts(self) -> Counts:
        """Return how far the study is."""
        self._catch_up()
        seen = [(how, cell) for how, cell in self._last.values() if how != "not_observed"]
        return Counts(
            Counter(cell for how, cell in seen if how == "passed"),
            Counter(cell for _, cell in seen),
            len(self._last) - len(seen),
            self._cost_usd,
        )

    def episodes(self, most: int) -> Iterator[tuple[EpisodeRecord, Mapping[str, Any], int]]:
        """Yield up to ``most`` episodes that ran here, with their timings and where those end.

        Ask again from the last end on; an episode of which no clock time was noted (an older
        version's, or one taken over) has none to tell.
        """
        found = 0
        for line, end in self._timings.lines(1 << 20):
            if isinstance(line, dict) and "began_at_s" in line and "episode_id" in line:
                record = self._record(str(line["episode_id"]), str(line.get("outcome")))
                if record is not None:
                    found += 1
                    yield record, line, end
            if found >= most:
                return

    def _record(self, identifier: str, outcome: str) -> EpisodeRecord | None:
        """Return an episode as it was recorded with an outcome."""
        if outcome not in self._places.get(identifier, {}):
            self._catch_up()
        place = self._places.get(identifier, {}).get(outcome)
        try:
            return record_at(place) if place else None
        except DiagnoseError:
            return None  # diagnose doctor tells

    @property
    def offset(self) -> int:
        """Where the timings that were read end."""
        return self._timings.offset
