"""What holds of every estimate of any table: ranges, intervals, p values, reasons."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.episodes import Source, layout_of, validated
from analysis.estimands import CATALOGUE, row_of
from analysis.estimands.explained import explained
from analysis.estimands.page import COMMAND, page
from analysis.layout import CAPACITIES, INTERVENTIONS, SHAM
from analysis.study import Study
from diagnose.cli.main import main
from diagnose.errors import InputError
from tests.analysis.studies import CODES, by_name, study, table

A = "gap_hints"
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


def keeps_the_rules(drawn: tuple[pd.DataFrame, tuple[str, ...]], target: str) -> None:
    frame = a_study(*drawn).estimates(target).frame
    columns = ["model", "estimand", "estimate", "ci_low", "ci_high", "p", "method", "status"]
    for rule, broken in faults(frame).items():
        assert not broken.any(), f"{rule}: {frame.loc[broken, columns].head().to_dict('records')}"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["new", "fixed"]))
def test_every_estimate_of_any_table_keeps_the_rules(
    drawn: tuple[pd.DataFrame, tuple[str, ...]], target: str
) -> None:
    keeps_the_rules(drawn, target)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["new", "fixed"]))
def test_every_estimate_of_many_tables_keeps_the_rules(
    drawn: tuple[pd.DataFrame, tuple[str, ...]], target: str
) -> None:
    keeps_the_rules(drawn, target)


def test_the_rules_are_not_kept_by_anything() -> None:
    # What the property tests would let through if a rule were written wrong.
    good = study(table(lambda _t, cell: 0.2 + 0.2 * cell[0], runs=2)).estimates().frame
    at = good.index[good["estimand"] == "ame:gap_hints"][0]
    breaks = {
        "blank just where not estimable": {"estimate": np.nan},
        "in range": {"estimate": 1.5},
        "limits around the estimate": {"ci_high": -0.9, "ci_low": -1.0},
        "width": {"ci_low": 0.2, "ci_high": 0.2},
        "two limits or none": {"ci_low": np.nan},
        "a reason for no interval": {"ci_low": np.nan, "ci_high": np.nan},
        "p a probability": {"p": 1.2},
        "a status of the interface": {"status": "maybe"},
        "a method": {"method": ""},
    }
    assert not any(broken.any() for broken in faults(good).values())
    for rule, values in breaks.items():
        bad = good.copy()
        for column, value in values.items():
            bad.loc[at, column] = value
        assert faults(bad)[rule].sum() == 1, rule


def test_every_name_of_the_interface_is_there() -> None:
    raw = table(lambda _t, cell: 0.2 + 0.1 * sum(cell), codes=[*CODES, "9000", "2000"])
    raw[f"used_{A}"] = np.where(raw[A] == 1, raw["run"] % 2, 0)
    both = pd.concat([raw, raw.assign(model="n", success=1 - raw["success"])], ignore_index=True)
    frame = study(both).estimates("new").frame
    names = set(frame["estimand"])
    b = "knowledge_notes"
    assert {
        "cell:0110", f"ame:{A}", f"ame_level:{A}@L3", f"shapley:{A}", f"seq:{A}", "seq:residual",
        f"add1:{A}", f"loo:{A}", f"ratio:{A}", f"int:{A}*{b}", f"sii:{A}*{b}", f"ksii2:{A}",
        f"ksii2:{A}*{b}", f"fsii2:{A}", f"fsii2:{A}*{b}", f"stii2:{A}", f"stii2:{A}*{b}",
        f"moebius:{A}*{b}", f"mlogor:{A}", "pass@8:1111", "pass^8:1111", f"itt:{A}",
        f"uptake:{A}", f"cace:{A}", "residual:1110", f"ame_family:{A}@A", f"placebo:{A}",
        f"dose:{A}", f"mcnemar:{A}", f"cmh:{A}", f"clogit:{A}", f"gee:{A}", f"fieller:{A}/{b}",
        f"tau:{A}", f"i2:{A}", f"as_treated:{A}", f"per_protocol:{A}",
    } <= names  # fmt: skip
    across = frame["estimand"].str.match("tau:|i2:")
    assert set(frame.loc[across, "model"]) == {"ALL"}
    # A family is a kind over all models and interventions; no rate of a cell is in one.
    kinds = frame["estimand"].str.partition(":")[0]
    for kind in ("gee", "clogit", "mcnemar", "cmh", "fieller", "tau"):
        own = frame[(kinds == kind) & frame["p"].notna()]
        expected = multipletests(own["p"], method="holm")[1]
        assert own["p_holm"].to_numpy(float) == pytest.approx(expected, abs=1e-12)
    rates = kinds.str.match("cell|residual|pass|cell_level")
    assert frame.loc[rates, ["p", "p_holm", "p_bh"]].isna().all(axis=None)
    assert (frame["target"] == "new").all()
    fitted = kinds.isin(["gee", "clogit", "cmh"]) & frame["estimate"].notna()
    assert (frame.loc[fitted, "status"] == "model_based").all()


@pytest.mark.parametrize("target", ["new", "fixed"])
@pytest.mark.parametrize("outcome", [0, 1])
def test_a_study_that_always_fails_or_passes_has_an_interval_or_a_reason(
    target: str, outcome: int
) -> None:
    frame = study(table(lambda _t, _c: float(outcome), runs=2)).estimates(target).frame
    own = by_name(frame)
    assert not any(broken.any() for broken in faults(frame).values())
    cell, gee = own.loc["cell:0000"], own.loc[f"gee:{A}"]
    assert cell["method"].startswith("Wilson on counts")
    assert abs(cell["ci_high"] - cell["ci_low"]) == pytest.approx(
        1.959964**2 / (50 + 1.959964**2), abs=1e-6
    )  # Wilson at 0 of 50
    assert gee["estimate"] == pytest.approx(0, abs=1e-9)
    assert gee["method"].startswith("Firth")
    assert own.loc[f"mcnemar:{A}", "p"] == 1
    for kind in ("mlogor", "clogit", "cmh"):
        assert own.loc[f"{kind}:{A}", "status"] == "not_estimable"


def test_one_task_has_no_interval_for_new_tasks_and_one_for_these() -> None:
    raw = table(lambda _t, cell: 0.2 + 0.2 * cell[0], tasks=["A-L1"], runs=20, common=False)
    for kind in ("ame", "gee", "mcnemar", "cmh", "clogit"):
        new, fixed = (
            by_name(study(raw).estimates(target).frame).loc[f"{kind}:{A}"]
            for target in ("new", "fixed")
        )
        assert np.isnan(new["ci_low"])
        assert "one task or cluster: no interval for new tasks" in new["method"]
        assert fixed["ci_low"] < fixed["estimate"] < fixed["ci_high"]
        assert new["estimate"] == fixed["estimate"]


def test_explained_is_the_row_and_the_study_s_numbers() -> None:
    found = study(table(lambda _t, cell: 0.2 + 0.2 * cell[0], runs=2)).estimates("new")
    text = found.explain("shapley:gap_hints")
    row = CATALOGUE["shapley"]
    plain = " ".join(text.split())
    for part in (row.formula, row.source, row.valid_when, row.interval, row.unit):
        assert part in plain
    own = by_name(found.frame).loc["shapley:gap_hints"]
    assert f"{own['estimate']:.4f}" in text
    assert f"[{own['ci_low']:.4f}, {own['ci_high']:.4f}]" in text
    assert f"method: {own['method']}" in text
    assert all(name in found.explain("shapley") for name in INTERVENTIONS)
    assert "did you mean" not in explained("pass@8:1111")
    assert max(map(len, explained("gee").splitlines())) <= 100


@pytest.mark.parametrize(
    ("name", "near"),
    [("shaply", "shapley"), ("shapley:gap_hint", "shapley:gap_hints"), ("fsi:gap_hints", "fsii2")],
)
def test_an_unknown_estimand_is_refused_with_those_nearest(name: str, near: str) -> None:
    found = study(table(lambda _t, cell: 0.2 + 0.2 * cell[0], runs=2)).estimates("new")
    for ask in (explained, found.explain):
        with pytest.raises(InputError, match=f"did you mean .*{near}"):
            ask(name)
    with pytest.raises(InputError, match="choose a kind: cell,"):
        explained("zzzzzz")
    with pytest.raises(InputError, match="tau"):  # no rows of ALL in a study of one model
        found.explain("tau")


def test_the_page_of_estimands_is_the_catalogue_s() -> None:
    committed = (Path(__file__).parents[2] / "docs" / "estimands.md").read_text(encoding="utf-8")
    assert committed == page(), f"write it anew: {COMMAND}"
    assert all(f"## `{row.pattern}`" in committed for row in CATALOGUE.values())


def test_the_command_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "t.csv"
    table(lambda _t, cell: 0.2 + 0.2 * cell[0], runs=2).to_csv(source, index=False)
    assert main(["analyze", "--explain", "gee:gap_hints"]) == 0
    alone = capsys.readouterr().out
    assert main(["analyze", str(source), "--explain", "gee:gap_hints", "--target", "fixed"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(alone.rstrip())
    assert "In this study, for these tasks, new runs:" in told
    assert main(["analyze", "--explain", "gee:gap_hint"]) == 2
    assert "did you mean gee:gap_hints" in capsys.readouterr().err
    assert main(["analyze"]) == 2
    assert "name a study folder, a table or paper" in capsys.readouterr().err
    assert main(["analyze", str(source), "--explain", "gee", "--out", "x.csv"]) == 2
    assert main(["analyze", "paper", "--explain", "seq:gap_hints"]) == 0
    assert "gemini-3-pro" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_a_chained_table_of_shams_alone_is_answered(target: str) -> None:
    """Found at random: no cell of doses 0 and 1 at all, in chains."""
    rows = [("m", "A", 1, "t", run, 9, 0.0, f"chain{run}") for run in (0, 1)]
    columns = ["model", "family", "level", "task", "run", "gap_hints", "success", "chain"]
    frame = Study.load(pd.DataFrame(rows, columns=columns), ["gap_hints"]).estimates(target).frame
    by = frame.set_index("estimand")["status"]
    assert by["cell:9"] == ""
    assert by["shapley:gap_hints"] == "not_estimable"
