"""How far studies are: what is on the disk, and who is at work."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnose.allocation import batches_in
from diagnose.design import Factor, cells
from diagnose.errors import DiagnoseError
from diagnose.index import header_of, places_in
from diagnose.ledger import Entry
from diagnose.locks import holders
from diagnose.remote.address import Address, is_address, shown
from diagnose.stopping import looks_in
from diagnose.tasks import Task

WIDTH = 100  # characters of a line
MARK = "!"  # beside a number: some of these were not observed


@dataclass(frozen=True)
class Standing:
    """One study."""

    folder: Path
    model: str
    planned: int
    runs: int  # of every task in every cell
    tasks: tuple[str, ...]
    cells: tuple[str, ...]
    done: Counter[tuple[str, str]]  # observed, by task and cell
    lost: Counter[tuple[str, str]]  # not observed
    causes: Counter[str] = field(default_factory=Counter)
    cost_usd: float = 0.0
    running: tuple[str, ...] = ()
    not_run: int = 0  # planned, and made needless by a look, or by how a batch was shared out

    @property
    def left(self) -> int:
        """Episodes without a record."""
        return max(0, self.planned - self.not_run - self.done.total() - self.lost.total())


def standing(folder: Path) -> Standing:
    """Return how far a study is.

    Raises:
        InputError: it has no ``study.json``.
        StoreError: a file of records is broken.
    """
    header = header_of(folder)
    last: dict[str, Entry] = {}
    cost_usd = 0.0
    for place in places_in(folder):
        before = last.get(place.entry.episode_id)
        cost_usd += place.entry.cost_usd
        if before is None or before.outcome == "not_observed":
            last[place.entry.episode_id] = place.entry
    done: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    causes: Counter[str] = Counter()
    for entry in last.values():
        if entry.outcome == "not_observed":
            lost[entry.task, entry.cell] += 1
            causes[entry.cause or "no cause"] += 1
        else:
            done[entry.task, entry.cell] += 1
    seen = done.keys() | lost.keys()
    tasks, codes = declared(header)
    return Standing(
        folder,
        str(header.get("model", "")),
        _whole(header.get("episodes")) or len(last),
        _whole(header.get("runs")),
        tasks or tuple(sorted({task for task, _ in seen})),
        codes or tuple(sorted({cell for _, cell in seen})),
        done,
        lost,
        causes,
        cost_usd,
        tuple(runners(folder)),
        sum(look.not_run for look in looks_in(folder))
        + sum(batch.not_run for batch in batches_in(folder)),
    )


def runners(folder: Path) -> Iterator[str]:
    """Yield who runs a study: whoever holds its locks, or, of one at an address, its leases."""
    named = shown(folder)
    if is_address(named):
        from diagnose.remote.lease import running
        from diagnose.remote.objects import Objects

        yield from running(Objects(Address.parse(named, "study")))
    else:
        yield from holders(folder)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def declared(header: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tasks and cells that a header declares; nothing of one that says it otherwise."""
    try:
        tasks = tuple(map(named, header["tasks"]))
        factors = [Factor(**{**one, "levels": tuple(one["levels"])}) for one in header["factors"]]
        return tasks, tuple(cell.code for cell in cells(factors, header["design"]))
    except (KeyError, TypeError, ValueError, DiagnoseError):
        return (), ()


def named(task: Any) -> str:
    """Return the id of a task that a header describes."""
    return Task(**task).id


def rows(studies: Sequence[Standing]) -> list[list[str]]:
    """Return a row for each study: done, planned, left, not observed with causes, cost, running."""
    return [
        [
            shown(one.folder),
            f"{one.done.total():,}",
            f"{one.planned:,}",
            f"{one.left:,}",
            counted(one.causes) or "0",
            f"{one.cost_usd:,.2f}",
            str(len(one.running)),
        ]
        for one in studies
    ]


def counted(causes: Counter[str]) -> str:
    """Return causes with their numbers, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in causes.most_common())


def told(one: Standing) -> Iterator[str]:
    """Yield one study at a glance: what stands where, by task and cell."""
    yield f"{shown(one.folder)}: {one.model}"
    parts = [f"{one.done.total():,} of {one.planned:,} done", f"{one.left:,} to run"]
    why = f" ({counted(one.causes)})" if one.causes else ""
    parts.append(f"{one.lost.total():,} not observed{why}")
    if one.not_run:
        parts.append(f"{one.not_run:,} not run, as a look or a batch decided")
    yield f"{', '.join(parts)}, ${one.cost_usd:,.2f}"
    yield from (f"running: {name}" for name in one.running)
    yield ""
    yield from _grid(one)
    yield ""
    yield f"Runs done of {one.runs}, by task and cell; . none yet; {MARK} some were not observed."


def _grid(one: Standing) -> Iterator[str]:
    width = max([len(code) for code in one.cells] + [len(str(one.runs)) + 1], default=1) + 1
    names = max([len(task) for task in one.tasks] + [len("task")])
    each = max(1, (WIDTH - names) // width)
    for start in range(0, len(one.cells), each):
        codes = one.cells[start : start + each]
        if start:
            yield ""
        yield f"{'task':{names}}" + "".join(f"{code:>{width}}" for code in codes)
        for task in one.tasks:
            counts = (_cell(one, task, code) for code in codes)
            yield f"{task:{names}}" + "".join(f"{count:>{width}}" for count in counts)


def _cell(one: Standing, task: str, code: str) -> str:
    done, lost = one.done[task, code], one.lost[task, code]
    return f"{done or '.'}{MARK if lost else ''}"
