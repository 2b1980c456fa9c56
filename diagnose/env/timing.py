"""Faults in time: every lamp lights once, but not when, or not for as long as, it should.

Where settings of repeaters or comparators can be set right, the least repair is proposed, and the
simulator is asked whether it helps; the rest is told from the lengths themselves.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from diagnose.env.blocks import Pos, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.flow import downstream
from diagnose.env.trace import Time, Trace

LAMP_OFF_RT = 2  # a lamp's own switch-off delay
BUTTON_RT = 10  # a stone button's pulse
_MOST_REPEATERS = 256  # whose lamps are looked for: each costs a walk over the device
_LONGEST_RT = 4  # of one repeater


@dataclass(frozen=True)
class Expected:
    """What a task expects of lamps, as far as a cause can be told from it. Times in rt."""

    lamps: int
    gaps_rt: tuple[int, ...] = ()  # between sorted rises; empty = not asked
    skew_rt: int | None = None  # last rise - first rise at most; None = not asked
    powered_rt: int | None = None  # lit time without the lamp's own lag; None = not asked
    distances: tuple[int, ...] = ()  # as many lamps at each; empty = not asked
    reach: int | None = None  # the distance of the farthest lamps; None = not asked
    junction: bool = False  # a junction must carry power on to two lamps


@dataclass(frozen=True)
class Timing:
    """A fault in time, and the edits that would repair it."""

    cause: str
    lamps: tuple[Pos, ...]
    cells: tuple[Pos, ...]
    edits: Mapping[Pos, str]
    complete: bool = False  # by reckoning, the edits set every lamp right


def timing_faults(circuit: Circuit, trace: Trace, expected: Expected) -> Iterator[Timing]:
    """Yield what is wrong in time with a device whose lamps all light exactly once."""
    rises = {pos: lit[0].rise_rt for pos, lit in trace.lamps.items()}
    wrong = _deviations(rises, expected)
    if wrong:
        yield _settings(circuit, trace, wrong)
    if expected.powered_rt is not None:
        yield from _lengths(circuit, trace, expected.powered_rt)


def _deviations(rises: Mapping[Pos, Time], expected: Expected) -> dict[Pos, Time]:
    """Return for each lamp that is early (< 0) or late (> 0) by how much."""
    if expected.gaps_rt:
        return _out_of_step(rises, expected.gaps_rt)
    if expected.skew_rt is None or max(rises.values()) - min(rises.values()) <= expected.skew_rt:
        return {}
    counted = Counter(rises.values())
    usual = min(counted, key=lambda rise: (-counted[rise], -rise))
    return {pos: rise - usual for pos, rise in rises.items() if rise != usual}


def _out_of_step(rises: Mapping[Pos, Time], gaps_rt: Sequence[int]) -> dict[Pos, Time]:
    """Compare the n-th lamp to light with the n-th due; the first is always in time."""
    order = sorted(rises, key=lambda pos: (rises[pos], pos))
    due = rises[order[0]]
    wrong: dict[Pos, Time] = {}
    for pos, gap in zip(order, (0, *gaps_rt), strict=False):
        due += gap
        if rises[pos] != due:
            wrong[pos] = rises[pos] - due
    return wrong


def _settings(circuit: Circuit, trace: Trace, wrong: Mapping[Pos, Time]) -> Timing:
    """Set those repeaters right behind which all lamps are early, or all late, by as much."""
    left = dict(wrong)
    edits: dict[Pos, str] = {}
    cells: list[Pos] = []
    repeaters = _working(circuit, trace)
    below = {
        pos: cells & trace.lamps.keys()
        for pos, cells in downstream(circuit, trace, repeaters).items()
    }
    for pos in sorted(repeaters, key=lambda one: (-len(below[one]), one)):
        lamps = below[pos]
        off = {left.get(lamp, 0) for lamp in lamps}
        # The lamps behind one repeater move together; what they differ in lies further on.
        least = min(off, key=abs, default=0)
        if not least or any(one * least <= 0 for one in off):
            continue
        state = circuit.blocks[pos]
        delay = _delay(circuit, pos)
        setting = min(max(delay - int(least), 1), _LONGEST_RT)
        if setting != delay:
            edits[pos] = state.replace(f"delay={delay}", f"delay={setting}")
            cells.append(pos)
            for lamp in lamps:
                left[lamp] = left.get(lamp, 0) + setting - delay
    return Timing(
        "repeater_delay_wrong" if edits else "out_of_step",
        tuple(sorted(wrong)),
        tuple(sorted(cells)),
        edits,
        complete=not any(left.values()),
    )


def _lengths(circuit: Circuit, trace: Trace, powered_rt: int) -> Iterator[Timing]:
    """Yield why lamps have power for too long or too short."""
    wrong: dict[Pos, Time] = {}
    for pos, (lit, *_) in trace.lamps.items():
        if lit.fall_rt is not None and lit.fall_rt - lit.rise_rt - LAMP_OFF_RT != powered_rt:
            wrong[pos] = lit.fall_rt - lit.rise_rt - LAMP_OFF_RT - powered_rt
    if not wrong:
        return
    lamps = tuple(sorted(wrong))
    off = Counter(wrong.values()).most_common(1)[0][0]
    comparing = {
        pos: state.replace("mode=compare", "mode=subtract")
        for pos in circuit.cells("comparator")
        if "mode=compare" in (state := circuit.blocks[pos])
    }
    if comparing:
        yield Timing("comparator_mode", lamps, tuple(comparing), comparing)
        return
    shaper = _shaper(circuit, trace)
    unset = all("delay=1" in circuit.blocks[pos] for pos in shaper)
    if off == -LAMP_OFF_RT and not (shaper and unset):
        yield Timing("glow_for_power", lamps, (), {})
    elif not circuit.cells("comparator") and _without_button(off, powered_rt, shaper):
        yield Timing("pulse_unshaped", lamps, (), {})
    else:
        edits, rest_rt = _longer(circuit, shaper, -int(off))
        yield Timing(
            "repeater_delay_wrong", lamps, tuple(edits or shaper), edits, complete=not rest_rt
        )


def _without_button(off: Time, powered_rt: int, shaper: Sequence[Pos]) -> bool:
    """Return whether a pulse was made without counting the button's own length.

    Whoever takes the button's pulse for a moment stretches it, although it is long enough; or
    leaves it as it is, and the lamps have power for as long as the button.
    """
    return off == BUTTON_RT - 1 or powered_rt <= BUTTON_RT or not shaper


def _working(circuit: Circuit, trace: Trace) -> list[Pos]:
    """Return the repeaters that passed a signal on, as many as are looked at."""
    active = trace.active or frozenset()
    return [pos for pos in circuit.cells("repeater") if pos in active][:_MOST_REPEATERS]


def _shaper(circuit: Circuit, trace: Trace) -> list[Pos]:
    """Return the repeaters that shape the pulse: on one of two ways that meet before all lamps.

    The later of two ways that come to one dust with full strength leaves no trace in it, so a
    repeater that reaches no lamp counts too.
    """
    repeaters = _working(circuit, trace)
    below = downstream(circuit, trace, (*repeaters, *circuit.cells("comparator")[:_MOST_REPEATERS]))
    lamps = trace.lamps.keys()
    whole = [pos for pos in repeaters if lamps <= below[pos]]
    if comparators := circuit.cells("comparator"):
        return [pos for pos in whole if any(one in below[pos] for one in comparators)]
    beside = [pos for pos in repeaters if not lamps & below[pos]]
    return beside + [
        pos
        for pos in whole
        if any(other not in below[pos] and pos not in below[other] for other in whole)
    ]


def _longer(circuit: Circuit, repeaters: Sequence[Pos], need_rt: int) -> tuple[dict[Pos, str], int]:
    """Return settings that make a way longer by ``need_rt``, and what of it is left."""
    edits: dict[Pos, str] = {}
    for pos in sorted(repeaters, key=lambda one: -_delay(circuit, one)):
        delay = _delay(circuit, pos)
        setting = min(max(delay + need_rt, 1), _LONGEST_RT)
        if setting != delay:
            edits[pos] = circuit.blocks[pos].replace(f"delay={delay}", f"delay={setting}")
            need_rt -= setting - delay
    return edits, need_rt


def _delay(circuit: Circuit, pos: Pos) -> int:
    return int(props_of(circuit.blocks[pos])["delay"])
