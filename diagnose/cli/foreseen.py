"""What ``diagnose plan`` says of what a design can find: from the analysis, for this study."""

import argparse
import math
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.cli.composed import Study
from diagnose.cli.plan import ASSUMED
from diagnose.cli.planned import is_own, price_of, seen_in
from diagnose.design import cells
from diagnose.errors import ConfigError, InputError
from diagnose.seeds import stream

DESIGNS = ("full_factorial", "half_fraction", "paper_sequential", "paper_2x2", "one_at_a_time")
WIDTH = 100


@dataclass(frozen=True)
class Asked:
    """The command's options, checked; proportions throughout."""

    pilot: Path | None = None
    detect: float = 0.0
    precision: float = 0.0
    power: float = 0.8
    assumed: Mapping[str, float] | None = None
    simulate: bool = False
    figure: Path | None = None
    budget: float = 0.0
    episode_price: float | None = None
    task_price: float = 0.0

    @classmethod
    def of(cls, given: argparse.Namespace) -> "Asked":
        """Check the options.

        Raises:
            InputError: one cannot be meant.
        """
        if not 0.05 < given.power < 1:
            raise InputError("--power", given.power, "give a chance between 0.05 and 1, as 0.8")
        if given.figure is not None and given.figure.suffix not in {"", ".png", ".svg"}:
            raise InputError("--figure", str(given.figure), "give a name such as power.png")
        for name, least in (("budget", 1e-9), ("episode_price", 1e-9), ("task_price", 0.0)):
            value = getattr(given, name)
            if value is not None and not least <= value < math.inf:
                option = f"--{name.replace('_', '-')}"
                raise InputError(option, value, f"give an amount{' above 0' if least else ''}")
        assumed = {name: value for name in ASSUMED if (value := getattr(given, name)) is not None}
        return cls(
            given.pilot,
            _points("--detect", given.detect),
            _points("--precision", given.precision),
            given.power,
            assumed,
            given.simulate,
            given.figure,
            given.budget or 0.0,
            given.episode_price,
            given.task_price,
        )


def _points(option: str, text: str | None) -> float:
    """Return percentage points such as ``10pp``, or a proportion such as 0.1, as a proportion."""
    if text is None:
        return 0.0
    found = re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*(pp|%)?\s*", text)
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0.001 <= value < 1:
        raise InputError(option, text, "give percentage points such as 10pp, at least 0.1pp")
    return value


def foreseen(study: Study, asked: Asked) -> list[str]:
    """Return what the design can find, its aliases, its looks and what other designs would cost.

    Raises:
        InputError: an assumption or the pilot cannot be used.
        StoreError: the pilot's folder is none.
    """
    from analysis.planning import told
    from analysis.planning.power import Assumed, Size, Spread

    assumed = Assumed(**(asked.assumed or {}))
    names = tuple(factor.name for factor in study.factors)
    design = _cells_of(study, study.config.design)
    spread: Spread = assumed
    if asked.pilot is not None:
        from analysis.planning.pilot import Pilot

        seen_in(asked.pilot)
        spread = Pilot.load(asked.pilot, names, assumed)
    if len(study.tasks) < 2:
        return ["One task is no sample: what a design finds is told for two tasks or more."]
    size = Size(len(study.tasks), study.config.runs)
    wish = told.Wish(asked.detect, asked.precision, asked.power)
    lines = [*told.precision(design, spread, size, wish, assumed)]
    if study.config.setting == "curriculum":
        lines.append("A curriculum's chains tie tasks together: read all of this as too hopeful.")
    if asked.simulate and design.leading:
        lines += _simulated(study, design, spread, size, wish.power, assumed)
    if design.aliases:
        lines += ["", *told.alias_lines(design)]
    if study.stopping is not None:
        lines += ["", *told.look_lines(_looks(study), len(study.plans), wish)]
    if wish.most:
        options = _options(study, asked.pilot)
        lines += ["", *told.compared(options, spread, size, wish, assumed)]
        lines += _spending(study, asked, spread, size, wish, assumed)
    if asked.budget and design.leading:
        price = asked.episode_price or _mean_price(study, design, asked.pilot)
        lines += [
            "",
            *told.split_lines(design, spread, asked.budget, price, asked.task_price, wish),
        ]
    if asked.figure is not None:
        lines += ["", *_drawn(design, spread, size, asked.figure)]
    return lines


def _cells_of(study: Study, design: str) -> Any:
    from analysis.planning.designs import Cells

    codes = tuple(cell.code for cell in cells(study.factors, design))
    return Cells(tuple(factor.name for factor in study.factors), codes)


def _looks(study: Study) -> Any:
    from analysis.planning.boundaries import Boundary
    from analysis.planning.told import Looks

    stop: Any = study.stopping
    boundary: Boundary = stop.boundary
    what = "each cell against the one with everything off, alpha shared"
    if stop.scope == "study":
        what = stop.estimands[""].name
    return Looks(boundary, stop.looks, what, stop.alpha)


def _spending(
    study: Study, asked: Asked, spread: Any, size: Any, wish: Any, assumed: Any
) -> list[str]:
    """Return what the ways to spend less cost for the wish; nothing where no cells are compared."""
    from analysis.planning import spending
    from analysis.planning.boundaries import boundary, equal
    from analysis.planning.power import Size

    try:
        full, half = _cells_of(study, "full_factorial"), _cells_of(study, "half_fraction")
    except ConfigError:  # too many factors for a fraction
        full, half = _cells_of(study, "full_factorial"), None
    config = study.config
    rule: Any = study.stopping
    name = config.allocate.get("estimand")
    if rule is not None and rule.scope == "study":
        name = rule.estimands[""].name
    if name is not None and str(name).startswith("alias"):
        name = None  # a fraction's own, which the full factorial has apart
    one = spending.declared(full, name)
    if one is None:
        return []
    draw = stream(config.seed, "plan", "allocate")
    batches = {key: config.allocate[key] for key in ("pilot", "every", "most") if config.allocate}
    how = spending.Sharing(**batches, draw=draw)
    looks = rule.boundary if rule else boundary("obrien_fleming", equal(4))
    cost = _dollars(study, asked.pilot)
    known = spending.known(full, spread, assumed, size.tasks, cost)
    found = spending.ways(full, half, one, spread, known, looks, how, wish)
    source = spread.components(one.weights).source
    if source == "assumed":
        source += f", success {assumed.rate:.0%} everywhere, so that weights alone are shared by"
    return ["", *spending.spending(found, one, Size(size.tasks, size.runs), wish, cost, source)]


def _options(study: Study, pilot: Path | None) -> list[Any]:
    """Return the designs to compare, the study's own last where it is none of the usual."""
    from analysis.planning.told import Option

    cost = _dollars(study, pilot)
    options = []
    for name in dict.fromkeys((*DESIGNS, study.config.design)):
        try:
            options.append(Option(name, _cells_of(study, name), cost))
        except ConfigError:  # such as a fraction of too many factors
            continue
    return options


def _dollars(study: Study, pilot: Path | None) -> Callable[[str], float] | None:
    """Return what an episode of a cell costs by the pilot's records; None where nothing says."""
    records = seen_in(pilot).records if pilot else []
    if is_own(study) or not records:
        return None
    price = price_of(study)
    spent: dict[str, list[float]] = {}
    for one in records:
        usd = one.usage.cost_usd
        if not usd and price:
            usd = (one.usage.input_tokens * price[0] + one.usage.output_tokens * price[1]) / 1e6
        spent.setdefault(one.cell, []).append(usd)
    means = {cell: sum(each) / len(each) for cell, each in spent.items()}
    every = [usd for each in spent.values() for usd in each]
    if not sum(every):
        return None
    return lambda cell: means.get(cell, sum(every) / len(every))


def _mean_price(study: Study, design: Any, pilot: Path | None) -> float:
    """Return the mean price of an episode by the pilot; 1 where nothing says."""
    cost = _dollars(study, pilot)
    return sum(map(cost, design.codes)) / len(design.codes) if cost else 1.0


def _simulated(
    study: Study, design: Any, spread: Any, size: Any, power: float, assumed: Any
) -> list[str]:
    """Return the simulated power for what the formula says is found with the wished one."""
    from analysis.planning.pilot import Pilot
    from analysis.planning.simulate import STUDIES, from_pilot, matched

    one = design.leading[0]
    weights = dict(one.weights)
    effect = size.detectable(spread.components(weights), power)
    draw = stream(study.config.seed, "plan", one.name)
    per_run = spread.contrasts(weights) if isinstance(spread, Pilot) else None
    if per_run is not None:
        share = from_pilot(per_run, size, effect, draw)
        how = "tasks and runs of the pilot drawn again"
    else:
        names = [factor.name for factor in study.factors]
        factor = names.index(one.name.partition(":")[2].split("+")[0])
        world = matched(assumed, weights, factor, effect, draw)
        share = world.power(weights, size, draw)
        how = "outcomes drawn, tasks' slopes normal on the logit scale"
    text = (
        f"By simulation ({STUDIES:,} studies, {how}) {one.name} of {100 * effect:.1f} pp is found "
        f"with power {share:.0%}; by formula {power:.0%}."
    )
    return textwrap.wrap(text, WIDTH)


def _drawn(design: Any, spread: Any, size: Any, path: Path) -> list[str]:
    import numpy as np

    from analysis.figures.power import curves, power_curves
    from analysis.figures.style import save
    from analysis.planning.power import Size

    if not design.leading:
        return ["No figure: the cells compare nothing."]
    one = design.leading[0]
    parts = spread.components(one.weights)
    others = [Size(size.tasks * by, size.runs // by) for by in (2, 4) if size.runs % by == 0]
    least, most = 0.005, 1.6 * size.detectable(parts)
    frame = curves(parts, [size, *others], np.linspace(least, most, 80).tolist())
    note = (
        f"{one.name}, {len(design.codes)} cells. Two-sided, alpha 0.05. New tasks: t over tasks; "
        f"these tasks: normal, over runs. Spread {parts.source}: SD over tasks "
        f"{100 * parts.between:.1f} pp, of one run {100 * parts.within**0.5:.1f} pp."
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    written = save(power_curves(frame, one.name, note), path.with_suffix(""))
    return [f"Power curves: {' '.join(map(str, written))}"]
