"""Rescue probabilities against closed forms, statsmodels and enumeration."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from analysis.cli import analyze, figures
from analysis.figures.forks import rescue_frame
from analysis.forks import Forks, holds
from analysis.study import COLUMNS, COMPANIONS
from diagnose.errors import InputError

FACTORS = ("gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")
CAPACITIES = ("identification", "discovery", "consolidation", "application")
CELLS = ("0000", "1000", "9000", "0010")
# task, run, turn: late 0000, 1000, 9000, 0010; from the start 1000, 0010
SOURCES = (
    ("A-L1", 0, 2, (0, 1, 0, 0), (1, 0)),
    ("A-L1", 1, 2, (0, 1, 0, 1), (1, 1)),
    ("A-L1", 2, 4, (1, 0, 0, 0), (0, 1)),
    ("B-L2", 0, 4, (0, 1, 1, 1), (1, None)),
    ("B-L2", 3, 4, (0, 1, 0, 0), (1, 0)),
    ("C-L3", 0, 2, (1, 1, 0, 0), (1, 1)),
    ("C-L3", 1, 2, (0, 0, 0, 0), (0, 0)),
    ("D-L1", 0, 2, (0, 1, 0, 0), (1, 1)),
)


def record(task, run, cell, won):
    """What estimates need of a record."""
    interventions = {
        name: {"capacity": capacity, "dose": int(digit), "offered": digit != "0", "used": None}
        for name, capacity, digit in zip(FACTORS, CAPACITIES, cell, strict=True)
    }
    family, _, level = task.partition("-L")
    return {
        "model": "m", "family": family, "level": int(level), "task": task, "run": run,
        "cell": cell, "factors": FACTORS, "interventions": interventions, "study": "forks",
        "success": None if won is None else bool(won),
        "missing_cause": "" if won is not None else "quota",
    }  # fmt: skip


def written(folder, sources=SOURCES, **said):
    """A study of forks on disk."""
    folder.mkdir(exist_ok=True)
    lines = [
        json.dumps(record(task, run, cell, won))
        for task, run, _, late, _ in sources
        for cell, won in zip(CELLS, late, strict=True)
    ]
    (folder / "episodes.jsonl").write_text("".join(f"{line}\n" for line in lines))
    levels = {"gap_hints": [0, 1, 9], "knowledge_notes": [0, 1]}
    factors = [{"name": name, "levels": levels.get(name, [0, 1])} for name in FACTORS]
    header = {"factors": factors, "episodes": len(lines)}
    (folder / "study.json").write_text(json.dumps(header))
    episodes = [
        {
            "task": task, "run": run, "turn": turn,
            "cells": {"0000": False} | {
                code: None if won is None else bool(won)
                for code, won in zip(("1000", "0010"), start, strict=True)
            },
        }
        for task, run, turn, _, start in sources
    ]  # fmt: skip
    source = {"study": "base", "at": "last_turn", "left_out": {}, "episodes": episodes, **said}
    (folder / "source.json").write_text(json.dumps(source))
    return folder


@pytest.fixture
def forks(tmp_path):
    return Forks.load(written(tmp_path / "forks"))


def rows(forks, target):
    """The estimates by name."""
    frame = forks.estimates(target)
    assert tuple(frame.columns) == (*COLUMNS, *COMPANIONS)
    return frame.set_index("estimand")


def test_every_arm_has_its_estimates(forks):
    assert list(forks.arms) == ["gap_hints", "gap_hints@9", "knowledge_notes"]
    assert forks.arms["knowledge_notes"] == "consolidation"
    names = set(forks.estimates("new")["estimand"])
    kinds = ("rescue", "rescue_gain", "rescue_start", "rescue_late")
    expected = {f"{kind}:{arm}@last_turn" for kind in kinds for arm in forks.arms}
    turns = {f"rescue_turn:{arm}@{t}" for arm in ("untouched", *forks.arms) for t in (2, 4)}
    assert names == expected | turns | {"rescue:untouched@last_turn"}


def test_fixed_tasks_have_wilson_newcombe_and_exact_mcnemar(forks):
    found = rows(forks, "fixed")
    hints = found.loc["rescue:gap_hints@last_turn"]
    assert hints["estimate"] == 6 / 8
    assert (hints["ci_low"], hints["ci_high"]) == pytest.approx(
        proportion_confint(6, 8, method="wilson")
    )
    gain = found.loc["rescue_gain:gap_hints@last_turn"]
    assert gain["estimate"] == pytest.approx((5 - 1) / 8)
    assert gain["p"] == pytest.approx(mcnemar([[1, 5], [1, 1]], exact=True).pvalue)
    assert gain["n_episodes"] == 16
    assert found.loc["rescue_turn:gap_hints@4", "estimate"] == pytest.approx(2 / 3)
    assert found.loc["rescue_turn:gap_hints@2", "n_episodes"] == 5
    assert found.loc["rescue:gap_hints@9@last_turn", "estimate"] == 1 / 8


def test_new_tasks_are_clusters(forks):
    """The oracle: ordinary least squares on a constant with cluster-robust errors."""
    table = forks.table
    difference = (table["late:gap_hints"] - table["late:untouched"]).astype(float)
    groups = pd.factorize(table["task"])[0]
    fit = sm.OLS(difference, np.ones(len(table))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": True}, use_t=True
    )
    gain = rows(forks, "new").loc["rescue_gain:gap_hints@last_turn"]
    low, high = fit.conf_int().to_numpy()[0]
    assert gain["estimate"] == pytest.approx(fit.params.iloc[0])
    assert (gain["ci_low"], gain["ci_high"]) == pytest.approx((low, min(high, 1.0)))
    assert gain["p"] == pytest.approx(fit.pvalues.iloc[0])
    share = table["late:gap_hints"].astype(float)
    fit = sm.OLS(share, np.ones(len(table))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": True}, use_t=True
    )
    p, n = 0.75, min(8.0, 0.75 * 0.25 / float(fit.bse.iloc[0]) ** 2)
    z = stats.t.ppf(0.975, 3)
    middle, half = p + z * z / 2 / n, z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    hints = rows(forks, "new").loc["rescue:gap_hints@last_turn"]
    assert hints["ci_low"] == pytest.approx((middle - half) / (1 + z * z / n))
    assert hints["ci_high"] == pytest.approx((middle + half) / (1 + z * z / n))


def test_the_same_from_the_start_is_compared_on_the_sources_that_have_it(forks):
    found = rows(forks, "fixed")
    start = found.loc["rescue_start:knowledge_notes@last_turn"]
    assert (start["estimate"], start["n_episodes"]) == (4 / 7, 7)
    late = found.loc["rescue_late:knowledge_notes@last_turn"]
    assert late["estimate"] == pytest.approx((1 - 4) / 7)
    assert found.loc["rescue_start:gap_hints@9@last_turn", "status"] == "not_estimable"
    assert math.isnan(found.loc["rescue_start:gap_hints@9@last_turn", "estimate"])


def test_what_was_not_observed_is_missing_and_bounded(tmp_path):
    sources = [(*one[:3], (one[3][0], None, *one[3][2:]), one[4]) for one in SOURCES[:2]]
    found = rows(Forks.load(written(tmp_path / "f", (*sources, *SOURCES[2:]))), "fixed")
    hints = found.loc["rescue:gap_hints@last_turn"]
    assert (hints["n_episodes"], hints["n_missing"], hints["estimate"]) == (6, 2, 4 / 6)
    assert (hints["manski_low"], hints["manski_high"]) == (4 / 8, 6 / 8)
    gain = found.loc["rescue_gain:gap_hints@last_turn"]
    assert (gain["n_episodes"], gain["n_missing"]) == (12, 2)
    assert (gain["manski_low"], gain["manski_high"]) == ((4 - 2) / 8, (6 - 2) / 8)


def test_one_task_gives_no_interval_for_new_tasks(tmp_path):
    found = rows(Forks.load(written(tmp_path / "f", SOURCES[:3])), "new")
    row = found.loc["rescue:gap_hints@last_turn"]
    assert math.isnan(row["ci_low"])
    assert "one task" in row["method"]


def test_the_table_and_the_figure_show_the_estimates(tmp_path, capsys):
    folder = written(tmp_path / "forks", left_out={"too_short": 3})
    assert holds(folder)
    frame = analyze(folder, "fixed", tmp_path / "out.csv", print)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    shown = " ".join(printed.split())
    assert "gap_hints rescues most: +50.0 pp" in shown
    assert "8 failed baseline episodes of base on 4 tasks, each continued from last_turn" in shown
    assert "Left out: too_short 3." in shown
    assert "identification (sham)" in shown
    assert "McNemar, exact" in shown
    assert "Sources: 5 at 2, 3 at 4." in shown
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(frame)
    drawn = rescue_frame(Forks.load(folder), "m")
    assert list(drawn["arm"].drop_duplicates()) == ["untouched", *Forks.load(folder).arms]
    late = drawn[(drawn["arm"] == "gap_hints") & (drawn["offered"] == "late")]
    assert late["estimate"].tolist() == [0.75]
    assert not ((drawn["arm"] == "gap_hints@9") & (drawn["offered"] == "start")).any()
    assert [path.name for path in figures(folder, tmp_path / "figures")] == [
        *("rescue.png", "rescue.svg")
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("source.json", "{", "source.json"),
        ("source.json", '{"episodes": [{"turn": "1", "cells": {}}]}', "source.json"),
        ("source.json", '{"episodes": [{"turn": 1, "cells": {"0000": 5}}]}', "source.json"),
        ("source.json", '{"episodes": []}', "no such source"),
        ("study.json", "[]", "study.json"),
    ],
)
def test_a_broken_folder_is_refused(tmp_path, name, text, said):
    folder = written(tmp_path / "forks")
    (folder / name).write_text(text)
    with pytest.raises(InputError, match=said):
        Forks.load(folder)
