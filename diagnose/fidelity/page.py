"""The fidelity page: what was compared, and what came of it, as Markdown."""

import textwrap
from collections.abc import Mapping, Sequence

from diagnose.env import engine, mchprs
from diagnose.env.blocks import PALETTE, Pos, name_of
from diagnose.fidelity.classes import ABOUT, UNCLASSIFIED
from diagnose.fidelity.conformance import Outcome
from diagnose.fidelity.differential import Count, Difference


def page(outcomes: Sequence[Outcome], difference: Difference, command: str) -> str:
    """Return the whole page."""
    return "\n\n".join(
        [
            "# Is a verdict what the game would say?",
            f"Made by `{command}`.",
            _fill(
                f"Two engines press the same circuits: {engine.ENGINE}, the judge, and "
                f"{mchprs.ENGINE}, which shares no code with it. Each record names the engine that "
                "judged it (`versions.engine`). `diagnose verify FILE --task C-L3 --engine mchprs` "
                "asks the second one."
            ),
            "## In short",
            summary(outcomes, difference),
            "## Where the judge departs from the game",
            departures(outcomes),
            _fill(
                "A device that relies on one of these may be judged otherwise than by the game. No "
                "full-knowledge device of a task does: on all of them both engines agree (a test)."
            ),
            "## Random circuits",
            _fill(
                f"{difference.circuits:,} circuits of seed {difference.seed}: crowded boxes of "
                "every part; wired ones, mostly dust and diodes; the same without what is on at "
                "rest; and devices that solve a task, with one to six blocks changed. Compared are "
                "the rise and fall of every lamp over 200 rt, and the lamps lit before the press."
            ),
            differential(difference),
            _fill(
                "A disagreement has the class whose parts, made inert, bring the engines to agree; "
                "the classes are tried in this order (`diagnose/fidelity/classes.py`)."
            ),
            classes(difference),
            "## Conformance",
            _fill(
                "Each case is a small circuit of `diagnose/fidelity/cases_*.py`, and when each of "
                "its lamps is lit in the game, by the sources named: reasoned from them, not read "
                "off an engine. `1..13` is lit from 1 rt after the press to 13 rt, `on` before it; "
                "lamps are apart by commas. The judge is run in its standing world and in a fresh "
                "one."
            ),
            conformance(outcomes),
        ]
    )


def summary(outcomes: Sequence[Outcome], difference: Difference) -> str:
    """Return the main counts as a list."""
    n, right = len(outcomes), sum(one.judge_right for one in outcomes)
    used = {name_of(s) for one in outcomes for s in one.case.circuit.blocks.values()} | {"air"}
    apart = sum(count.apart for count in difference.counts.values())
    unclassified = sum(count.classes[UNCLASSIFIED] for count in difference.counts.values())
    lines = (
        f"conformance: {n} cases over {len(used & PALETTE.keys())} of {len(PALETTE)} blocks",
        f"the judge does what the game does in {right}; in {n - right} it departs, see below",
        f"MCHPRS does what the game does in {sum(one.mchprs_right for one in outcomes)}",
        f"the engines part on {apart:,} of {difference.circuits:,} random circuits",
        f"unclassified among these disagreements: {unclassified:,}",
        f"the judge's standing world and a fresh one part on {difference.rebuilt:,} of them",
        f"circuits that feed themselves among these: {difference.rebuilt_loops:,}",
    )
    return "\n".join(_fill(line, "- ") for line in lines)


def departures(outcomes: Sequence[Outcome]) -> str:
    """Return the table of cases in which the judge is known to be wrong."""
    return _table(
        ["case", "in the game", "the judge", "MCHPRS", "how it is known"],
        [
            [
                one.case.name,
                _times(one.case.expected),
                _times(one.standing),
                _times(one.mchprs),
                one.case.why,
            ]
            for one in outcomes
            if one.case.departs
        ],
    )


def differential(difference: Difference) -> str:
    """Return the table of counts by kind of circuit."""
    rows = [[kind, *_counted(count)] for kind, count in difference.counts.items()]
    total = Count()
    for count in difference.counts.values():
        total.circuits += count.circuits
        total.lit += count.lit
        total.lamps += count.lamps
        total.apart += count.apart
        total.lamps_apart += count.lamps_apart
    return _table(
        ["kind", "circuits", "some lamp lit", "lamps", "circuits apart", "lamps apart"],
        [*rows, ["all", *_counted(total)]],
    )


def classes(difference: Difference) -> str:
    """Return the table of disagreements by class."""
    rows = []
    for name, about in ABOUT.items():
        counts = [count.classes[name] for count in difference.counts.values()]
        first = difference.examples.get(name)
        rows.append(
            [
                name,
                *map(str, counts),
                str(sum(counts)),
                "" if first is None else str(first),
                about,
            ]
        )
    return _table(["class", *difference.counts, "all", "first", "what it is"], rows)


def conformance(outcomes: Sequence[Outcome]) -> str:
    """Return the table of all cases."""
    return _table(
        ["case", "what it shows", "in the game", "judge", "MCHPRS", "source"],
        [
            [
                one.case.name,
                one.case.shows,
                _times(one.case.expected),
                "same" if one.judge_right else "departs",
                "same"
                if one.mchprs_right
                else f"{_times(one.mchprs)}: {one.cause or 'as the judge'}",
                one.case.source,
            ]
            for one in outcomes
        ],
    )


def _counted(count: Count) -> list[str]:
    numbers = (count.circuits, count.lit, count.lamps, count.apart, count.lamps_apart)
    return [f"{number:,}" for number in numbers]


def _times(lamps: Mapping[Pos, str]) -> str:
    """Return the lamps' times in the order of their cells; long ones are cut."""
    told = []
    for _, times in sorted(lamps.items()):
        parts = times.split()
        short = parts if len(parts) <= 4 else [*parts[:3], "...", parts[-1]]
        told.append(" ".join(short) or "dark")
    return ", ".join(told)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _fill(text: str, bullet: str = "") -> str:
    return textwrap.fill(
        text,
        100,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
