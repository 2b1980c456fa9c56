"""What ``diagnose plan`` says of a design: what it finds, its aliases, its looks, other designs."""

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from analysis.planning.boundaries import Boundary, crossing
from analysis.planning.designs import TITLES, Cells
from analysis.planning.fractional import LETTERS, defining
from analysis.planning.power import (
    ALPHA,
    Assumed,
    Components,
    Price,
    Reach,
    Size,
    Spread,
    best_split,
    runs_needed,
    splits,
    tasks_needed,
)
from analysis.report.table import Table

WIDTH = 100
SHOWN_SPLITS = 3
MOST_TASKS = 1000  # of a split: nobody has more


@dataclass(frozen=True)
class Wish:
    """What is to be found, in proportions; 0 = not asked for."""

    detect: float = 0.0  # an effect, with ``power``
    precision: float = 0.0  # half of a 95 % interval
    power: float = 0.8

    @property
    def reach(self) -> Reach | None:
        """What has to be small enough."""
        if self.precision:
            return Size.half_width
        return (lambda size, parts: size.detectable(parts, self.power)) if self.detect else None

    @property
    def most(self) -> float:
        """How small."""
        return self.precision or self.detect

    @property
    def said(self) -> str:
        """The wish in words."""
        if self.precision:
            return f"a 95 % interval of ±{pp(self.precision)}"
        return f"{pp(self.detect)} found with power {self.power:.0%}"


def pp(value: float) -> str:
    """Return a proportion in percentage points: ``12.6 pp``."""
    return f"{100 * value:.1f} pp"


def precision(design: Cells, spread: Spread, size: Size, wish: Wish, assumed: Assumed) -> list[str]:
    """Return what a design can find, kind of estimand by kind."""
    kinds = [kind for kind in TITLES if any(one.kind == kind for one in design.estimands)]
    if not kinds:
        return ["No factor is both off and on in these cells: only rates can be estimated."]
    fixed = Size(size.tasks, size.runs, "fixed")
    head = ["estimand", "new tasks ±", "finds"]
    head += [f"power at {pp(wish.detect)}"] if wish.detect else []
    head += ["these tasks ±", "finds"]
    rows, sources = [], set()
    for kind in kinds:
        found = [spread.components(one.weights) for one in design.estimands if one.kind == kind]
        sources |= {parts.source for parts in found}
        row = [TITLES[kind]]
        row += [_range(map(size.half_width, found)), _range(_found(found, size, wish))]
        if wish.detect:
            shares = [size.power(parts, wish.detect) for parts in found]
            row.append(_joined(f"{min(shares):.0%}", f"{max(shares):.0%}"))
        row += [_range(map(fixed.half_width, found)), _range(_found(found, fixed, wish))]
        rows.append(row)
    note = (
        f"Percentage points. ±: half of a 95 % interval; finds: the smallest true effect that is "
        f"found with power {wish.power:.0%}, two-sided, alpha {ALPHA:g}. Targets: new tasks, of "
        f"which {size.tasks} are a sample, and these tasks alone. {_sources(sources, assumed)}"
    )
    table = Table("precision", "What it can find", head, rows, note)
    return [*table.text().splitlines(), *_more(design, spread, size, wish)]


def _found(found: Sequence[Components], size: Size, wish: Wish) -> Iterable[float]:
    return (size.detectable(parts, wish.power) for parts in found)


def _range(values: Iterable[float]) -> str:
    """Return values that differ little as one, else as their ends."""
    every = [f"{100 * value:.1f}" for value in sorted(values)]
    return _joined(every[0], every[-1])


def _joined(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _sources(sources: set[str], assumed: Assumed) -> str:
    told = (
        f"success {assumed.rate:.0%} in every cell, effects spread over tasks with SD "
        f"{pp(assumed.slope_sd)}, interactions {pp(assumed.interaction_sd)}, cells' outcomes in a "
        f"run correlated {assumed.seed_correlation:g}"
    )
    if sources == {"assumed"}:
        return f"Assumed: {told}."
    text = "Spread: of the pilot's records."
    return text if sources == {"pilot"} else f"{text} Of cells it lacks, assumed: {told}."


def _more(design: Cells, spread: Spread, size: Size, wish: Wish) -> list[str]:
    """Return what more runs and more tasks would bring, for the first of the leading estimands."""
    if not design.leading:
        return []
    one = design.leading[0]
    parts = spread.components(one.weights)
    end = Size(size.tasks, 1_000_000).detectable(parts, wish.power)
    text = f"{one.name}: with any number of runs these {size.tasks} tasks find {pp(end)}; "
    if not parts.between:
        text = f"{one.name}: no spread over tasks is seen beyond the runs' noise; "
    each = size.tasks * size.runs
    others = [
        Size(size.tasks * factor, size.runs // factor)
        for factor in (2, 4, 8)
        if size.runs % factor == 0
    ][:SHOWN_SPLITS]
    if others:
        told = (f"{o.tasks} x {o.runs} {pp(o.detectable(parts, wish.power))}" for o in others)
        text += (
            f"the same {each:,} episodes a cell over more tasks, tasks x runs: {', '.join(told)}."
        )
    else:
        text += "more tasks find less."
    if not math.isinf(parts.df):
        unlucky = size.detectable(parts.unlucky(), wish.power)
        text += f" A pilot's spread is uncertain: with four chances in five, at most {pp(unlucky)}."
    return textwrap.wrap(text, WIDTH)


def alias_lines(design: Cells) -> list[str]:
    """Return what every contrast of a fraction is aliased with; nothing for other designs."""
    if not design.aliases:
        return []
    factors = design.factors
    names = ", ".join(f"{LETTERS[i]} {name}" for i, name in enumerate(factors))
    sums = [
        one.letters(factors).replace(" ", "\N{NO-BREAK SPACE}") for one in design.aliases
    ]  # kept on a line
    relation = " = ".join(["I", *defining(factors, design.reduced)])
    text = (
        f"A fraction, {relation} ({names}): each contrast estimates a sum, in units of its first "
        f"term, {'; '.join(sums)}. It allows no Shapley value and no single interaction."
    )
    lines = textwrap.wrap(text, WIDTH)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


@dataclass(frozen=True)
class Looks:
    """A declared rule, as it is told."""

    boundary: Boundary
    runs: Sequence[int]  # at each look
    what: str  # what is held to the boundary
    alpha: float


def look_lines(looks: Looks, episodes: int, wish: Wish) -> list[str]:
    """Return a rule's looks: where each stops and how often, and what that saves."""
    made = looks.boundary
    drift = made.drift(wish.power)
    chances = made.crossing(), made.crossing(drift)
    rows = [
        [str(n), str(runs), f"{z:.3f}", f"{none:.2%}", f"{some:.1%}"]
        for n, (runs, z, none, some) in enumerate(
            zip(looks.runs, made.critical, *chances, strict=True), start=1
        )
    ]
    naive = crossing([1.959964] * len(rows), made.fractions).sum()
    expected = [made.expected_share(one) for one in (0.0, drift, 1.5 * drift)]
    shares = ", ".join(f"{share:.0%}" for share in expected)
    note = (
        f"With no effect, one found with power {wish.power:.0%}, and one half as large again, "
        f"{shares} of {episodes:,} episodes are expected to run. Looks cost "
        f"{made.inflation(wish.power) - 1:.1%} more runs for the same power; looking at each with "
        f"|z| > 1.96 would err with {naive:.1%}."
    )
    head = ["look", "runs", "stops at |z|", "no effect", f"effect of power {wish.power:.0%}"]
    title = f"Looks: {made.rule}, {looks.what}, alpha {looks.alpha:g}"
    return Table("looks", title, head, rows, note).text().splitlines()


def split_lines(
    design: Cells, spread: Spread, budget: float, episode: float, task: float, wish: Wish
) -> list[str]:
    """Return how a budget is best split over tasks and runs, for the first leading estimand.

    Args:
        design: its cells.
        spread: of contrasts.
        budget: in the unit of the prices.
        episode: price of one, mean over the cells.
        task: price of having one more task.
        wish: the power.
    """
    one = design.leading[0]
    parts, cells = spread.components(one.weights), len(design.codes)
    price = Price(episode, task)
    best = best_split(parts, budget, cells, price, MOST_TASKS)
    start = f"Of {budget:,.10g} at {episode:,.4g} an episode and {task:,.4g} a task, {one.name} "
    if best is None:
        return textwrap.wrap(f"{start}has no two tasks with a run in each of {cells} cells.", WIDTH)
    others = [
        size
        for size in splits(budget, cells, price, MOST_TASKS)
        if size.tasks in {best.tasks // 2, best.tasks // 4} and size.tasks > 1
    ]
    told = ", ".join(_split(size, parts, wish) for size in reversed(others))
    text = f"{start}is found best with tasks x runs {_split(best, parts, wish)}"
    return textwrap.wrap(text + (f"; otherwise {told}." if told else "."), WIDTH)


def _split(size: Size, parts: Components, wish: Wish) -> str:
    return f"{size.tasks} x {size.runs} ({pp(size.detectable(parts, wish.power))})"


@dataclass(frozen=True)
class Option:
    """A design that may be chosen."""

    name: str
    cells: Cells
    cost: Callable[[str], float] | None = None  # dollars of an episode in a cell; None = unknown


def compared(
    options: Sequence[Option], spread: Spread, size: Size, wish: Wish, assumed: Assumed
) -> list[str]:
    """Return what each design costs for the wished precision, on these tasks and on more."""
    reach = wish.reach
    if reach is None:
        return []
    rows = []
    priced = any(option.cost for option in options)
    for option in options:
        own = option.cells.leading
        if not own:
            continue
        parts = [spread.components(one.weights) for one in own]
        runs = _most(runs_needed(one, size.tasks, "new", reach, wish.most) for one in parts)
        row = [option.name, str(len(option.cells.codes)), TITLES[own[0].kind]]
        if spread is not assumed:  # so that no one takes one for the other
            row.append(" and ".join(sorted({one.source for one in parts})))
        row += _study(option, size.tasks, runs, priced=priced)
        tasks = _most(tasks_needed(one, 1, "new", reach, wish.most) for one in parts)
        rows.append([*row, *_study(option, tasks, 1, priced=priced, tasks_first=True)])
    head = ["design", "cells", "measures", *(["spread"] if spread is not assumed else [])]
    head += ["runs", "episodes", *(["cost"] if priced else [])]
    head += ["tasks", "episodes", *(["cost"] if priced else [])]
    note = (
        f"At the left on these {size.tasks} tasks (–: no number of runs is enough, for tasks "
        "differ too much), at the right on as many as it takes, one run of each. The designs do "
        "not measure the same: an effect alone is with all else off, a gap in sequence after the "
        "ones before, an average effect and a Shapley value over all settings."
    )
    title = f"Designs for {wish.said}, target new tasks"
    return Table("designs", title, head, rows, note).text().splitlines()


def _most(needed: Iterable[int | None]) -> int | None:
    """Return what is enough for every factor; None where nothing is for one."""
    every = list(needed)
    found = [number for number in every if number is not None]
    return max(found) if len(found) == len(every) else None


def _study(
    option: Option, tasks: int | None, runs: int | None, *, priced: bool, tasks_first: bool = False
) -> list[str]:
    if tasks is None or runs is None:
        return ["–", "–", *(["–"] if priced else [])]
    count = tasks * runs
    told = [f"{tasks if tasks_first else runs:,}", f"{count * len(option.cells.codes):,}"]
    if priced:
        usd = sum(map(option.cost, option.cells.codes)) * count if option.cost else math.nan
        told.append("unknown" if math.isnan(usd) else f"${usd:,.2f}")
    return told
