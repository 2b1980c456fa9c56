"""The calibration: its population, its use of the project's estimators, its sheet, its refusals."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimates import evaluate
from analysis.study import Study
from diagnose.cli import calibrate, main
from diagnose.cli.calibrate import checked_profiles, make_ground, planted, profiles, run_picks
from diagnose.cli.calibration import (
    DRAWS,
    TASKS,
    Ground,
    bottleneck,
    layout_of,
    outcomes,
    place_of,
    score,
    specs_of,
    truth,
)
from diagnose.env.experiments import true_laws
from diagnose.models.reference.profile import CAPACITIES
from diagnose.models.reference.sampler import (
    BANDS,
    MOST_DRAWS,
    candidate,
    population,
    stratum,
    supported,
)
from diagnose.models.reference.truth import VerdictTable, verdicts_of
from diagnose.seeds import stream
from diagnose.tasks import FAMILIES, Task, all_tasks, task
from diagnose.tasks.base import area_side
from diagnose.tasks.needs import passes


@pytest.fixture(scope="module")
def small():
    """A population of the quick strata."""
    return population(stratum(family, level, 4) for family in "ACE" for level in (1, 2))


@pytest.fixture(scope="module")
def ground(small):
    return make_ground(small)


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("level", list(BANDS))
def test_candidates_keep_to_their_rule(family, level):
    rng = stream("rule", family, level)
    low, high = BANDS[level]
    for _ in range(200):
        one = candidate(family, level, rng)
        assert low <= one.lamps <= high
        assert one.area_side == area_side(one.lamps)
        if family == "A":
            assert 1 <= one.params["skew_rt"] <= 4
        elif family == "B":
            assert 5 <= one.params["reach"] <= 22
        elif family == "C":
            assert len(one.params["delays_rt"]) == one.lamps - 1
            assert set(one.params["delays_rt"]) <= set(range(1, 7))
        elif family == "D":
            distances = one.params["distances"]
            assert one.lamps % 4 == 0
            assert distances[0] >= 2
            assert distances[-1] <= 21
            assert min(np.diff(distances)) >= 2
        else:
            assert 1 <= one.params["tau_rt"] <= 25
        assert family == "C" or one.lamps % 2 == 0


def test_a_stratum_is_distinct_supported_tasks_and_always_the_same(small):
    for one in small.strata:
        assert 0 < len(one.tasks) <= 4
        assert one.refused + len(one.tasks) <= MOST_DRAWS
        assert len({str(task) for task in one.tasks}) == len(one.tasks)
        assert all(passes(task, true_laws()) for task in one.tasks)
    first = small.strata[0]
    assert stratum(first.family, first.level, 4) == first


def test_a_task_without_a_device_is_refused():
    assert supported(Task("B", 0, 16, 33, {"reach": 5})) is None  # fails in the simulator
    assert supported(Task("B", 0, 16, 33, {"reach": 26})) is None  # does not fit the area
    assert supported(Task("D", 0, 24, 33, {"distances": [2, 4, 8, 21]})) is None  # no room
    assert supported(task("C-L2")) == verdicts_of(task("C-L2"))


def test_strata_are_drawn_alike_and_tasks_alike_within_them(small):
    assert small.weights.sum() == pytest.approx(1)
    n = 40_000
    counts = np.bincount(small.draw(stream("iid"), n, stratified=False), minlength=len(small.tasks))
    z = (counts - n * small.weights) / np.sqrt(n * small.weights * (1 - small.weights))
    assert np.abs(z).max() < 4.5
    of_task = np.repeat(np.arange(len(small.strata)), [len(one.tasks) for one in small.strata])
    turn = of_task[small.draw(stream("strata"), 3 * len(small.strata), stratified=True)]
    assert turn.tolist() == 3 * list(range(len(small.strata)))


@pytest.mark.parametrize("name", profiles())
def test_every_profile_composes_and_runs_three_episodes(name):
    picks = [(task("A-L1"), 0, 1), (task("C-L1"), 9, 2), (task("D-L1"), 15, 3)]
    passed = run_picks((name, picks, 4))
    assert [type(one) for one in passed] == [bool] * 3


@cache
def published_ground():
    """The published tasks alone: their truths need no population."""
    tasks = all_tasks()
    return Ground(
        tuple(map(verdicts_of, tasks)),
        tuple(one.family for one in tasks),
        tuple(one.level for one in tasks),
        population([]),
    )


def test_profiles_plant_what_their_names_say():
    grounds = published_ground()
    for name in profiles():
        subject = planted(name)
        specs = [s for s in specs_of(layout_of(subject, grounds)) if s.name.startswith("shapley:")]
        rates = truth(subject, grounds, "fixed", specs)
        assert subject.capacities == CAPACITIES
        named = name.removeprefix("bottleneck_")
        if named in CAPACITIES:
            others = [v for v, c in zip(rates, CAPACITIES, strict=True) if c != named]
            assert rates[CAPACITIES.index(named)] - max(others) >= 0.15
            assert bottleneck(subject, rates) == named
        elif name == "null":
            np.testing.assert_allclose(rates, 0, atol=1e-12)
        elif name in {"flat", "strong"}:
            np.testing.assert_allclose(rates, rates[0], atol=1e-12)
            assert bottleneck(subject, rates) == ""


@pytest.mark.parametrize("draw", DRAWS)
def test_estimates_are_those_that_a_table_of_the_episodes_gets(ground, draw, tmp_path):
    """The arrays are only a short cut: ``Study.load`` of the same outcomes agrees."""
    subject, runs = planted("frontier"), 4
    layout = layout_of(subject, ground)
    rng = stream("table", draw)
    y = outcomes(subject, VerdictTable.of(ground.verdicts), ground.tasks(draw, rng), runs, rng)
    rows = [
        {
            "model": "reference",
            "family": layout.families[t],
            "level": layout.levels[t],
            "task": layout.tasks[t],
            "run": r,
            **{f: int(digit) for f, digit in zip(layout.factors, code, strict=True)},
            "success": y[c, t, r],
        }
        for c, code in enumerate(layout.codes)
        for t in range(TASKS)
        for r in range(runs)
    ]
    path = tmp_path / "study.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    target = "fixed" if draw == "fixed" else "new"
    frame = Study.load(path).estimates(target).to_frame().set_index("estimand")
    specs = specs_of(layout)
    place = place_of(y, layout, target)
    found = evaluate(place, specs, [(-1.0, 1.0)] * len(specs))
    for spec, finding in zip(specs, found, strict=True):
        expected = frame.loc[spec.name, ["estimate", "ci_low", "ci_high"]].to_numpy(float)
        got = [finding.estimate, finding.ci_low, finding.ci_high]
        np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("draw", DRAWS[:2])
def test_intervals_cover_the_planted_truth(ground, draw):
    """200 studies: a coverage of 95 % lies below 89 % with probability 1e-4."""
    subject = planted("bottleneck_application")
    specs = specs_of(layout_of(subject, ground))
    scores = score(subject, ground, draw, range(200), 4, 1)
    true = truth(subject, ground, draw, specs)
    covered = ((scores.low <= true) & (true <= scores.high)).mean(axis=0)
    assert covered.min() > 0.89
    error = scores.estimate - true
    z = error.mean(axis=0) / (error.std(axis=0, ddof=1) / np.sqrt(200))
    assert np.abs(z).max() < 4.5
    assert (scores.named[:, -1] == CAPACITIES.index("application")).mean() > 0.9


def test_replicates_do_not_depend_on_who_simulates_them(ground):
    subject = planted("flat")
    whole = score(subject, ground, "new", range(4), 2, 3)
    part = score(subject, ground, "new", range(2, 4), 2, 3)
    np.testing.assert_array_equal(whole.estimate[2:], part.estimate)
    assert np.unique(whole.estimate[:, 0]).size > 1


def test_without_effects_no_interval_is_empty_and_none_misses_zero(ground):
    scores = score(planted("null"), ground, "new", range(5), 4, 0)
    # Zero but for the rounding of the sums, whose order is the linear algebra library's.
    np.testing.assert_allclose(scores.estimate, 0, atol=1e-15)
    assert (scores.low < 0).all()
    assert (scores.high > 0).all()
    assert scores.on_counts.all()
    assert (scores.named == -1).all()
    assert (scores.clear == -1).all()


def read_table(path):
    """Read a sheet's table; a profile is named null."""
    return pd.read_csv(path, keep_default_na=False)


def test_the_command_writes_sheet_table_and_figure(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(calibrate, "places", lambda: [("A", 1), ("C", 1)])
    monkeypatch.setattr(calibrate.os, "sched_getaffinity", lambda _: {0}, raising=False)
    arguments = ["calibrate", "--profiles", "null,bottleneck_discovery", "--replicates", "3"]
    arguments += ["--runs", "2", "--episodes", "4", "--out", "docs/sheet.md"]
    assert main(arguments) == 0
    text = (tmp_path / "docs" / "sheet.md").read_text()
    assert capsys.readouterr().out == text
    assert "null: nothing varies" in text
    assert "diagnose calibrate --profiles null,bottleneck_discovery --replicates 3" in text
    rows = read_table(tmp_path / "docs" / "sheet.csv")
    assert len(rows) == 2 * len(DRAWS) * 12
    none = rows[rows["profile"] == "null"]
    assert len(none) == len(DRAWS) * 12
    assert (none["coverage"] == 1).all()
    assert (none["width"] > 0).all()
    assert (tmp_path / "docs" / "sheet.png").stat().st_size > 10_000
    # What was measured is kept; a second calibration is the same, and asks the simulator nothing.
    monkeypatch.setattr(calibrate, "stratum", None)
    assert main(arguments) == 0
    assert (tmp_path / "docs" / "sheet.md").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profiles", "gifted"], "profiles: received 'gifted'; choose all, or some of"),
        (["--profiles", ""], "profiles: received ''"),
        (["--replicates", "0"], "replicates: received 0; give a number from 2"),
        (["--runs", "0"], "runs: received 0; give a number from 1"),
        (["--seed", "-1"], "seed: received -1"),
        (["--episodes", "-1"], "episodes: received -1"),
        (["--out", "sheet.pdf"], "out: received 'sheet.pdf'; name a .md file"),
    ],
)
def test_bad_input_is_one_message(arguments, message, capsys):
    assert main(["calibrate", *arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"diagnose: {message}")
    assert len(shown.splitlines()) == 1


def test_profiles_are_named_once_each():
    assert checked_profiles("flat, null,flat") == ["flat", "null"]
    assert checked_profiles("all") == profiles()
    assert {"frontier", "flat", "strong", "null"} < set(profiles())
    assert {f"bottleneck_{capacity}" for capacity in CAPACITIES} < set(profiles())


def test_the_committed_sheet_is_of_these_profiles_and_tasks():
    """A changed profile, task or builder changes the truth: the sheet is then to be made again."""
    docs = Path(__file__).parents[2] / "docs"
    rows = read_table(docs / "data_sheet.csv")
    assert set(rows["profile"]) == set(profiles())
    assert set(rows["tasks"]) == set(DRAWS)
    assert rows["replicates"].min() >= 400
    assert "Made by `diagnose calibrate" in (docs / "data_sheet.md").read_text()
    ground = published_ground()
    fixed = rows[rows["tasks"] == "fixed"].set_index(["profile", "estimand"])["truth"]
    for name in profiles():
        subject = planted(name)
        specs = specs_of(layout_of(subject, ground))
        true = truth(subject, ground, "fixed", specs)
        np.testing.assert_allclose(fixed[name][[one.name for one in specs]], true, atol=1e-5)
