"""What can be estimated from the published counts, by the estimators of every study.

The tables carry no tasks, so only the target ``fixed`` is possible, with runs taken as independent.
Intervals: Wilson for a rate, Newcombe for a difference (and its generalisation, MOVER, for
combinations of more rates), score limits for a risk ratio, Fieller for other ratios, and the normal
one for averages of many rates: means over models, and Shapley values, which use the levels as
strata. Names that end in ``@2x2`` are estimated from the four cells of hints and scientist.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from analysis import intervals
from analysis.layout import ALL, Floats
from analysis.place import Finding
from analysis.published.counts import Cells, Count, Published, load_published
from analysis.published.names import (
    APPLICATION_LEADS,
    CODES,
    FORMATS,
    FRONTIER,
    HINTS,
    IDENTIFICATION_LEADS,
    JOINT,
    RESIDUAL,
    SELF_DETERMINED,
    TIMES,
    TWO_BY_TWO,
)
from analysis.study import COLUMNS, COMPANIONS, adjusted, empty_row

Terms = Sequence[tuple[float, Count]]
CORNERS = tuple(CODES[name] for name in ("baseline", "hint", "scientist", "hint_scientist"))
SIMPLE = {  # of the 2 x 2: estimand -> (after, before)
    f"loo:{HINTS}": ("1110", "0110"),
    f"add1:{JOINT}": ("0110", "0000"),
}
AVERAGED = {HINTS: (-0.5, 0.5, -0.5, 0.5), JOINT: (-0.5, -0.5, 0.5, 0.5)}
BEST = 6  # baselines compared with one another
BEST_ALIKE = f"range:cell:0000@best{BEST}"
OVER_MODELS = "normal, mean over models, independent runs"
COMBINED = "Wilson limits combined (MOVER), independent runs"


def estimates(published: Published | None = None) -> pd.DataFrame:
    """Return the estimates that the published tables allow, in the columns of every study."""
    published = published or load_published()
    found: dict[tuple[str, str], Finding] = {}
    for model, cells in published.models.items():
        own = _model(cells)
        if levels := published.levels.get(model):
            own |= _levels(levels) | _two_by_two(cells, levels)
        if SELF_DETERMINED in cells:
            own |= _formats(published.structures)
        found |= {(model, name): one for name, one in own.items()}
    over = _mean(list(published.models.values())) | _compared(published)
    found |= {(ALL, name): one for name, one in over.items()}
    rows = [empty_row(model, name, "fixed", one) for (model, name), one in found.items()]
    return adjusted(pd.DataFrame(rows, columns=[*COLUMNS, *COMPANIONS]))


def rate(count: Count) -> Finding:
    """Return a success rate with Wilson's limits."""
    low, high = intervals.wilson(np.array([count.p]), np.array([float(count.n)]))
    return Finding(count.p, float(low[0]), float(high[0]), method="Wilson", n_episodes=count.n)


def difference(after: Count, before: Count) -> Finding:
    """Return a difference of rates with Newcombe's limits and their p value."""
    return _combined([(1.0, after), (-1.0, before)], "Newcombe, independent runs")


def homogeneity(counts: Sequence[Count]) -> float:
    """Return the p value of equal rates (Pearson's chi-square)."""
    from scipy.stats import chi2_contingency

    table = [[count.successes for count in counts], [count.n - count.successes for count in counts]]
    return float(chi2_contingency(table).pvalue)


def _combined(terms: Terms, method: str, offset: float = 0.0) -> Finding:
    weights, p, n = _arrays(terms)
    low, high = intervals.mover(weights, p, n)
    p_value = intervals.mover_p(weights, p, n, null=-offset)
    value, episodes = float(weights @ p), sum(count.n for _, count in terms)
    return Finding(value + offset, low + offset, high + offset, p_value, method, episodes)


def _normal(terms: Terms, method: str, offset: float = 0.0) -> Finding:
    weights, p, n = _arrays(terms)
    value = float(weights @ p) + offset
    se = math.sqrt(float(weights**2 @ (p * (1 - p) / n)))
    half = intervals.z_value() * se
    # A model's count may be weighed twice; its episodes are counted once.
    episodes = sum({id(count): count.n for _, count in terms}.values())
    p_value = float(2 * ndtr(-abs(value) / se))
    return Finding(value, value - half, value + half, p_value, method, episodes)


def _arrays(terms: Terms) -> tuple[Floats, Floats, Floats]:
    """Return weights, rates and numbers, a count that is weighed twice once."""
    weights: dict[int, float] = {}
    counts = {id(count): count for _, count in terms}
    for weight, count in terms:
        weights[id(count)] = weights.get(id(count), 0.0) + weight
    p, n = zip(*((counts[key].p, counts[key].n) for key in weights), strict=True)
    return np.array(list(weights.values())), np.array(p), np.array(n, dtype=np.float64)


def _risk_ratio(after: Count, before: Count) -> Finding:
    low, high = intervals.risk_ratio(
        (after.successes, before.successes), (float(after.n), float(before.n))
    )
    gap = difference(after, before)
    return Finding(
        gap.estimate / before.p, low - 1, high - 1, gap.p, "score risk ratio", gap.n_episodes
    )


def _fieller(top: Terms, base: Terms, offset: float = 0.0) -> Finding:
    """Return a ratio of contrasts; a cell in both must be the same object."""

    def covariance(one: Terms, two: Terms) -> float:
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
    found[RESIDUAL] = Finding(
        1 - left.estimate, 1 - left.ci_high, 1 - left.ci_low, method="Wilson", n_episodes=full.n
    )
    discovery = difference(full, hint)
    found[f"seq:{HINTS}"] = difference(hint, base)
    found[f"seq:{JOINT}"] = discovery
    if SELF_DETERMINED in cells:
        found["seq:experiment_oracles"] = difference(cells[SELF_DETERMINED], hint)
        found["seq:knowledge_notes"] = difference(full, cells[SELF_DETERMINED])
    found[f"ratio:{HINTS}"] = _risk_ratio(hint, base)
    ratio = _fieller([(1.0, full), (-1.0, hint)], [(1.0, base)])
    found[f"ratio:{JOINT}"] = Finding(**{**vars(ratio), "p": discovery.p})
    found[f"ratio:{RESIDUAL}"] = _fieller([(-1.0, full)], [(1.0, base)], offset=1.0)
    lead = [(-1.0, full), (-1.0, hint), (1.0, base)]
    found[APPLICATION_LEADS] = _combined(lead, COMBINED, offset=1.0)
    found[IDENTIFICATION_LEADS] = _combined([(2.0, hint), (-1.0, base), (-1.0, full)], COMBINED)
    return found


def _levels(levels: Mapping[int, Cells]) -> dict[str, Finding]:
    """Return each level's rates, and the effects of hints and scientist at it."""
    found: dict[str, Finding] = {}
    for level, own in levels.items():
        found |= {f"cell_level:{code}@L{level}": rate(count) for code, count in own.items()}
        for factor, pattern in AVERAGED.items():
            terms = [(w, own[code]) for w, code in zip(pattern, CORNERS, strict=True)]
            found[f"ame_level:{factor}@L{level}{TWO_BY_TWO}"] = _combined(terms, COMBINED)
    return found


def _two_by_two(cells: Cells, levels: Mapping[int, Cells]) -> dict[str, Finding]:
    found = {}
    for factor, pattern in AVERAGED.items():
        terms = [
            (w / len(levels), own[code])
            for own in levels.values()
            for w, code in zip(pattern, CORNERS, strict=True)
        ]
        method = "normal, levels as strata, independent runs"
        found[f"shapley:{factor}{TWO_BY_TWO}"] = _normal(terms, method)
    for name, (after, before) in SIMPLE.items():
        found[f"{name}{TWO_BY_TWO}"] = difference(cells[after], cells[before])
    terms = [(w, cells[code]) for w, code in zip((1.0, -1.0, -1.0, 1.0), CORNERS, strict=True)]
    found[f"int:{HINTS}*{JOINT}{TWO_BY_TWO}"] = _combined(terms, COMBINED)
    return found


def _formats(structures: Mapping[str, Count]) -> dict[str, Finding]:
    """Return the rate with each form of notes, and what the first form adds over each other one."""
    found = {f"cell_format:{name}": rate(structures[name]) for name in FORMATS}
    first, *others = FORMATS
    for name in others:
        found[f"format:{first}/{name}"] = difference(structures[first], structures[name])
    return found


def _mean(models: list[Cells]) -> dict[str, Finding]:
    base, hint, full = (
        [(1 / len(models), cells[CODES[name]]) for cells in models]
        for name in ("baseline", "hint", "hint_scientist")
    )
    named = (("0000", base), ("1000", hint), ("1110", full))
    found = {f"cell:{code}": _untested(_normal(terms, OVER_MODELS)) for code, terms in named}
    found[RESIDUAL] = _untested(_normal(_times(-1, full), OVER_MODELS, offset=1.0))
    hints, both = [*hint, *_times(-1, base)], [*full, *_times(-1, hint)]
    found[f"seq:{HINTS}"] = _normal(hints, OVER_MODELS)
    found[f"seq:{JOINT}"] = _normal(both, OVER_MODELS)
    found[TIMES] = _fieller(hints, both)
    lead = [*_times(-1, full), *_times(-1, hints)]
    found[APPLICATION_LEADS] = _normal(lead, OVER_MODELS, offset=1.0)
    found[IDENTIFICATION_LEADS] = _normal([*hints, *_times(-1, both)], OVER_MODELS)
    return found


def _compared(published: Published) -> dict[str, Finding]:
    """Return how groups of models differ: the best baselines, frontier models against others."""
    best = sorted((cells["0000"] for cells in published.models.values()), key=lambda one: -one.p)
    best = best[:BEST]
    method = f"chi-square of {BEST} rates; limits: Newcombe, highest minus lowest, unadjusted"
    changed = {"p": homogeneity(best), "method": method}
    found = {BEST_ALIKE: Finding(**{**vars(difference(best[0], best[-1])), **changed})}
    named = [published.models[name] for name in FRONTIER]
    others = [cells for name, cells in published.models.items() if name not in FRONTIER]
    ahead = _each(named, (-1.0, 2.0, -1.0))
    found[f"{IDENTIFICATION_LEADS}@frontier"] = _normal(ahead, OVER_MODELS)
    patterns = {
        HINTS: (-1.0, 1.0, 0.0),
        RESIDUAL: (0.0, 0.0, -1.0),
        f"{RESIDUAL}/{HINTS}": (1.0, -1.0, -1.0),
    }
    for name, pattern in patterns.items():
        terms = [*_each(named, pattern), *_times(-1, _each(others, pattern))]
        found[f"shift:{name}"] = _normal(terms, OVER_MODELS)
    return found


def _each(models: Sequence[Cells], pattern: Sequence[float]) -> list[tuple[float, Count]]:
    """Return a contrast of baseline, hint and hint + scientist, averaged over models."""
    codes = [CODES[name] for name in ("baseline", "hint", "hint_scientist")]
    return [
        (weight / len(models), cells[code])
        for cells in models
        for weight, code in zip(pattern, codes, strict=True)
        if weight
    ]


def _times(factor: float, terms: Terms) -> list[tuple[float, Count]]:
    return [(factor * weight, count) for weight, count in terms]


def _untested(found: Finding) -> Finding:
    return Finding(**{**vars(found), "p": math.nan})
