"""``diagnose verify``: what an engine says of a circuit file."""

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.cli.main import FAILED, OK

if TYPE_CHECKING:
    from diagnose.env.trace import Interval, Trace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--task", help="judge it as this task's device, for example C-L3")
    what.add_argument(
        "--press-only", action="store_true", help="press its button and report every lamp"
    )
    parser.add_argument(
        "--engine", default="tick", help="tick (the judge of records; the default) or mchprs"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def main(given: argparse.Namespace) -> int:
    """Judge a circuit file, or only press its button, and print what was seen.

    Raises:
        InputError: no such task or engine, or no circuit file.
    """
    return _pressed(given) if given.press_only else _judged(given)


def _judged(given: argparse.Namespace) -> int:
    from diagnose.env.circuit import load_circuit
    from diagnose.env.judges import judge_named
    from diagnose.tasks import family_of, judge, task

    chosen, by = task(given.task), judge_named(given.engine)
    family = family_of(chosen)
    circuit = load_circuit(given.file, chosen.area_side)
    trace = by.press(circuit, chosen.area_side, last_fall_rt=family.last_fall_rt(chosen))
    verdict = judge(family, chosen, circuit, trace)
    if given.json:
        shown = {"task": chosen.id, "engine": by.engine, **verdict.to_json(), **_seen(trace)}
        print(json.dumps(shown))
    else:
        print(f"{chosen.id}: {'pass' if verdict.passed else 'fail'} ({by.engine})")
        for reason in verdict.reasons:
            print(f"- {reason}")
    return OK if verdict.passed else FAILED


def _pressed(given: argparse.Namespace) -> int:
    """Any valid device will do: the area is the usual one, or as large as the device needs."""
    from diagnose.env.circuit import LARGEST_SIDE, Circuit, load_circuit
    from diagnose.env.judges import judge_named
    from diagnose.tasks.base import area_side

    by = judge_named(given.engine)
    circuit = load_circuit(given.file, LARGEST_SIDE)
    side = max(area_side(lamps=1), *circuit.extent)
    circuit = Circuit.from_json(circuit.to_json(), side)
    trace = by.press(circuit, side)
    if given.json:
        print(json.dumps({"engine": by.engine, "area_side": side, **_seen(trace)}))
    else:
        print("\n".join(_told(trace, by.engine)))
    return OK


def _seen(trace: "Trace") -> Mapping[str, Any]:
    """Return the trace's JSON form with the number of lamps that lit after the press."""
    return {"lit": trace.lit, **trace.to_json()}


def _told(trace: "Trace", engine: str) -> list[str]:
    from diagnose.env.wording import cell_text

    lines = [f"lit: {trace.lit} of {len(trace.lamps)} lamps ({engine})"]
    if not trace.settled:
        lines.append("the circuit never comes to rest before the press (it feeds itself)")
    if not trace.quiet:
        lines.append(f"the circuit is still changing {trace.end_rt} rt after the press")
    by_first_rise = sorted(
        trace.lamps.items(),
        key=lambda lamp: (lamp[1][0].rise_rt if lamp[1] else math.inf, lamp[0]),
    )
    groups: dict[str, list[str]] = {}
    for pos, intervals in by_first_rise:
        times = _times(intervals, before=pos in trace.lit_before)
        groups.setdefault(times, []).append(cell_text(pos))
    lines += [f"{times}: {' '.join(cells)}" for times, cells in groups.items()]
    return lines


def _times(intervals: "tuple[Interval, ...]", *, before: bool) -> str:
    """Return when lamps were lit, in rt, for example ``3..15 rt``."""
    if not intervals:
        return "dark"
    parts = [f"{lit.rise_rt}..{'' if lit.fall_rt is None else lit.fall_rt}" for lit in intervals]
    return f"{', '.join(parts)} rt{' (lit before the press)' if before else ''}"
