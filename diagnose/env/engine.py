"""The judge: press a circuit's button in the tick engine and read every lamp's lit intervals.

``press`` builds into this process's standing world; ``press_fresh`` makes a new one, and a test
holds the two equal.
"""

import importlib.metadata
import json
import math
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nucleation

from diagnose.env.blocks import (
    AIR,
    CANONICAL_STATES,
    OPPOSITE,
    Pos,
    moved,
    name_of,
    parse_block,
    props_of,
)
from diagnose.env.board import STANDING, fresh_world, standing_world
from diagnose.env.circuit import LARGEST_SIDE, LAYERS, Circuit
from diagnose.env.dust import Dusts
from diagnose.env.log import TICKS_PER_RT, Log, cell_text, gives_of, rt_of
from diagnose.env.rest import at_rest
from diagnose.env.trace import Time, Trace
from diagnose.errors import InputError

ENGINE = f"nucleation {importlib.metadata.version('nucleation')} tick"
SETTLE_RT = 600  # a circuit that still moves after this long is not settled
MOST_CHANGES = 100_000  # of blocks, while settling and again while watched; a gold L7 makes 6,000
_GLASS, _DUST = parse_block("glass"), parse_block("redstone_wire")
_CHUNK_TICKS = 20  # the event log is read and emptied this often, which bounds its size


@dataclass(frozen=True)
class Watch:
    """How long a press is watched, in rt.

    The watch ends once the circuit is quiet and ``last_fall_rt + tail_rt`` has passed, and at
    ``watch_rt`` in any case. It ends early, not quiet, after ``MOST_CHANGES``: an area full of
    clocks would take a minute for one press.
    """

    watch_rt: int = 600
    tail_rt: int = 20
    last_fall_rt: int = 0


class TraceCache:
    """The traces of this process, least recently used first out. A trace is pure data.

    ``parts`` bounds the lit intervals, dusts and blocks of all traces together: clocks can put a
    thousand times as many into one trace as an honest device does.
    """

    def __init__(self, capacity: int = 1024, parts: int = 500_000) -> None:
        self.capacity = capacity
        self.parts = parts
        self._held = 0
        self._traces: OrderedDict[tuple[object, ...], Trace] = OrderedDict()

    def __len__(self) -> int:
        """The number of traces held."""
        return len(self._traces)

    def get(self, key: tuple[object, ...]) -> Trace | None:
        """Return the trace at ``key``, if held, and mark it used."""
        trace = self._traces.get(key)
        if trace is not None:
            self._traces.move_to_end(key)
        return trace

    def put(self, key: tuple[object, ...], trace: Trace) -> None:
        """Hold a trace, dropping the least recently used ones over capacity."""
        before = self._traces.pop(key, None)
        self._held += _parts(trace) - (_parts(before) if before else 0)
        self._traces[key] = trace
        while len(self._traces) > self.capacity or self._held > self.parts:
            _, dropped = self._traces.popitem(last=False)
            self._held -= _parts(dropped)

    def clear(self) -> None:
        """Forget everything."""
        self._traces.clear()
        self._held = 0


def _parts(trace: Trace) -> int:
    """Return how much a trace holds: cells, their lit intervals, the blocks around the dust."""
    cells = len(trace.lamps) + len(trace.dust) + len(trace.active or ())
    if isinstance(trace.dust, Dusts):
        cells += len(trace.dust.blocks)
    return cells + sum(map(len, trace.lamps.values()))


CACHE = TraceCache()


def press(
    circuit: Circuit,
    area_side: int,
    watch_rt: int = 600,
    tail_rt: int = 20,
    last_fall_rt: int = 0,
) -> Trace:
    """Settle the circuit, press its button, and watch. Equal arguments give equal traces.

    Raises:
        InputError: a block that is not canonical, or outside the area (nothing else may reach the
            engine: a far coordinate would abort the process).
    """
    watch = Watch(watch_rt, tail_rt, last_fall_rt)
    key = (circuit.sha256, area_side, watch, ENGINE)
    with STANDING:  # it guards the cache too
        trace = CACHE.get(key)
        if trace is None:
            check(circuit, area_side)
            trace = _watched(standing_world(circuit, area_side), circuit, area_side, watch)
            CACHE.put(key, trace)
    return trace


def press_fresh(
    circuit: Circuit,
    area_side: int,
    watch_rt: int = 600,
    tail_rt: int = 20,
    last_fall_rt: int = 0,
) -> Trace:
    """As ``press``, in a world made for this one press: slow, uncached, the check on ``press``."""
    check(circuit, area_side)
    world = fresh_world(area_side, circuit.blocks.items())
    return _watched(world, circuit, area_side, Watch(watch_rt, tail_rt, last_fall_rt))


def states_at(circuit: Circuit, area_side: int, at_rt: Time | None = None) -> dict[Pos, str]:
    """Return every block's state at ``at_rt`` after the press; settled before it with None.

    Raises:
        InputError: as ``press``, and a time that is negative or not finite.
    """
    check(circuit, area_side)
    if at_rt is not None and not 0 <= at_rt < math.inf:
        raise InputError("at_rt", at_rt, "give a time in rt, 0 or more")
    cells = tuple(circuit.blocks)
    with STANDING:
        world = standing_world(circuit, area_side)
        _settle(world)
        if at_rt is not None:
            world.use_block(*circuit.press)
            world.run(min(round(at_rt * TICKS_PER_RT), SETTLE_RT * TICKS_PER_RT))
        return dict(zip(cells, _states(world, cells), strict=True))


def states_over(circuit: Circuit, area_side: int, most_rt: int = SETTLE_RT) -> list[dict[Pos, str]]:
    """Return what a press changes, redstone tick by redstone tick, from one run of the engine.

    The first entry holds every block's settled state; entry k + 1 holds the new states of the
    blocks that changed up to k rt after the press, since the entry before. The last entry is the
    moment the circuit falls quiet, or ``most_rt``, or ``MOST_CHANGES``.

    Raises:
        InputError: as ``press``.
    """
    check(circuit, area_side)
    with STANDING:
        world = standing_world(circuit, area_side)
        _settle(world)
        cells = tuple(circuit.blocks)
        frames = [dict(zip(cells, _states(world, cells), strict=True))]
        world.use_block(*circuit.press)
        changes = 0
        while True:
            changes += world.changes_count()
            log = json.loads(world.changes_json()) if world.changes_count() else ()
            world.clear_changes()
            frames.append({(x, y, z): state for (x, y, z), state in map(_change, log)})
            if world.is_quiescent() or len(frames) - 2 >= most_rt or changes >= MOST_CHANGES:
                return frames
            world.run(TICKS_PER_RT)


def _change(entry: Mapping[str, Any]) -> tuple[Sequence[int], str]:
    return entry["pos"], sys.intern(entry["to"])


def comparator_outputs(circuit: Circuit, area_side: int) -> dict[Pos, int]:
    """Return the strength that each comparator gives before the press.

    The engine shows it through dust alone: so dust is put before the comparator, with nothing else
    near it, read before anything has had time to change, and taken away again.

    Raises:
        InputError: as ``press``.
    """
    check(circuit, area_side)
    comparators = circuit.cells("comparator")
    given = dict.fromkeys(comparators, 0)
    if not comparators:
        return given
    world = fresh_world(area_side, circuit.blocks.items())
    _settle(world)
    settled = world.checkpoint()
    for pos, state in zip(comparators, _states(world, comparators), strict=True):
        props = props_of(state)
        if props["powered"] == "true":
            front = moved(pos, OPPOSITE[props["facing"]])
            for cell in _around(front) - {pos, moved(pos, "down")}:
                world.place_block(*cell, AIR)
            world.place_block(*front, _DUST)
            world.place_block(*moved(front, "down"), _GLASS)  # which makes the dust look around
            (dust,) = _states(world, (front,))
            given[pos] = int(props_of(dust)["power"])
            world.restore(settled)
    return given


def _around(pos: Pos) -> set[Pos]:
    """Return the 27 cells around a cell, itself among them."""
    x, y, z = pos
    near = (-1, 0, 1)
    return {(x + dx, y + dy, z + dz) for dx in near for dy in near for dz in near}


def check(circuit: Circuit, area_side: int) -> None:
    """Refuse what no engine may see; every way into an engine begins with this.

    Raises:
        InputError: a block that is not canonical, or outside the area, or no button to press.
    """
    if isinstance(area_side, bool) or not 1 <= area_side <= LARGEST_SIDE:
        raise InputError("area_side", area_side, f"use 1 to {LARGEST_SIDE}")
    for pos, state in circuit.blocks.items():
        x, y, z = pos
        if not (0 <= x < area_side and 1 <= y <= LAYERS and 0 <= z < area_side):
            raise InputError("block cell", list(pos), f"stay inside {area_side} x {area_side}")
        if state == AIR or state not in CANONICAL_STATES:
            raise InputError(f"block at {list(pos)}", state, "give a canonical state (parse_block)")
    if name_of(circuit.blocks.get(circuit.press, AIR)) != "stone_button":
        raise InputError("press", list(circuit.press), "name the cell of a stone_button")


def _settle(world: nucleation.TickSimulation) -> bool:
    """Let the world come to rest, empty its log, and return whether it did come to rest."""
    changes = 0
    for _ in range(0, SETTLE_RT * TICKS_PER_RT, _CHUNK_TICKS):
        settled = bool(world.run_until_quiescent(_CHUNK_TICKS))
        changes += world.changes_count()
        world.clear_changes()
        if settled or changes >= MOST_CHANGES:
            return settled
    return False


def _watched(
    world: nucleation.TickSimulation, circuit: Circuit, area_side: int, watch: Watch
) -> Trace:
    settled = _settle(world) and at_rest(world, circuit, area_side)
    lamps = circuit.cells("redstone_lamp")
    wires = circuit.cells("redstone_wire")
    comparators = circuit.cells("comparator")
    cells = (*lamps, *wires, *comparators)
    before = dict(zip(cells, map(gives_of, _states(world, cells)), strict=True))
    lit_before = tuple(pos for pos in lamps if before[pos].lit)
    log = Log(lit_before, lamps, {pos: before[pos].power for pos in wires})

    start = world.tick_count()
    world.use_block(*circuit.press)
    log.read(world, None)
    most = watch.watch_rt * TICKS_PER_RT
    least = min(most, (watch.last_fall_rt + watch.tail_rt) * TICKS_PER_RT)
    quiet = False
    while (passed := world.tick_count() - start) < most and log.changes < MOST_CHANGES:
        quiet = bool(world.is_quiescent())
        if quiet and passed >= least:
            break
        # Stop where the quiet is due to be looked for, so that the end does not hang on the chunk.
        target = least if passed < least else most
        ticks = min(_CHUNK_TICKS, target - passed)
        if quiet:
            world.run(ticks)
        else:
            world.run_until_quiescent(ticks)
        log.read(world, start)
    end_rt = rt_of(world.tick_count() - start)
    quiet = bool(world.is_quiescent()) and at_rest(world, circuit, area_side)
    return Trace(
        lamps={pos: log.lit(pos) for pos in lamps},
        settled=settled,
        lit_before=lit_before,
        quiet=quiet,
        end_rt=end_rt,
        dust=Dusts(circuit.blocks, {pos: log.peak(pos) for pos in wires}),
        active=frozenset(log.changed).union(pos for pos in comparators if before[pos].powered),
    )


def _states(world: nucleation.TickSimulation, cells: Sequence[Pos]) -> list[str]:
    asked = "],[".join(map(cell_text, cells))
    states: list[str] = json.loads(world.read_probes(f"[[{asked}]]" if cells else "[]"))
    return states
