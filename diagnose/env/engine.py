"""The judge: press a circuit's button in the tick engine and read every lamp's lit intervals.

``press`` builds into this process's standing world; ``press_fresh`` makes a new one, and a test
holds the two equal.
"""

import importlib.metadata
import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nucleation

from diagnose.env.blocks import AIR, CANONICAL_STATES, Pos, name_of, props_of
from diagnose.env.board import STANDING, fresh_world, standing_world
from diagnose.env.circuit import LARGEST_SIDE, LAYERS, Circuit
from diagnose.env.dust import sides_of
from diagnose.env.trace import Dust, Interval, Time, Trace
from diagnose.errors import InputError

ENGINE = f"nucleation {importlib.metadata.version('nucleation')} tick"
TICKS_PER_RT = 2  # game ticks in one redstone tick
SETTLE_RT = 600  # a circuit that still moves after this long is not settled
MOST_CHANGES = 100_000  # of blocks, while settling and again while watched; a gold L7 makes 6,000
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

    ``parts`` bounds the lit intervals and dusts of all traces together: clocks can put a thousand
    times as many into one trace as an honest device does.
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
    """Return how much a trace holds: cells, and their lit intervals."""
    cells = len(trace.lamps) + len(trace.dust) + len(trace.active or ())
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
            _check(circuit, area_side)
            trace = _watched(standing_world(circuit, area_side), circuit, watch)
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
    _check(circuit, area_side)
    world = fresh_world(area_side, circuit.blocks.items())
    return _watched(world, circuit, Watch(watch_rt, tail_rt, last_fall_rt))


def states_at(circuit: Circuit, area_side: int, at_rt: Time | None = None) -> dict[Pos, str]:
    """Return every block's state at ``at_rt`` after the press; settled before it with None.

    Raises:
        InputError: as ``press``, and a time that is negative or not finite.
    """
    _check(circuit, area_side)
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


def _check(circuit: Circuit, area_side: int) -> None:
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


def _watched(world: nucleation.TickSimulation, circuit: Circuit, watch: Watch) -> Trace:
    settled = _settle(world)
    lamps = circuit.cells("redstone_lamp")
    wires = circuit.cells("redstone_wire")
    comparators = circuit.cells("comparator")
    cells = (*lamps, *wires, *comparators)
    before = dict(zip(cells, _states(world, cells), strict=True))
    lit_before = tuple(pos for pos in lamps if props_of(before[pos])["lit"] == "true")
    log = _Log(lit_before, lamps, {pos: int(props_of(before[pos])["power"]) for pos in wires})

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
    quiet = bool(world.is_quiescent())
    return Trace(
        lamps={pos: tuple(log.intervals[pos]) for pos in lamps},
        settled=settled,
        lit_before=lit_before,
        quiet=quiet,
        end_rt=_rt(world.tick_count() - start),
        dust={
            pos: Dust(len(sides := tuple(sides_of(circuit.blocks, pos))), log.peaks[pos], sides)
            for pos in wires
        },
        active=frozenset(log.changed).union(
            pos for pos in comparators if props_of(before[pos])["powered"] == "true"
        ),
    )


class _Log:
    """Lamp intervals and dust peaks, gathered from the engine's event log."""

    def __init__(self, lit: Sequence[Pos], lamps: Sequence[Pos], power: Mapping[Pos, int]) -> None:
        self.intervals: dict[Pos, list[Interval]] = {pos: [] for pos in lamps}
        for pos in lit:
            self.intervals[pos].append(Interval(0, None))
        self.peaks = dict(power)
        self.changes = 0
        self.changed: set[Pos] = set()

    def read(self, world: nucleation.TickSimulation, start: int | None) -> None:
        """Take in the log and empty it. ``start`` is the press's tick; None reads the press.

        The log labels a change made by the press with the tick the world stands at, and a change
        made while stepping from tick t to t + 1 with t. Only the second kind needs the + 1, which
        is why the two are read apart.
        """
        if world.changes_count():
            self.changes += world.changes_count()
            for change in json.loads(world.changes_json()):
                ticks = 0 if start is None else change["tick"] + 1 - start
                x, y, z = change["pos"]
                if _output(change["from"]) != _output(change["to"]):  # and not just dust's shape
                    self.changed.add((x, y, z))
                self._take((x, y, z), change["to"], _rt(ticks))
        world.clear_changes()

    def _take(self, pos: Pos, state: str, at_rt: Time) -> None:
        if pos in self.peaks:
            self.peaks[pos] = max(self.peaks[pos], int(props_of(state)["power"]))
            return
        intervals = self.intervals.get(pos)
        if intervals is None:
            return
        lit = props_of(state)["lit"] == "true"
        is_open = bool(intervals) and intervals[-1].fall_rt is None
        if lit and not is_open:
            intervals.append(Interval(at_rt, None))
        elif is_open and not lit:
            intervals[-1] = Interval(intervals[-1].rise_rt, at_rt)


def _output(state: str) -> tuple[str | None, ...]:
    """Return those properties of a state that tell what it gives."""
    props = props_of(state)
    return tuple(props.get(name) for name in ("power", "powered", "lit"))


def _states(world: nucleation.TickSimulation, cells: Sequence[Pos]) -> list[str]:
    states: list[str] = json.loads(world.read_probes(json.dumps(cells)))
    return states


def _rt(ticks: int) -> Time:
    return ticks // TICKS_PER_RT if ticks % TICKS_PER_RT == 0 else ticks / TICKS_PER_RT
