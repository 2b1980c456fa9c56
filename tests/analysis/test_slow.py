"""Whole and broken tables, estimated twice: by the analysis and by loops over plain pandas."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from analysis.episodes import Source, layout_of, validated
from analysis.estimands import CATALOGUE
from analysis.layout import ALL
from analysis.study import Study
from tests.analysis.slow import indices, slow

FACTORS = ["alpha", "beta", "gamma"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    """Episodes of one or two models, with any of the ways in which tables are incomplete."""
    k = draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tasks = [f"{'AB'[index % 2]}-{index}" for index in range(draw(st.integers(2, 6)))]
    runs, chained = draw(st.integers(1, 4)), draw(st.booleans())
    missing = draw(st.sampled_from([0.0, 0.1, 0.4]))
    absent = 0.0 if chained else draw(st.sampled_from([0.0, 0.1]))
    apart, common = draw(st.booleans()), draw(st.booleans())
    rows = []
    for model, task in itertools.product(["m", "n"][: draw(st.integers(1, 2))], tasks):
        base, slopes = rng.uniform(0, 0.5), rng.uniform(0, 0.3, k)
        for run in range(runs):
            shared = rng.uniform()
            for number, cell in enumerate(itertools.product((0, 1), repeat=k)):
                if rng.uniform() < absent:
                    continue
                rate = base + float(slopes @ np.array(cell))
                success = float((shared if common else rng.uniform()) < rate)
                if rng.uniform() < missing:
                    success = np.nan
                label = run + (100 * number if apart and not chained else 0)
                level = 1 + tasks.index(task) // 2
                chain = f"{task[0]}{run}"
                rows.append((model, task[0], level, task, label, *cell, success, chain))
    columns = ["model", "family", "level", "task", "run", *FACTORS[:k], "success", "chain"]
    frame = pd.DataFrame(rows, columns=columns)
    return (frame if chained else frame.drop(columns="chain")), FACTORS[:k]


def study(raw: pd.DataFrame, factors: list[str]) -> Study:
    checked, names = validated(raw, Source("table", str), factors)
    return Study("table", checked, layout_of(checked, names), {})


@settings(max_examples=12)
@given(tables(), st.sampled_from(["new", "fixed"]), st.data())
def test_any_table_has_the_estimates_of_plain_loops(
    table: tuple[pd.DataFrame, list[str]], target: str, data: st.DataObject
) -> None:
    compare(table, target, data, count=5)


@pytest.mark.slow
@settings(max_examples=60)
@given(tables(), st.sampled_from(["new", "fixed"]), st.data())
def test_very_many_tables_have_the_estimates_of_plain_loops(
    table: tuple[pd.DataFrame, list[str]], target: str, data: st.DataObject
) -> None:
    compare(table, target, data, count=8)


def compare(
    table: tuple[pd.DataFrame, list[str]], target: str, data: st.DataObject, *, count: int
) -> None:
    raw, factors = table
    if raw.empty:
        return
    frame = study(raw, factors).estimates(target).to_frame()
    rows = frame.set_index(["model", "estimand"])
    known = indices(factors)
    models = sorted(raw["model"].unique())
    names = data.draw(st.lists(st.sampled_from(sorted(known)), min_size=count, max_size=count))
    for name in dict.fromkeys(names):
        for model in [*models, ALL] if len(models) > 1 else models:
            chosen = models if model == ALL else [model]
            check(rows.loc[(model, name)], raw, factors, chosen, known[name], target)
    level = data.draw(st.sampled_from(sorted(raw["level"].unique())))
    part = raw[raw["level"] == level]
    row = rows.loc[(models[0], f"ame_level:{factors[0]}@L{level}")]
    if models[0] in set(part["model"]):
        check(row, part, factors, models[:1], known[f"ame:{factors[0]}"], target)


def check(
    row: pd.Series,
    raw: pd.DataFrame,
    factors: list[str],
    models: list[str],
    index: object,
    target: str,
) -> None:
    assert callable(index)
    expected = slow(raw, factors, models, index, target)
    said = (row.name, row["method"])
    held = set(raw[factors].astype(str).agg("".join, axis=1))
    if row["method"] == "a cell is not in the study":
        assert not expected.estimable, said
        assert len(held) < 2 ** len(factors) or len(models) > 1, said
        return
    assert (row["status"] == "") == expected.estimable, said
    assert (row["n_episodes"], row["n_missing"]) == (expected.n, expected.missing), said
    bounds = [row["manski_low"], row["manski_high"]]
    assert bounds == pytest.approx(list(expected.manski), abs=1e-9, nan_ok=True), said
    if not expected.estimable:
        assert np.isnan(row["estimate"])
        return
    assert row["estimate"] == pytest.approx(expected.estimate, abs=1e-9), said
    if expected.half == 0:
        event("no variance")
        assert "on counts" in row["method"], said
        assert row["ci_high"] > row["ci_low"], said
    elif np.isnan(expected.half):
        event("no interval, or seeds taken as independent")
        assert np.isnan(row["ci_low"]) or "taken as independent" in row["method"], said
    else:
        event("an interval")
        entry = CATALOGUE[row.name[1].split(":")[0]]
        limits = [expected.estimate - expected.half, expected.estimate + expected.half]
        if entry.kind == "cell" and not 0 <= limits[0] <= limits[1] <= 1:
            limits = wilson(expected.estimate, expected.half)
        cut = np.clip(limits, entry.low, entry.high)
        assert [row["ci_low"], row["ci_high"]] == pytest.approx(cut, abs=1e-6), said


def wilson(p: float, half: float) -> list[float]:
    """Wilson's limits for the standard error behind ``half``: they need no more than this."""
    share = half**2 / (p * (1 - p))
    root = np.sqrt(share * p * (1 - p) + share**2 / 4)
    return [(p + share / 2 - root) / (1 + share), (p + share / 2 + root) / (1 + share)]
