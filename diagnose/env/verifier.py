"""The checks that every task family shares: reasons why a press cannot count."""

from collections.abc import Sequence

from diagnose.env.blocks import Pos, moved
from diagnose.env.circuit import Circuit
from diagnose.env.trace import Interval, Trace
from diagnose.env.wording import NAMED, cell_text, named


def common_reasons(lamps_wanted: int, circuit: Circuit, trace: Trace) -> list[str]:
    """Return every reason of the common rules against a traced press; empty when they hold.

    The rules: exactly N lamps, none face to face; exactly one stone button anywhere, and it is the
    one pressed; settled and dark before the press; quiet at the end; and for each lamp exactly
    one finished lit interval.
    """
    reasons = []
    lamps = circuit.cells("redstone_lamp")
    if len(lamps) != lamps_wanted:
        reasons.append(f"{len(lamps)} redstone lamps stand; the task wants exactly {lamps_wanted}")
    touching = [
        f"{cell_text(pos)} and {cell_text(beside)}"
        for pos in lamps
        for direction in ("east", "up", "south")
        if (beside := moved(pos, direction)) in trace.lamps
    ]
    if touching:
        reasons.append(f"lamps touch face to face: {named(touching)}")
    buttons = circuit.cells("stone_button")
    if len(buttons) != 1:
        where = named([cell_text(pos) for pos in buttons]) if buttons else "none"
        reasons.append(f"exactly one stone button may stand anywhere; found: {where}")
    if circuit.press not in buttons:
        reasons.append(f"no stone button stands at {cell_text(circuit.press)}, the cell to press")
    if not trace.settled:
        reasons.append("the circuit never comes to rest before the press (it feeds itself)")
    if trace.lit_before:
        lit = named([cell_text(pos) for pos in trace.lit_before])
        reasons.append(f"lamps are lit before the press: {lit}")
    if not trace.quiet:
        reasons.append(f"the circuit is still changing {trace.end_rt} rt after the press")
    reasons.extend(_interval_reasons(lamps, trace))
    return reasons


def _interval_reasons(lamps: Sequence[Pos], trace: Trace) -> list[str]:
    """Group the lamps by what is wrong with their intervals, so that 64 lamps give few lines."""
    dark, often, endless = [], [], []
    for pos in lamps:
        intervals = trace.lamps.get(pos, ())
        if not intervals:
            dark.append(cell_text(pos))
        elif len(intervals) > 1:
            often.append(f"{cell_text(pos)} {_times(intervals)}")
        elif intervals[0].fall_rt is None:
            endless.append(f"{cell_text(pos)} {_times(intervals)}")
    reasons = []
    if dark:
        reasons.append(f"lamps never lit: {named(dark)}")
    if often:
        reasons.append(f"lamps lit more than once: {named(often)}")
    if endless:
        reasons.append(f"lamps still lit when the watch ended: {named(endless)}")
    return reasons


def _times(intervals: Sequence[Interval]) -> str:
    parts = [
        f"{lit.rise_rt}..{'' if lit.fall_rt is None else lit.fall_rt}" for lit in intervals[:NAMED]
    ]
    more = len(intervals) - NAMED
    return f"(lit {', '.join(parts)}{f' and {more} more' if more > 0 else ''} rt)"
