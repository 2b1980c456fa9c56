"""The engine's event log, read into lit intervals, dust peaks and the cells that changed.

A press makes a thousand changes, and reading them is most of what judging costs beyond the engine.
So the log is read by a pattern, which takes half the time of parsing its JSON, and cells go by
their text.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import nucleation

from diagnose.env.blocks import Pos, props_of
from diagnose.env.trace import Interval, Time
from diagnose.errors import InfrastructureError

TICKS_PER_RT = 2  # game ticks in one redstone tick
# One change. States hold no quotes and cells no brackets.
_CHANGE = re.compile(r'"tick":(\d+),"pos":\[([^]]*)],"from":"([^"]*)","to":"([^"]*)"')
_STRONGEST = 15


class Gives(NamedTuple):
    """Those properties of a block that tell what it gives."""

    power: int  # -1 for a block that has no strength
    powered: bool
    lit: bool


class Log:
    """What is gathered from the log of one press.

    Attributes:
        changes: of blocks, so far.
    """

    def __init__(self, lit: Iterable[Pos], lamps: Iterable[Pos], power: Mapping[Pos, int]) -> None:
        """Begin before the press.

        Args:
            lit: the lamps that are lit already.
            lamps: all of them.
            power: every dust's strength.
        """
        self.changes = 0
        self._changed: set[str] = set()
        self._lit: dict[str, list[Interval]] = {cell_text(pos): [] for pos in lamps}
        self._since: dict[str, Time] = {cell_text(pos): 0 for pos in lit}
        self._peaks = {cell_text(pos): strength for pos, strength in power.items()}

    @property
    def changed(self) -> Iterable[Pos]:
        """The cells whose output changed: not those where only dust took another shape."""
        return map(_cell, self._changed)

    def lit(self, lamp: Pos) -> tuple[Interval, ...]:
        """Return a lamp's lit intervals, the last one open if it is lit now."""
        cell = cell_text(lamp)
        since = self._since.get(cell)
        return (*self._lit[cell], *(() if since is None else (Interval(since, None),)))

    def peak(self, dust: Pos) -> int:
        """Return the strongest signal that a dust carried."""
        return self._peaks[cell_text(dust)]

    def read(self, world: nucleation.TickSimulation, start: int | None) -> None:
        """Take in the log and empty it. ``start`` is the press's tick; None reads the press.

        The log labels a change made by the press with the tick the world stands at, and a change
        made while stepping from tick t to t + 1 with t. Only the second kind needs the + 1, which
        is why the two are read apart.

        Raises:
            InfrastructureError: the log is not written as this version of the engine writes it.
        """
        if count := world.changes_count():
            self.changes += count
            found = _CHANGE.findall(world.changes_json())
            if len(found) != count:
                raise InfrastructureError("engine_log", f"{len(found)} of {count} changes read")
            changed, peaks, lamps = self._changed, self._peaks, self._lit
            for tick, cell, before, after in found:
                gives = gives_of(after)
                if gives is not gives_of(before):
                    changed.add(cell)
                if gives.power > peaks.get(cell, _STRONGEST):
                    peaks[cell] = gives.power
                elif cell in lamps:
                    ticks = 0 if start is None else int(tick) + 1 - start
                    self._take(cell, gives.lit, rt_of(ticks))
        world.clear_changes()

    def _take(self, cell: str, lit: bool, at_rt: Time) -> None:
        if lit:
            self._since.setdefault(cell, at_rt)
        elif cell in self._since:
            self._lit[cell].append(Interval(self._since.pop(cell), at_rt))


_the_same = lru_cache(maxsize=None)(Gives)  # there are 68


@lru_cache(maxsize=4096)
def gives_of(state: str) -> Gives:
    """Return what a state gives: the same object for equal ones, so that ``is`` compares them."""
    props = props_of(state)
    flags = (props.get(name) == "true" for name in ("powered", "lit"))
    return _the_same(int(props.get("power", -1)), *flags)


@lru_cache(maxsize=65536)
def cell_text(pos: Pos) -> str:
    """Return a cell as the engine writes it."""
    return f"{pos[0]},{pos[1]},{pos[2]}"


@lru_cache(maxsize=65536)
def _cell(text: str) -> Pos:
    x, y, z = map(int, text.split(","))
    return (x, y, z)


def rt_of(ticks: int) -> Time:
    """Return game ticks as rt."""
    return ticks // TICKS_PER_RT if ticks % TICKS_PER_RT == 0 else ticks / TICKS_PER_RT
