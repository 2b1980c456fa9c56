"""A device as a short program: straight runs of one block, what holds others up first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnose.env.blocks import Pos, brief, is_full
from diagnose.env.circuit import Circuit

_ALONG = ((0, 0, 1), (1, 0, 0))  # z before x: the columns of a comb are whole, its rows meet them


@dataclass(frozen=True)
class Run:
    """One block in every cell from ``start`` to ``end``."""

    start: Pos
    end: Pos
    block: str

    def line(self) -> str:
        """Return the call that builds it."""
        ends = (*self.start, *self.end) if self.end != self.start else self.start
        name = "fill" if self.end != self.start else "place"
        return f'{name}({",".join(map(str, ends))},"{self.block}")'


def runs(circuit: Circuit) -> list[Run]:
    """Return a circuit as runs: full blocks first, then from west to east and north to south."""
    kinds: dict[str, set[Pos]] = {}
    for pos, state in circuit.blocks.items():
        kinds.setdefault(state, set()).add(pos)
    found = [
        (not is_full(state), Run(start, end, brief(state).removeprefix("minecraft:")))
        for state, cells in kinds.items()
        for start, end in _straight(cells)
    ]
    return [run for _, run in sorted(found, key=lambda one: (one[0], one[1].start, one[1].block))]


def program(parts: Iterable[Run]) -> str:
    """Return a program that builds runs, has the device judged, and stops."""
    return "\n".join([*(run.line() for run in parts), "verify()", "done()"])


def _straight(cells: set[Pos]) -> list[tuple[Pos, Pos]]:
    """Split cells into straight runs, the longest first."""
    left, found = set(cells), []
    while left:
        run = max((_run(start, along, left) for start in sorted(left) for along in _ALONG), key=len)
        found.append((run[0], run[-1]))
        left -= set(run)
    return found


def _run(start: Pos, along: Sequence[int], cells: set[Pos]) -> list[Pos]:
    run, (x, y, z) = [], start
    dx, dy, dz = along
    while (x, y, z) in cells:
        run.append((x, y, z))
        x, y, z = x + dx, y + dy, z + dz
    return run
