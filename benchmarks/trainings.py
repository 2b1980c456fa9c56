"""Trainings as rows of a file: appended when one ends, not made again, shared between processes."""

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rows:
    """A CSV of trainings, and the parts that other processes write beside it."""

    whole: Path
    setting: type  # a dataclass whose fields tell a training from the others

    def key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what tells a training from the others."""
        return tuple(str(row[one.name]) for one in fields(self.setting))

    @property
    def paths(self) -> list[Path]:
        """The files that there are."""
        parts = sorted(self.whole.parent.glob(f"{self.whole.stem}.*-of-*.csv"))
        return [path for path in (self.whole, *parts) if path.exists()]

    def read(self) -> dict[tuple[str, ...], dict[str, str]]:
        """Return every training's row, by its key."""
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for path in self.paths:
            with path.open(newline="", encoding="utf-8") as handle:
                found |= {self.key(row): row for row in csv.DictReader(handle)}
        return found

    def gather(self) -> list[dict[str, str]]:
        """Bring all parts together in the one file, ordered by their keys; return the rows."""
        rows = [row for _, row in sorted(self.read().items())]
        draft = self.whole.with_suffix(".draft")
        with draft.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        paths = self.paths
        draft.replace(self.whole)
        for path in paths:
            if path != self.whole:
                path.unlink()
        return rows

    def make(
        self, due: Sequence[Any], train: Callable[[Any], dict[str, Any]], part: tuple[int, int]
    ) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield each new training's row with how far the work is, and append it.

        Args:
            due: settings, of which those with a row are left out.
            train: from a setting to its row.
            part: this process' number, and how many there are; each has a file of its own.
        """
        number, of = part
        own = self.whole
        if of > 1:
            own = own.with_name(f"{own.stem}.{number}-of-{of}.csv")
        done = self.read()
        due = [one for one in due if self.key(asdict(one)) not in done]
        began_s = time.monotonic()
        for count, setting in enumerate(due, 1):
            row = train(setting)
            new = not own.exists()
            with own.open("a", newline="", encoding="utf-8") as handle:
                writer = csv.DictWriter(handle, list(row), lineterminator="\n")
                if new:
                    writer.writeheader()
                writer.writerow(row)
            spent_s = time.monotonic() - began_s
            left_s = spent_s / count * (len(due) - count)
            yield row, f"{count}/{len(due)}  {spent_s:.0f} s, {left_s:.0f} s left"


def part_of(told: str) -> tuple[int, int]:
    """Return ``1/2`` as numbers: this process' and how many there are."""
    number, of = map(int, told.split("/"))
    return number, of
