"""One rule, and the headline claims it is applied to.

A claim says that something differs from a null value (no effect, an equal size), and may state how
large it is; or it states a level of success and denies nothing. The rule, ``judged``:

- noise: the data do not tell it from its null, p >= 0.05;
- survives: after Holm p < 0.05, and if the claim states a size, its interval holds that size and
  keeps at least half of it: even at the interval's weaker end half of what was claimed is there;
- fragile: told from its null, but not after Holm, or with less than half of its size certain.

A stated level has no null: it survives if the interval holds it and lies within half of it and
twice it, is fragile if the interval holds it but is wider, and noise if the interval excludes it.
Half is a convention, stated here and nowhere else: whoever plans on a result wants at least its
order of size. A claim about each of several models is as strong as its weakest.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from analysis.published.claims import Claim
from analysis.published.tables import Rows, limits, of_models, p_value, percent, ratio
from analysis.report.table import Table

Verdict = Literal["survives", "fragile", "noise"]
ORDER: tuple[Verdict, ...] = ("survives", "fragile", "noise")
ALPHA = 0.05
KEPT = 0.5  # of a stated size, at the weaker end of the interval
RULE = (
    "Noise: p >= 0.05. Survives: Holm p < 0.05 and the interval holds the stated size, if one is "
    "stated, and keeps half of it at its weaker end; a stated level: the interval holds it within "
    "half and twice. Fragile: between. A claim about each model is as strong as its weakest."
)


def judged(
    p: float,
    p_holm: float,
    interval: tuple[float, float],
    null: float | None = 0.0,
    size: float | None = None,
) -> Verdict:
    """Apply the rule.

    Args:
        p: two-sided, against ``null``; ignored without one.
        p_holm: the same, adjusted.
        interval: 95 % limits.
        null: what the claim denies; None = it states a level.
        size: what the claim states; None = only on which side of ``null``.
    """
    low, high = interval
    held = size is None or low <= size <= high
    if null is None:
        if size is None or not held:
            return "noise"
        return "survives" if low >= KEPT * size and high <= size / KEPT else "fragile"
    if not p < ALPHA:
        return "noise"
    sign = 1.0 if size is None or size >= null else -1.0
    weaker = low if sign > 0 else high
    kept = size is None or sign * (weaker - null) >= KEPT * abs(size - null)
    return "survives" if p_holm < ALPHA and held and kept else "fragile"


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict. Estimate and limits in proportions, or as a ratio."""

    claim: Claim
    verdict: Verdict
    model: str  # whose estimate it is: of several the weakest
    row: Mapping[str, Any]  # the estimate
    p: float
    p_holm: float
    sentence: str

    def figures(self) -> list[str]:
        """Return estimate, interval, p and p after Holm as text."""
        if self.claim.unit == "x":
            own = [ratio(self.row), limits(self.row, 1, 2)]
        else:
            digits = 2 if self.claim.estimand.startswith("shapley:") else 1
            own = [f"{percent(self.row, digits)} {self.claim.unit}", limits(self.row)]
        return [*own, p_value(self.p), p_value(self.p_holm)]


def verdicts(frame: pd.DataFrame, claims: Sequence[Claim]) -> list[Judged]:
    """Return every claim that the estimates speak to, with its verdict."""
    rows = dict(of_models(frame))
    found = []
    for claim in claims:
        tested = [
            one
            for model in claim.models
            if (one := _judge(claim, model, rows.get(model, {}))) is not None
        ]
        if tested:
            found.append(_weakest(claim, tested))
    return found


def _judge(claim: Claim, model: str, rows: Rows) -> Judged | None:
    row, test = rows.get(claim.estimand), rows.get(claim.tested or claim.estimand)
    if row is None or test is None or math.isnan(row["ci_low"]):
        return None
    p, p_holm = (math.nan, math.nan) if claim.null is None else (test["p"], test["p_holm"])
    if claim.null is not None and math.isnan(p):
        return None
    verdict = judged(p, p_holm, (row["ci_low"], row["ci_high"]), claim.null, claim.size)
    return Judged(claim, verdict, model, row, p, p_holm, "")


def _weakest(claim: Claim, tested: Sequence[Judged]) -> Judged:
    """Return the one that the claim is weakest for, with the sentence about all of them."""

    def strength(one: Judged) -> tuple[float, ...]:
        if claim.null is None:
            away = abs(one.row["estimate"] - (claim.size or 0.0))
            return (-ORDER.index(one.verdict), -away)
        return (-one.p, one.row["estimate"])

    weakest = min(tested, key=strength)
    estimate, interval, *_ = weakest.figures()
    low, _, high = interval.strip("[]").partition(", ")
    sentence = claim.said.format(
        n=len(tested),
        holm=sum(one.p_holm < ALPHA for one in tested),
        raw=sum(one.p < ALPHA for one in tested),
        weakest=weakest.model,
        estimate=estimate,
        low=low,
        high=high,
        method=weakest.row["method"],
    )
    if math.isinf(weakest.row["ci_low"]):
        sentence = "Unbounded: what it is divided by cannot be told from zero."
    return replace(weakest, sentence=sentence)


def verdict_table(found: Sequence[Judged], note: str) -> Table:
    """Return the verdicts as a table."""
    head = ["verdict", "claim", "in a sentence", "as published", "estimate", "95 %", "p", "p Holm"]
    body = [
        [one.verdict, one.claim.claim, one.sentence, one.claim.published, *one.figures()]
        for one in found
    ]
    return Table("verdicts", "What survives", head, body, f"{RULE} {note}".strip(), names=4)


def verdict_lines(found: Sequence[Judged], width: int) -> list[str]:
    """Return the verdicts for a terminal: a line of figures each, the sentence below it."""
    lines = []
    for one in found:
        estimate, interval, p, p_holm = one.figures()
        p = "" if p == "–" else f"  p {p if p[0] == '<' else '= ' + p}, Holm {p_holm}"
        stated = f"  (published: {one.claim.published})" if one.claim.published else ""
        lines += [f"{one.verdict:<8}  {one.claim.claim}{stated}"]
        lines += [f"          {estimate} {interval}{p}"]
        lines += textwrap.wrap(
            one.sentence, width, initial_indent=" " * 10, subsequent_indent=" " * 10
        )
    return lines
