"""What a wished precision costs: equal runs, half of the cells, looks, and allocated runs.

Allocated runs change the part of the variance that is of runs: with the pilot's share a of them and
a batch's variance g times that of equal runs (``analysis.planning.allocation``, from the pilot's
records or as assumed), that part is a + (1 - a) g times as large. Looks cost runs for the same
power (``Boundary.inflation``) and save what an early end leaves; what is to be precise in any case
has the repeated interval, wider by its last critical value over 1.96.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri, stdtrit

from analysis.batches import batches_of
from analysis.planning.allocation import Choice, Spreads, chosen
from analysis.planning.boundaries import Boundary
from analysis.planning.designs import Cells, Estimand
from analysis.planning.pilot import Pilot
from analysis.planning.power import MOST_RUNS, Assumed, Components, Size, Spread
from analysis.planning.told import Wish, pp
from analysis.report.table import Table
from analysis.uncertainty import TARGETS, Target
from diagnose.errors import InputError

Cost = Callable[[str], float]  # dollars of an episode in a cell


@dataclass(frozen=True)
class Sharing:
    """How runs would be allocated."""

    pilot: int = 2
    every: int = 3
    most: int = 9
    draw: np.random.Generator | None = None

    def allowed(self, runs: int) -> bool:
        """Whether so many runs can be allocated: no batch may have more than half of them."""
        if runs <= self.pilot:
            return False
        return 2 * max(one.runs for one in batches_of(runs, *self.sizes)) <= runs

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The pilot's runs, the mean of a later batch and its most."""
        return self.pilot, self.every, self.most


@dataclass(frozen=True)
class Way:
    """A design and its rule, as a function of its runs."""

    name: str
    cells: tuple[str, ...]
    parts: Callable[[int], Components]  # of the estimand, with so many runs
    stretch: Callable[[Size, Wish], float] = lambda _size, _wish: 1.0  # of what has to be small
    used: float = 1.0  # expected share of the runs
    mix: Mapping[str, float] | None = None  # runs of a cell over the mean, where they differ
    least: int = 1  # runs

    def reached(self, wish: Wish, size: Size) -> float:
        """Return what the wish is about: the half-width, or the smallest effect found."""
        reach = wish.reach or Size.half_width
        return reach(size, self.parts(size.runs)) * self.stretch(size, wish)

    def runs_for(self, wish: Wish, size: Size) -> int | None:
        """Return the fewest runs that do; None where no number does."""
        low, high = self.least - 1, self.least
        while self.reached(wish, replace(size, runs=high)) > wish.most:
            if high >= MOST_RUNS:
                return None
            low, high = high, min(2 * high, MOST_RUNS)
        while high - low > 1:
            middle = (low + high) // 2
            enough = self.reached(wish, replace(size, runs=middle)) <= wish.most
            low, high = (low, middle) if enough else (middle, high)
        return high

    def dollars(self, cost: Cost, tasks: int, runs: int) -> float:
        """Return what it is expected to cost."""
        mix = self.mix or {}
        each = sum(cost(code) * mix.get(code, 1.0) for code in self.cells)
        return each * tasks * runs * self.used


def known(
    design: Cells, spread: Spread, assumed: Assumed, tasks: int, cost: Cost | None
) -> Spreads:
    """Return what is known of cells and tasks: of the pilot's records, else as assumed."""
    codes = design.codes
    price = np.array([cost(code) for code in codes]) if cost else np.ones(len(codes))
    price = price / price.mean()
    y = spread.outcomes(codes) if isinstance(spread, Pilot) else None
    if y is not None:
        return Spreads.of(y, price, codes)
    sd = np.full((len(codes), tasks), math.sqrt(assumed.rate * (1 - assumed.rate)))
    joint = np.full((len(codes),) * 2, assumed.seed_correlation)
    np.fill_diagonal(joint, 1.0)
    return Spreads(sd, joint, price)


def allocated(design: Cells, one: Estimand, spreads: Spreads, how: Sharing) -> Choice:
    """Return how a batch would be shared out."""
    weights = np.array([[one.weights.get(code, 0.0) for code in design.codes]])
    priced = replace(spreads, price=np.ones(len(design.codes)))  # episodes are shared out
    draw = how.draw or np.random.default_rng(0)
    return chosen(weights, priced, how.every, how.most, draw)


def ways(
    full: Cells,
    half: Cells | None,
    one: Estimand,
    spread: Spread,
    spreads: Spreads,
    looks: Boundary,
    how: Sharing,
    wish: Wish,
) -> list[Way]:
    """Return the ways to estimate ``one`` that are compared."""
    parts = spread.components(one.weights)
    found = [Way("equal runs", full.codes, lambda _runs: parts)]
    name = f"alias:{one.name.partition(':')[2]}"
    other = next((o for o in half.estimands if o.name == name), None) if half else None
    if half is not None and other is not None:
        aliased = spread.components(other.weights)
        found.append(Way("half fraction, aliased", half.codes, lambda _runs: aliased))
    z = float(ndtri(0.975))

    def by_looks(_size: Size, wish: Wish) -> float:
        if wish.precision:
            return looks.critical[-1] / z
        return math.sqrt(looks.inflation(wish.power))

    drift = 0.0 if wish.precision else looks.drift(wish.power)
    found.append(
        Way(
            f"looks, {looks.rule}",
            full.codes,
            lambda _runs: parts,
            by_looks,
            looks.expected_share(drift),
            least=len(looks.fractions),
        )
    )
    choice = allocated(full, one, spreads, how)
    later = choice.counts.mean(axis=1) / how.every

    def shared(runs: int) -> Components:
        first = how.pilot / runs
        within = parts.within * (first + (1 - first) * choice.share)
        return replace(parts, within=within)

    def by_batches(size: Size, _wish: Wish) -> float:
        if size.target == "new":
            return 1.0
        batches = len(batches_of(size.runs, *how.sizes))
        return float(stdtrit(size.tasks * (batches - 1), 0.975)) / z

    mix = dict(zip(full.codes, later.tolist(), strict=True))
    far = 2 * (how.pilot + how.every + 1)
    least = 1 + max(runs for runs in range(1, far) if not how.allowed(runs))
    found.append(
        Way(f"allocated ({choice.how})", full.codes, shared, by_batches, mix=mix, least=least)
    )
    return found


def spending(
    found: Sequence[Way], one: Estimand, size: Size, wish: Wish, cost: Cost | None, source: str
) -> list[str]:
    """Return the table: what each way costs for the wish, and what it has at the planned size."""
    rows = []
    for way in found:
        row = [way.name]
        for target in TARGETS:
            row += _needed(way, Size(size.tasks, size.runs, target), wish, cost)
        row += [_half(way, size, target) for target in TARGETS]
        rows.append(row)
    each = ["runs", "episodes", *(["cost"] if cost else [])]
    head = ["way", *each, *each, f"± new, {size.runs} runs", "± these"]
    expected = "no effect" if wish.precision else f"an effect of {pp(wish.detect)}"
    note = (
        f"{one.name}. At the left for new tasks, of which {size.tasks} are a sample, then for "
        "these alone (–: no number of runs is enough). "
        f"Episodes of looks: expected with {expected}. "
        "Allocated: the runs' part of the variance by Neyman's rule after a pilot, in episodes; "
        f"the tasks' part stays. Spread: {source}."
    )
    title = f"Ways to spend less for {wish.said}"
    return Table("spending", title, head, rows, note).text().splitlines()


def _needed(way: Way, size: Size, wish: Wish, cost: Cost | None) -> list[str]:
    runs = way.runs_for(wish, size)
    if runs is None:
        return ["–", "–", *(["–"] if cost else [])]
    episodes = len(way.cells) * size.tasks * runs * way.used
    told = [f"{runs:,}", f"{math.ceil(episodes - 1e-9):,}"]
    return told + ([f"${way.dollars(cost, size.tasks, runs):,.2f}"] if cost else [])


def _half(way: Way, size: Size, target: Target) -> str:
    if size.runs < way.least:
        return "–"
    wish = Wish(precision=0.5)
    return f"{100 * way.reached(wish, replace(size, target=target)):.1f}"


def declared(full: Cells, name: str | None) -> Estimand | None:
    """Return the estimand that is compared: a declared one, else the first that leads."""
    if name is not None:
        for one in full.estimands:
            if name in (one.name, one.kind):
                return one
        raise InputError("estimand", name, "the full factorial does not have it")
    return full.leading[0] if full.leading else None
