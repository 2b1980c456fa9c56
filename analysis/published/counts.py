"""The published, aggregated tables: exact counts, and the same estimators where counts allow them.

The tables carry no tasks, so only the target ``fixed`` is possible, with runs taken as independent.
Every percentage is a multiple of 0.5 of 200 episodes (of 2.5 of 40 per level), so counts are exact.
The published cells in the order of the four interventions: baseline 0000, hint 1000, scientist 0110
(its findings were stored in the Claim-Proof-Constraints-Example form), hint_scientist 1110, and
with self-determined notes 1100. The published discovery gap therefore switches two interventions
on at once and is named ``seq:experiment_oracles+knowledge_notes``; the 2 x 2 of hints and scientist
is marked ``@2x2``.

Intervals: Wilson for a rate, Newcombe for a difference (and its generalisation for the difference
in differences), score limits for a risk ratio, Fieller for other ratios, and the normal one for
averages of many rates: means over models, and Shapley values, which use the levels as strata.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from analysis import intervals
from analysis.estimates import Finding
from analysis.layout import ALL, Floats
from analysis.study import COLUMNS, COMPANIONS, adjusted, empty_row
from diagnose.errors import InputError

FOLDER = Path(__file__).parent
CODES = {"baseline": "0000", "hint": "1000", "scientist": "0110", "hint_scientist": "1110"}
SELF_DETERMINED = "1100"
CELL_EPISODES, LEVEL_EPISODES = 200, 40  # 25 tasks x 8 runs; 5 tasks x 8 runs
SCIENTIST = "experiment_oracles+knowledge_notes"


@dataclass(frozen=True)
class Count:
    """Successes in episodes of one cell."""

    successes: int
    n: int

    @property
    def p(self) -> float:
        """The success rate."""
        return self.successes / self.n

    @property
    def variance(self) -> float:
        """The variance of the success rate."""
        return self.p * (1 - self.p) / self.n


Cells = Mapping[str, Count]  # cell code -> count


@dataclass(frozen=True)
class Published:
    """The published counts."""

    models: Mapping[str, Cells]  # in the table's order
    levels: Mapping[str, Mapping[int, Cells]]  # model -> level -> cells
    structures: Mapping[str, Count]  # how gemini-3-pro's notes were structured
    printed: pd.DataFrame  # gaps and ratios as printed


def exact_count(percent: float, n: int, where: str) -> Count:
    """Return the count behind a printed percentage.

    Raises:
        InputError: no whole number of successes gives it.
    """
    successes = percent * n / 100
    if not (0 <= successes <= n and abs(successes - round(successes)) < 1e-9):
        raise InputError(where, percent, f"give a percentage of {n} episodes")
    return Count(round(successes), n)


def load_published(folder: Path = FOLDER) -> Published:
    """Read the three tables.

    Raises:
        InputError: a percentage that no count gives.
    """
    table2 = pd.read_csv(folder / "table2_models.csv")
    table3 = pd.read_csv(folder / "table3_consolidation.csv")
    table4 = pd.read_csv(folder / "table4_levels.csv")
    structures = {
        str(row["structure"]): exact_count(row["success"], CELL_EPISODES, "table3: success")
        for _, row in table3.iterrows()
    }
    models = {
        str(row["model"]): _cells(row, CELL_EPISODES, "table2") for _, row in table2.iterrows()
    }
    levels: dict[str, dict[int, Cells]] = {}
    for _, row in table4.iterrows():
        levels.setdefault(str(row["model"]), {})[int(row["level"])] = _cells(
            row, LEVEL_EPISODES, "table4"
        )
    for model, by_level in levels.items():
        # The scientist alone is printed by level only.
        alone = [cells[CODES["scientist"]] for cells in by_level.values()]
        total = Count(sum(c.successes for c in alone), sum(c.n for c in alone))
        models[model] = {**models[model], CODES["scientist"]: total}
    for model in table3["model"].unique():
        models[model] = {**models[model], SELF_DETERMINED: structures["self_determined"]}
    return Published(models, levels, structures, table2.set_index("model"))


def _cells(row: "pd.Series[Any]", n: int, table: str) -> dict[str, Count]:
    return {
        code: exact_count(float(row[name]), n, f"{table}: {name}")
        for name, code in CODES.items()
        if name in row.index
    }


def estimates(published: Published | None = None) -> pd.DataFrame:
    """Return the estimates that the published tables allow, in the columns of every study."""
    published = published or load_published()
    rows = []
    for model, cells in published.models.items():
        rows += [empty_row(model, name, "fixed", f) for name, f in _model(cells).items()]
        for level, own in published.levels.get(model, {}).items():
            found = {f"cell_level:{code}@L{level}": rate(count) for code, count in own.items()}
            rows += [empty_row(model, name, "fixed", f) for name, f in found.items()]
        if model in published.levels:
            found = _two_by_two(cells, list(published.levels[model].values()))
            rows += [empty_row(model, f"{name}@2x2", "fixed", f) for name, f in found.items()]
    means = _mean(list(published.models.values()))
    rows += [empty_row(ALL, name, "fixed", f) for name, f in means.items()]
    return adjusted(pd.DataFrame(rows, columns=[*COLUMNS, *COMPANIONS]))


def rate(count: Count) -> Finding:
    """Return a success rate with Wilson's limits."""
    low, high = intervals.wilson(np.array([count.p]), np.array([float(count.n)]))
    return Finding(count.p, float(low[0]), float(high[0]), method="Wilson", n_episodes=count.n)


def difference(after: Count, before: Count) -> Finding:
    """Return a difference of rates with Newcombe's limits and their p value."""
    return _combined([(1.0, after), (-1.0, before)], "Newcombe, independent runs")


def _combined(terms: list[tuple[float, Count]], method: str) -> Finding:
    weights, p, n = _arrays(terms)
    low, high = intervals.mover(weights, p, n)
    return Finding(
        float(weights @ p),
        low,
        high,
        intervals.mover_p(weights, p, n),
        method,
        sum(count.n for _, count in terms),
    )


def _normal(terms: list[tuple[float, Count]], method: str) -> Finding:
    weights, p, n = _arrays(terms)
    value, se = float(weights @ p), math.sqrt(float(weights**2 @ (p * (1 - p) / n)))
    half = intervals.z_value() * se
    episodes = sum(count.n for _, count in terms)
    p_value = float(2 * ndtr(-abs(value) / se))
    return Finding(value, value - half, value + half, p_value, method, episodes)


def _arrays(terms: list[tuple[float, Count]]) -> tuple[Floats, Floats, Floats]:
    weights, p, n = zip(*((w, count.p, count.n) for w, count in terms), strict=True)
    return np.array(weights), np.array(p), np.array(n, dtype=np.float64)


def _risk_ratio(after: Count, before: Count) -> Finding:
    low, high = intervals.risk_ratio(
        (after.successes, before.successes), (float(after.n), float(before.n))
    )
    gap = difference(after, before)
    return Finding(
        gap.estimate / before.p, low - 1, high - 1, gap.p, "score risk ratio", gap.n_episodes
    )


def _fieller(
    top: list[tuple[float, Count]], base: list[tuple[float, Count]], offset: float = 0.0
) -> Finding:
    """Return a ratio of contrasts; a cell in both must be the same object."""

    def covariance(one: list[tuple[float, Count]], two: list[tuple[float, Count]]) -> float:
        return sum(a * b * x.variance for a, x in one for b, y in two if x is y)

    a = offset + sum(w * count.p for w, count in top)
    b = sum(w * count.p for w, count in base)
    joint = (covariance(top, top), covariance(top, base), covariance(base, base))
    low, high = intervals.fieller(a, b, joint, intervals.z_value())
    counts = {id(count): count.n for _, count in [*top, *base]}
    method = "Fieller, independent runs" + (", unbounded" if math.isinf(low) else "")
    return Finding(a / b, low, high, method=method, n_episodes=sum(counts.values()))


def _model(cells: Cells) -> dict[str, Finding]:
    base, hint, full = (cells[CODES[name]] for name in ("baseline", "hint", "hint_scientist"))
    found = {f"cell:{code}": rate(count) for code, count in sorted(cells.items())}
    left = found["cell:1110"]
    found["residual:1110"] = Finding(
        1 - left.estimate, 1 - left.ci_high, 1 - left.ci_low, method="Wilson", n_episodes=full.n
    )
    discovery = difference(full, hint)
    found["seq:gap_hints"] = difference(hint, base)
    found[f"seq:{SCIENTIST}"] = discovery
    if SELF_DETERMINED in cells:
        found["seq:experiment_oracles"] = difference(cells[SELF_DETERMINED], hint)
        found["seq:knowledge_notes"] = difference(full, cells[SELF_DETERMINED])
    found["ratio:gap_hints"] = _risk_ratio(hint, base)
    ratio = _fieller([(1.0, full), (-1.0, hint)], [(1.0, base)])
    found[f"ratio:{SCIENTIST}"] = Finding(**{**vars(ratio), "p": discovery.p})
    found["ratio:residual:1110"] = _fieller([(-1.0, full)], [(1.0, base)], offset=1.0)
    return found


def _two_by_two(cells: Cells, levels: list[Cells]) -> dict[str, Finding]:
    codes = [CODES[name] for name in ("baseline", "hint", "scientist", "hint_scientist")]
    patterns = {
        "shapley:gap_hints": (-0.5, 0.5, -0.5, 0.5),
        f"shapley:{SCIENTIST}": (-0.5, -0.5, 0.5, 0.5),
    }
    found = {}
    for name, pattern in patterns.items():
        terms = [
            (w / len(levels), own[code])
            for own in levels
            for w, code in zip(pattern, codes, strict=True)
        ]
        found[name] = _normal(terms, "normal, levels as strata, independent runs")
    terms = [(w, cells[code]) for w, code in zip((1.0, -1.0, -1.0, 1.0), codes, strict=True)]
    method = "Wilson limits combined (MOVER), independent runs"
    found[f"int:gap_hints*{SCIENTIST}"] = _combined(terms, method)
    return found


def _mean(models: list[Cells]) -> dict[str, Finding]:
    share = 1 / len(models)
    base, hint, full = (
        [(share, cells[CODES[name]]) for cells in models]
        for name in ("baseline", "hint", "hint_scientist")
    )

    def minus(terms: list[tuple[float, Count]]) -> list[tuple[float, Count]]:
        return [(-w, count) for w, count in terms]

    method = "normal, mean over models, independent runs"
    named = (("0000", base), ("1000", hint), ("1110", full))
    found = {f"cell:{code}": _rate_mean(terms, method) for code, terms in named}
    left = found["cell:1110"]
    found["residual:1110"] = Finding(
        1 - left.estimate, 1 - left.ci_high, 1 - left.ci_low, math.nan, method, left.n_episodes
    )
    found["seq:gap_hints"] = _normal([*hint, *minus(base)], method)
    found[f"seq:{SCIENTIST}"] = _normal([*full, *minus(hint)], method)
    found[f"fieller:gap_hints/{SCIENTIST}"] = _fieller([*hint, *minus(base)], [*full, *minus(hint)])
    return found


def _rate_mean(terms: list[tuple[float, Count]], method: str) -> Finding:
    found = _normal(terms, method)
    return Finding(**{**vars(found), "p": math.nan})
