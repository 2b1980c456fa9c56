"""Shapley's axioms, of the estimates themselves: through tables, missing episodes and all."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.episodes import Source, layout_of, validated
from analysis.layout import ALL, INTERVENTIONS
from analysis.study import Study
from tests.analysis.studies import by_name, study

CELLS = list(itertools.product((0, 1), repeat=4))
TASKS = ["A-L1", "B-L1", "C-L3"]
COLUMNS = ["model", "family", "level", "task", "run", *INTERVENTIONS, "success"]
EFFICIENT = ("shapley", "stii2", "ksii2", "fsii2", "moebius")
SEEDS = st.integers(0, 2**32 - 1)


def table(seed: int, model: str = "m") -> pd.DataFrame:
    """Unequal runs, a third of them not observed, though one of every cell and task."""
    rng = np.random.default_rng(seed)
    rows = []
    for task, cell in itertools.product(TASKS, CELLS):
        rate = rng.uniform()
        for run in range(int(rng.integers(1, 5))):
            success = float(rng.uniform() < rate)
            if run and rng.uniform() < 1 / 3:
                success = np.nan
            rows.append((model, task[0], int(task[3:]), task, run, *cell, success))
    return pd.DataFrame(rows, columns=COLUMNS)


def estimates(raw: pd.DataFrame, model: str = "m", target: str = "new") -> pd.Series:
    return by_name(study(raw).estimates(target).to_frame(), model)["estimate"]


@settings(max_examples=6)
@given(SEEDS, st.sampled_from(["new", "fixed"]))
def test_efficiency_the_values_sum_to_full_minus_baseline(seed: int, target: str) -> None:
    got = estimates(table(seed), target=target)
    whole = got["cell:1111"] - got["cell:0000"]
    for kind in EFFICIENT:
        parts = got[got.index.str.startswith(f"{kind}:")]
        assert parts.sum() == pytest.approx(whole, abs=1e-9), kind
    gaps = got[[f"seq:{name}" for name in INTERVENTIONS]].sum()
    assert gaps == pytest.approx(whole, abs=1e-9)
    assert gaps + got["seq:residual"] + got["cell:0000"] == pytest.approx(1, abs=1e-9)


@settings(max_examples=6)
@given(SEEDS, st.permutations(INTERVENTIONS))
def test_symmetry_swapped_columns_swap_their_values(seed: int, order: list[str]) -> None:
    raw = table(seed)
    renamed = dict(zip(INTERVENTIONS, order, strict=True))
    one, other = estimates(raw), estimates(raw.rename(columns=renamed))
    for kind in ("shapley", "ame", "add1", "loo", "stii2", "ksii2", "fsii2"):
        for name, new in renamed.items():
            assert one[f"{kind}:{name}"] == pytest.approx(other[f"{kind}:{new}"], abs=1e-9)
    for a, b in itertools.combinations(INTERVENTIONS, 2):
        moved = "*".join(sorted((renamed[a], renamed[b]), key=INTERVENTIONS.index))
        for kind in ("int", "sii", "stii2", "ksii2", "fsii2", "moebius"):
            assert one[f"{kind}:{a}*{b}"] == pytest.approx(other[f"{kind}:{moved}"], abs=1e-9)


@settings(max_examples=6)
@given(SEEDS, st.sampled_from(INTERVENTIONS), st.sampled_from(["new", "fixed"]))
def test_null_player_an_intervention_that_changes_no_episode_has_no_value(
    seed: int, idle: str, target: str
) -> None:
    raw = table(seed)
    off = raw[raw[idle] == 0]
    raw = pd.concat([off, off.assign(**{idle: 1})])  # with it on, every episode ends the same
    frame = by_name(study(raw).estimates(target).to_frame())
    others = [name for name in INTERVENTIONS if name != idle]
    zero = [f"{kind}:{idle}" for kind in ("shapley", "ame", "add1", "loo", "seq", "ksii2")]
    for other in others:
        pair = "*".join(sorted((idle, other), key=INTERVENTIONS.index))
        zero += [f"{kind}:{pair}" for kind in ("int", "sii", "stii2", "ksii2", "fsii2", "moebius")]
    for name in zero:
        assert frame.loc[name, "estimate"] == pytest.approx(0, abs=1e-12), name
        assert frame.loc[name, "ci_low"] <= 1e-12 <= frame.loc[name, "ci_high"] + 2e-12, name
        assert not frame.loc[name, "p"] < 0.999, name
    # What the others get is what they get in a study without it.
    checked, names = validated(off.drop(columns=idle), Source("table", str), others)
    fewer = Study("table", checked, layout_of(checked, names), {})
    alone = by_name(fewer.estimates(target).to_frame())
    for other in others:
        for kind in ("shapley", "ame"):
            value = alone.loc[f"{kind}:{other}", "estimate"]
            assert frame.loc[f"{kind}:{other}", "estimate"] == pytest.approx(value, abs=1e-9)


@settings(max_examples=6)
@given(SEEDS, SEEDS)
def test_additivity_the_value_of_a_sum_of_games_is_the_sum_of_the_values(
    one: int, other: int
) -> None:
    both = study(pd.concat([table(one, "m"), table(other, "n")])).estimates("new").to_frame()
    mean, first, second = (by_name(both, model)["estimate"] for model in (ALL, "m", "n"))
    halves = (first + second) / 2
    linear = [
        name
        for name in mean.index
        if name.split(":")[0]
        in {
            "cell",
            "shapley",
            "ame",
            "seq",
            "add1",
            "loo",
            "int",
            "sii",
            "stii2",
            "ksii2",
            "fsii2",
            "moebius",
        }
    ]
    assert len(linear) > 80
    for name in linear:
        assert mean[name] == pytest.approx(halves[name], abs=1e-12), name
