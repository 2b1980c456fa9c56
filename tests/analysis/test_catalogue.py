"""What holds of every estimate of any table: ranges, intervals, p values, reasons."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.episodes import Source, layout_of, validated
from analysis.estimands import row_of
from analysis.layout import CAPACITIES, INTERVENTIONS, SHAM
from analysis.study import Study

FACTORS = (*INTERVENTIONS, "extra")
RATES = {"all fail": 0.0, "all pass": 1.0, "coin": 0.5, "rare": 0.05, "by task": None}


@st.composite
def tables(draw: Any) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Small tables of any shape: factors, models, holes, cells never run, chains, doses, use."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factors = FACTORS[: draw(st.integers(1, 5))]
    models, tasks, runs = (draw(st.integers(1, most)) for most in (3, 4, 4))
    doses = draw(st.sampled_from([(0, 1), (0, 1), (0, 1), (0, 1, SHAM), (0, 1, 2)]))
    cells = [tuple(map(int, f"{cell:0{len(factors)}b}")) for cell in range(2 ** len(factors))]
    cells += [(dose, *cell[1:]) for cell in cells if cell[0] == 1 for dose in doses[2:]]
    held = draw(st.sampled_from(["all", "all", "half", "some", "one at a time"]))
    if held == "half":
        cells = [cell for cell in cells if sum(cell) % 2 == 0]
    elif held == "some":
        cells = [cell for cell in cells if rng.uniform() < 0.6] or cells
    elif held == "one at a time":
        cells = [cell for cell in cells if sum(cell) <= 1]
    rows = [
        (f"m{model}", "AB"[task % 2], 1 + task // 2, f"t{task}", run, *cell)
        for model in range(models)
        for task in range(tasks)
        for run in range(runs)
        for cell in cells
    ]
    raw = pd.DataFrame(rows, columns=["model", "family", "level", "task", "run", *factors])
    p = RATES[draw(st.sampled_from(sorted(RATES)))]
    easy = raw["task"].isin(["t0", "t2"]).to_numpy(float)
    raw["success"] = easy if p is None else (rng.uniform(size=len(raw)) < p).astype(float)
    if draw(st.booleans()):  # one level of the first factor never succeeds
        raw.loc[raw[factors[0]] == 0, "success"] = 0.0
    if draw(st.booleans()):
        used = (rng.uniform(size=len(raw)) < 0.7) & (raw[factors[0]] > 0)
        raw[f"used_{factors[0]}"] = used.astype(float)
    if draw(st.booleans()):
        code = raw[list(factors)].astype(str).agg("".join, axis=1)
        raw["chain"] = raw["model"] + raw["family"] + raw["run"].astype(str) + code
    if draw(st.booleans()):  # every cell has seeds of its own
        raw["run"] += 10 * raw.groupby(list(factors)).ngroup()
    lost = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
    raw.loc[rng.uniform(size=len(raw)) < lost, "success"] = np.nan
    kept = raw[rng.uniform(size=len(raw)) >= draw(st.sampled_from([0.0, 0.0, 0.3]))]
    return (kept if len(kept) else raw).reset_index(drop=True), factors


def a_study(raw: pd.DataFrame, factors: tuple[str, ...]) -> Study:
    checked, names = validated(raw, Source("table", lambda row: f"row {row}"), factors)
    capacities = CAPACITIES | {"extra": "extra"}
    return Study("table", checked, layout_of(checked, names), capacities)


def faults(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Which rows break which rule."""
    row = [row_of(name) for name in frame["estimand"]]
    low, high = (np.array([getattr(one, side) for one in row]) for side in ("low", "high"))
    estimate, ci_low, ci_high, p = (
        frame[name].to_numpy(float) for name in ("estimate", "ci_low", "ci_high", "p")
    )
    blank, no_interval = np.isnan(estimate), np.isnan(ci_low)
    lost = (frame["status"] == "not_estimable").to_numpy()
    reason = frame["method"].str.contains("no interval").to_numpy()
    with np.errstate(invalid="ignore"):
        return {
            "blank just where not estimable": blank != lost,
            "a status of the interface": ~frame["status"]
            .isin(["", "not_estimable", "model_based"])
            .to_numpy(),
            "in range": ~blank & ((estimate < low - 1e-9) | (estimate > high + 1e-9)),
            "finite": np.isinf(estimate),
            "two limits or none": no_interval != np.isnan(ci_high),
            "no limits without an estimate": blank & ~no_interval,
            "limits around the estimate": ~no_interval
            & ((ci_low > estimate + 1e-9) | (ci_high < estimate - 1e-9)),
            "width": ~no_interval & (ci_high - ci_low < 1e-9),
            "limits in range": ~no_interval & ((ci_low < low) | (ci_high > high)),
            "a reason for no interval": ~blank & no_interval & ~reason,
            "a method": (frame["method"] == "").to_numpy(),
            "p a probability": ~np.isnan(p) & ((p < 0) | (p > 1)),
            "no p without an estimate": blank & ~np.isnan(p),
            "no huge log odds": np.isin([one.unit for one in row], ["log odds"])
            & ~blank
            & (np.abs(estimate) > 15),
        }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["new", "fixed"]))
def test_every_estimate_of_any_table_keeps_the_rules(
    drawn: tuple[pd.DataFrame, tuple[str, ...]], target: str
) -> None:
    frame = a_study(*drawn).estimates(target).frame
    columns = ["model", "estimand", "estimate", "ci_low", "ci_high", "p", "method", "status"]
    for rule, broken in faults(frame).items():
        assert not broken.any(), f"{rule}: {frame.loc[broken, columns].head().to_dict('records')}"
