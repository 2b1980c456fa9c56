"""The failure labeller: why a device fails, from its circuit and the trace of its press.

It names physical causes, the lamps that each affects, and the law it violates. Where a cause has a
small repair, the simulator can be asked whether the repair helps; ``presses`` bounds how often.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from diagnose.env.blocks import OFFSETS, Pos, moved, name_of
from diagnose.env.causes import CAUSES, Failure
from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.faults import Fault, Search
from diagnose.env.flow import branches
from diagnose.env.repairs import LAMP, edits_for, repaired
from diagnose.env.timing import Expected, Timing, timing_faults
from diagnose.env.trace import Trace
from diagnose.env.wording import cell_text, named

_POWERED_PARTS = ("redstone_wire", "repeater", "comparator")


def failures(
    circuit: Circuit,
    trace: Trace,
    area_side: int,
    expected: Expected | None = None,
    presses: int = 0,
) -> tuple[Failure, ...]:
    """Return the causes of a failure, the one that weighs most first.

    Args:
        circuit: the device.
        trace: what its press did.
        area_side: of the area it stands in.
        expected: what the task expects; None: that every lamp lights once.
        presses: how many repaired devices the simulator may press to confirm causes.
    """
    found = [
        *_counts(circuit, trace, expected),
        *_states(circuit, trace),
    ]
    dark = [pos for pos, intervals in trace.lamps.items() if not intervals]
    if dark:
        found += _dark(circuit, trace, area_side, dark, presses)
    elif expected is not None and not found:
        found += _in_time(circuit, trace, area_side, expected, presses)
        found += _places(circuit, trace, expected)
    return tuple(sorted(found, key=lambda one: -len(one.lamps)))


def failure(
    cause: str,
    lamps: Iterable[Pos] = (),
    cells: Iterable[Pos] = (),
    confirmed: bool | None = None,
) -> Failure:
    """Return a failure of a cause in ``CAUSES``, with its sentence."""
    entry = CAUSES[cause]
    lamps, cells = tuple(sorted(lamps)), tuple(sorted(set(cells)))
    where = f" at {named([cell_text(pos) for pos in cells])}" if cells else ""
    count = f" ({len(lamps)} lamp{'s' * (len(lamps) != 1)})" if lamps else ""
    return Failure(cause, entry.law, lamps, cells, f"{entry.sentence}{where}{count}", confirmed)


def _counts(circuit: Circuit, trace: Trace, expected: Expected | None) -> Iterator[Failure]:
    lamps = circuit.cells("redstone_lamp")
    if expected is not None and len(lamps) != expected.lamps:
        yield failure("lamp_count")
    touching = {
        pos for pos in lamps if any(moved(pos, direction) in trace.lamps for direction in OFFSETS)
    }
    if touching:
        yield failure("lamps_touch", touching, touching)
    buttons = circuit.cells("stone_button")
    if buttons != (circuit.press,):
        yield failure("button_count", (), buttons)


def _states(circuit: Circuit, trace: Trace) -> Iterator[Failure]:
    """Yield what is wrong with a lamp that does light, and with a device that does not rest."""
    if not trace.settled:
        yield failure("never_settles", (), _busy(circuit, trace))
    if trace.lit_before:
        beside = {
            moved(pos, direction)
            for pos in trace.lit_before
            for direction in OFFSETS
            if name_of(circuit.blocks.get(moved(pos, direction), "minecraft:air"))
            in ("redstone_block", "redstone_torch", "redstone_wall_torch")
        }
        yield failure("lit_before_press", trace.lit_before, beside)
    lit_before = set(trace.lit_before)
    endless = [
        pos
        for pos, lit in trace.lamps.items()
        if lit and lit[-1].fall_rt is None and pos not in lit_before
    ]
    if endless and trace.settled:
        yield failure("never_dark", endless)
    twice = [pos for pos, lit in trace.lamps.items() if len(lit) > 1 and pos not in lit_before]
    if twice and trace.settled:
        yield failure("lit_twice", twice)
    if not trace.quiet and trace.settled:
        yield failure("never_quiet", (), _busy(circuit, trace))


def _busy(circuit: Circuit, trace: Trace) -> list[Pos]:
    """Return the parts that can keep a device moving: those that changed and give in turn."""
    active = trace.active or frozenset()
    parts = ("observer", "redstone_torch", "redstone_wall_torch", "repeater", "comparator")
    return [pos for name in parts for pos in circuit.cells(name) if pos in active]


def _dark(
    circuit: Circuit, trace: Trace, area_side: int, dark: Sequence[Pos], presses: int
) -> list[Failure]:
    """Name what keeps lamps dark; confirm it by repairing one layer of faults after the other."""
    ways = dict(Search(circuit, trace, area_side).faults(dark))
    for pos in dark:
        ways[pos] = ways.get(pos) or (Fault("no_wire_to_lamp", pos, pos, (pos,)),)
    found = _grouped(ways)
    return _confirmed(circuit, trace, area_side, found, ways, presses) if presses else found


def _grouped(ways: Mapping[Pos, Sequence[Fault]]) -> list[Failure]:
    """Gather the faults of all ways by cause: most lamps first, then the nearest to the button."""
    lamps: dict[str, set[Pos]] = {}
    cells: dict[str, set[Pos]] = {}
    depth: dict[str, int] = {}
    for target, faults in ways.items():
        for place, fault in enumerate(faults):
            lamps.setdefault(fault.cause, set()).add(target)
            cells.setdefault(fault.cause, set()).update(fault.cells)
            depth[fault.cause] = min(place, depth.get(fault.cause, place))
    order = sorted(lamps, key=lambda cause: (-len(lamps[cause]), depth[cause], cause))
    return [failure(cause, lamps[cause], cells[cause]) for cause in order]


def _confirmed(
    circuit: Circuit,
    trace: Trace,
    area_side: int,
    found: Sequence[Failure],
    ways: Mapping[Pos, Sequence[Fault]],
    presses: int,
) -> list[Failure]:
    """Repair what can be repaired, press, and look again at what is still dark.

    A cause is confirmed when, with the repairs made so far, one of its lamps lights or the signal
    gets on to the next fault. A cause found only after a repair joins the list.
    """
    device, seen = circuit, trace
    verdicts: dict[str, bool] = {}
    later: list[Failure] = []
    for _ in range(presses):
        patches = {
            target: patch
            for target, faults in ways.items()
            if (patch := edits_for(faults[0], device, seen))
        }
        edits = {pos: state for patch in patches.values() for pos, state in patch.items()}
        mended = repaired(device, edits, area_side) if edits else None
        if mended is None:
            break
        after = press(mended, area_side)
        dark = [pos for pos in ways if after.lamps.get(pos) == ()]
        left = Search(mended, after, area_side).faults(dark)
        for target, patch in patches.items():
            moved_to = next((pos for pos, state in patch.items() if state == LAMP), target)
            gone_on = target in left and left[target][:1] != ways[target][:1]
            helped = bool(after.lamps.get(moved_to)) or gone_on
            cause = ways[target][0].cause
            verdicts[cause] = verdicts.get(cause, False) or helped
        device, seen, ways = mended, after, {pos: way for pos, way in left.items() if way}
        known = {one.cause for one in (*found, *later)}
        later += [one for one in _grouped(ways) if one.cause not in known]
    return [replace(one, confirmed=verdicts.get(one.cause)) for one in (*found, *later)]


def _in_time(
    circuit: Circuit, trace: Trace, area_side: int, expected: Expected, presses: int
) -> list[Failure]:
    timings = list(timing_faults(circuit, trace, expected))
    if not timings:
        return []
    told = [
        failure(one.cause, one.lamps, one.cells, _helps(circuit, area_side, one, expected, presses))
        for one in timings
    ]
    if all(one.complete for one in timings):
        return told
    # Settings alone cannot set it right: what should have shaped the signal may never get it.
    dead = _dead_parts(circuit, trace, area_side)
    if not dead:
        return told
    set_wrong = [one for one, timing in zip(told, timings, strict=True) if timing.edits]
    return [replace(one, lamps=timings[0].lamps) for one in dead] + set_wrong


def _dead_parts(circuit: Circuit, trace: Trace, area_side: int) -> list[Failure]:
    """Name what keeps the signal from parts that should have shaped it."""
    active = trace.active or frozenset()
    idle = [pos for name in _POWERED_PARTS for pos in circuit.cells(name) if pos not in active]
    if not idle:
        return []
    return _grouped(Search(circuit, trace, area_side).faults(idle))


def _helps(
    circuit: Circuit, area_side: int, timing: Timing, expected: Expected, presses: int
) -> bool | None:
    """Return whether the repair sets the timing right; None where it was not tried."""
    mended = repaired(circuit, timing.edits, area_side) if presses and timing.edits else None
    if mended is None:
        return None
    after = press(mended, area_side, last_fall_rt=60 + sum(expected.gaps_rt))
    if any(len(lit) != 1 for lit in after.lamps.values()):
        return False
    return not any(timing_faults(mended, after, expected))


def _places(circuit: Circuit, trace: Trace, expected: Expected) -> Iterator[Failure]:
    """Yield what is wrong with where lamps stand and how the wiring branches."""
    x, _, z = circuit.press
    away = {pos: abs(pos[0] - x) + abs(pos[2] - z) for pos in trace.lamps}
    if expected.distances:
        each = expected.lamps // len(expected.distances)
        counts = [list(away.values()).count(distance) for distance in expected.distances]
        if any(count != each for count in counts):
            yield failure(
                "lamps_misplaced",
                [pos for pos, far in away.items() if far not in expected.distances],
            )
    if expected.reach is not None:
        ends = [pos for pos, far in away.items() if far == expected.reach]
        both = any(
            min(pos[axis] for pos in ends) < circuit.press[axis] < max(pos[axis] for pos in ends)
            for axis in (0, 2)
            if ends
        )
        if max(away.values()) != expected.reach or not both:
            yield failure(
                "lamps_misplaced", [pos for pos, far in away.items() if far > expected.reach]
            )
    if expected.junction and not branches(circuit, trace, lamps=2):
        yield failure("no_live_junction")
