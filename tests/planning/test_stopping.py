"""The rule and the analysis after it: against the analysis itself, and by simulation."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from analysis.layout import INTERVENTIONS
from analysis.planning.boundaries import RULES, boundary, equal
from analysis.planning.designs import Cells
from analysis.planning.stopped import read
from analysis.planning.stopping import group_sequential
from analysis.study import Study
from diagnose.errors import InputError
from diagnose.stopping import Outcome
from tests.analysis.studies import CODES, study, table

FULL = Cells(INTERVENTIONS, tuple(CODES))
PLAIN = {"rule": "pocock", "scope": "study", "estimand": "ame:gap_hints", "every": 2,
         "alpha": 0.05, "target": "new"}  # fmt: skip


def outcomes(raw: pd.DataFrame, runs: int) -> list[Outcome]:
    codes = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    rows = zip(raw["task"], raw["run"], codes, raw["success"], strict=True)
    return [Outcome(t, r, c, None if pd.isna(s) else bool(s)) for t, r, c, s in rows if r < runs]


def slopes(task: str, cell: tuple[int, ...]) -> float:
    return 0.3 + 0.3 * cell[0] * (task[0] != "A") + 0.1 * cell[1]


@pytest.mark.parametrize("target", ["new", "fixed"])
@pytest.mark.parametrize("missing", [False, True])
def test_a_look_is_the_analysis_of_what_is_there(target, missing):
    raw = table(slopes, seed=3)
    if missing:
        raw["success"] = raw["success"].astype(float)
        raw.loc[(raw["task"] == "B-L2") & (raw["run"] < 4) & (raw["gap_hints"] == 1), "success"] = (
            np.nan
        )
    made = group_sequential(FULL, 8, **{**PLAIN, "target": target})
    assert made.looks == (2, 4, 6, 8)
    for number, runs in enumerate(made.looks, 1):
        own = raw[raw["run"] < runs]
        seen = own[own["success"].notna()]
        complete = seen.groupby("task")["gap_hints"].nunique() == 2
        kept = own[own["task"].map(complete)] if runs < 5 else own
        frame = study(kept).estimates(target).frame.set_index("estimand")
        row = frame.loc["ame:gap_hints"]
        decided = made.look(number, outcomes(raw, runs)[::-1], frozenset(CODES))
        fact = decided.facts["ame:gap_hints"]
        assert fact["estimate"] == pytest.approx(row["estimate"])
        half = t.ppf(0.975, fact["df"]) * fact["se"]
        assert row["ci_high"] - row["estimate"] == pytest.approx(half)
        assert 2 * norm.sf(abs(fact["z"])) == pytest.approx(row["p"], rel=1e-6)
        crossed = abs(fact["z"]) >= boundary("pocock", equal(4)).critical[number - 1]
        assert decided.stopped == (tuple(sorted(CODES)) if crossed else ())
        assert ("the study stops" in decided.said) == (crossed and number < 4)


def test_without_spread_or_data_nothing_is_decided():
    raw = table(lambda _task, _cell: 0.0)
    made = group_sequential(FULL, 8, **PLAIN)
    assert made.look(1, outcomes(raw, 2), frozenset(CODES)).stopped == ()
    none = made.look(1, [], frozenset(CODES))
    assert none.stopped == ()
    assert "not estimable" in none.said
    json.dumps(dict(none.facts), allow_nan=False)


def test_cells_share_alpha_and_the_last_takes_the_study_with_it():
    made = group_sequential(FULL, 8, **{**PLAIN, "scope": "cell", "estimand": None})
    assert made.boundary.alpha == pytest.approx(0.05 / 15)
    assert made.boundary.power(0.0) == pytest.approx(0.05 / 15)
    raw = table(lambda _task, cell: 0.9 if any(cell) else 0.05, common=False)
    decided = made.look(1, outcomes(raw, 2), frozenset(CODES))
    assert decided.stopped == tuple(sorted(CODES))
    half = table(lambda _task, cell: 0.9 if cell[0] else 0.05, common=False)
    decided = made.look(1, outcomes(half, 2), frozenset(CODES))
    assert set(decided.stopped) == {code for code in CODES if code[0] == "1"}
    later = made.look(2, outcomes(half, 4), frozenset(CODES) - set(decided.stopped))
    assert set(later.facts) == {f"cell:{c}-0000" for c in CODES if c[0] == "0" and c != "0000"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": "pocok"}, "stop.rule"),
        ({"alpha": 1.5}, "stop.alpha"),
        ({"alpha": "x"}, "stop.alpha"),
        ({"every": 8}, "stop.every"),
        ({"every": 1, "target": "fixed"}, "stop.every"),
        ({"estimand": None}, "stop.estimand"),
        ({"estimand": "ame:hints"}, "these cells allow"),
        ({"scope": "cell"}, "stop.estimand"),
    ],
)
def test_what_cannot_be_declared_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        group_sequential(FULL, 8, **{**PLAIN, **changes})


def test_cells_need_one_to_be_compared_with():
    half = Cells(("a", "b"), ("01", "10"))
    with pytest.raises(InputError, match="lacks"):
        group_sequential(half, 8, **{**PLAIN, "scope": "cell", "estimand": None})


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_looks_keep_the_type_one_error_and_repeated_intervals_cover(rule, spread):
    """2,000 studies of two cells, 25 tasks, 8 runs, no mean effect; tasks' effects +-spread.

    Peeking at 0.05 would err 2 to 4 times as often.
    """
    made = group_sequential(
        Cells(("a",), ("0", "1")), 8, **{**PLAIN, "rule": rule, "estimand": "ame:a", "every": 1}
    )
    draw = np.random.default_rng(8)
    studies, tasks = 2000, 25
    slope = draw.choice([-spread, spread], (studies, 1, tasks, 1))
    rates = np.concatenate([0.4 - slope / 2, 0.4 + slope / 2], axis=1)
    y = draw.random((studies, 2, tasks, 8)) < rates
    crossed = np.zeros(studies, bool)
    peeked = np.zeros(studies, bool)
    missed = np.zeros(studies, bool)
    for look in range(8):
        d = y[:, 1, :, : look + 1].mean(axis=2) - y[:, 0, :, : look + 1].mean(axis=2)
        se = d.std(axis=1, ddof=1) / math.sqrt(tasks)
        mean = np.abs(d.mean(axis=1))
        missed |= mean > made.boundary.at(look, 24) * se
        peeked |= mean > t.ppf(0.975, 24) * se
        for one in range(40):  # the rule itself, on some
            if look == 3:
                seen = [
                    Outcome(f"t{task:02}", r, str(c), bool(y[one, c, task, r]))
                    for c in (0, 1) for task in range(tasks) for r in range(4)
                ]  # fmt: skip
                decided = made.look(4, seen, frozenset("01"))
                assert bool(decided.stopped) == (mean[one] > made.boundary.at(3, 24) * se[one])
        crossed |= mean > made.boundary.at(look, 24) * se
    error = math.sqrt(0.05 * 0.95 / studies)
    assert crossed.mean() < 0.05 + 3 * error
    assert missed.mean() < 0.05 + 3 * error  # the truth is 0: the intervals of all looks hold it
    assert peeked.mean() > 2 * crossed.mean()


def stopped_folder(tmp_path, monkeypatch, capsys, *overrides: str):
    from diagnose.cli.main import main

    monkeypatch.chdir(tmp_path)
    tasks = "study.tasks=[A-L1,A-L2,B-L1,C-L1,C-L2,D-L1,E-L1,E-L2]"
    code = main(["run", tasks, "study.folder=s", "run.workers=2", *overrides])
    told = capsys.readouterr()
    assert code == 0, told.err
    (folder,) = (tmp_path / "s").iterdir()
    return folder, told


@pytest.mark.slow
def test_a_stopped_study_says_so_and_widens_its_interval(tmp_path, monkeypatch, capsys):
    folder, told = stopped_folder(
        tmp_path, monkeypatch, capsys,
        "study.stop.rule=obrien_fleming", "study.stop.estimand=shapley:gap_hints",
    )  # fmt: skip
    lines = (folder / "looks.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert 0 < len(lines) < 4
    said = " ".join(told.out.split())
    assert f"the study stopped at look {len(lines)} ({last['runs']} runs, z" in said
    assert f"{last['not_run']:,} planned episodes were not run because of that" in said
    assert "UNFINISHED" not in said
    assert "the study stops" in told.err
    made = Study.load(folder)
    assert made.planned == len(made.episodes) == 16 * 8 * last["runs"]
    row = made.estimates().frame.set_index("estimand").loc["shapley:gap_hints"]
    fact = last["facts"]["shapley:gap_hints"]
    reach = t.isf(norm.sf(fact["critical"]), fact["df"]) * fact["se"]
    assert row["estimate"] == pytest.approx(fact["estimate"])
    assert row["ci_low"] == pytest.approx(row["estimate"] - reach)
    assert row["ci_low"] > 0  # it was stopped because zero was excluded
    assert row["p"] < 0.05
    assert f"repeated interval at look {len(lines)} of 4" in row["method"]
    plain = made.estimates().frame.set_index("estimand").loc["shapley:solution_sketches"]
    assert "repeated" not in plain["method"]


def files(folder, declared, looks=""):
    header = {"factors": [{"name": "a", "levels": [0, 1]}], "episodes": 4, "stop": declared}
    (folder / "study.json").write_text(json.dumps(header))
    (folder / "looks.jsonl").write_text(looks)


DECLARED = {
    "rule": "pocock", "scope": "study", "estimands": {"": "ame:a"}, "alpha": 0.05,
    "target": "new", "looks": [1, 2], "critical": [2.178, 2.178],
}  # fmt: skip


def test_what_is_declared_is_read_back(tmp_path):
    look = {"number": 1, "runs": 1, "stopped": [], "said": "", "not_run": 0,
            "facts": {"ame:a": {"z": None, "critical": 2.178}}}  # fmt: skip
    files(tmp_path, DECLARED, json.dumps(look) + "\n" + '{"torn')
    found = read(tmp_path)
    assert found.boundary.critical == (2.178, 2.178)
    assert found.boundary.fractions == (0.5, 1.0)
    assert found.not_run == 0
    assert "1 of 2 taken, nothing stopped early" in found.said
    files(tmp_path, None)
    assert read(tmp_path) is None
    assert read(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("declared", "looks"),
    [
        ([], ""),
        ({**DECLARED, "looks": []}, ""),
        ({**DECLARED, "critical": [2.0]}, ""),
        ({**DECLARED, "estimands": {}}, ""),
        (DECLARED, "{}\n"),
        (DECLARED, "nothing\n"),
    ],
)
def test_a_damaged_declaration_is_named(tmp_path, declared, looks):
    files(tmp_path, declared or [1], looks)
    with pytest.raises(InputError, match="stop"):
        read(tmp_path)
