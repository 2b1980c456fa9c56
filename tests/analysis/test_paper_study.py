"""A study's own records in the paper's terms: the published counts as episodes give its tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_1samp

from analysis import cli
from analysis.figures.paper import of_own
from analysis.layout import INTERVENTIONS
from analysis.published import (
    claims,
    estimates,
    forms,
    load_published,
    own,
    reading,
    report,
    tables,
)
from analysis.published import verdicts as rule
from analysis.published.names import FORMATS, SCIENTIST
from analysis.study import Study
from diagnose.errors import InputError
from diagnose.records import InterventionRecord
from tests.analysis.studies import CODES, TASKS, by_name, record, study, table, write_study

GEMINI = "gemini-3-pro"
SLOTS = [(task, run) for task in TASKS for run in range(8)]  # 200 episodes of a cell


def spread(successes: int, slots: list[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which episodes succeed: evenly over the slots, so that tasks and runs differ."""
    return {slots[len(slots) * number // successes] for number in range(successes)}


def episodes() -> pd.DataFrame:
    """The published counts as a table of episodes: a model's level counts where they are known."""
    published, rows = load_published(), []
    for model, cells in published.models.items():
        for code, count in cells.items():
            won: set[tuple[str, int]] = set()
            by_level = published.levels.get(model, {})
            if code in by_level.get(1, {}):
                for level, counts in by_level.items():
                    slots = [slot for slot in SLOTS if slot[0].endswith(str(level))]
                    won |= spread(counts[code].successes, slots)
            else:
                won = spread(count.successes, SLOTS)
            assert len(won) == count.successes
            digits = tuple(map(int, code))
            rows += [
                (model, task[0], int(task[3:]), task, run, *digits, int((task, run) in won))
                for task, run in SLOTS
            ]
    columns = ["model", "family", "level", "task", "run", *INTERVENTIONS, "success"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return own.own_estimates(study(episodes()).estimates("fixed"))


def sorted_rows(made: tables.Table) -> list[list[str]]:
    return sorted(list(row) for row in made.rows)


@pytest.mark.parametrize("make", [tables.gaps, tables.levels])
def test_the_published_counts_as_episodes_give_the_published_tables(
    frame: pd.DataFrame, make
) -> None:
    """Digit by digit, through the study path."""
    models = {GEMINI} if make is tables.levels else set(load_published().models)
    ours = [row for row in sorted_rows(make(frame)) if row[0] in models]
    assert ours == sorted_rows(make(estimates()))


def test_every_estimate_that_both_paths_have_is_the_same_number(frame: pd.DataFrame) -> None:
    """Intervals are their own: the study's use the tasks, which the counts do not have."""
    ours, theirs = (
        one[one["status"] == ""].set_index(["model", "estimand"])["estimate"].astype(float)
        for one in (frame, estimates())
    )
    both = ours.index.intersection(theirs.index)
    assert len(both) > 120
    pd.testing.assert_series_equal(ours[both], theirs[both], check_names=False)
    assert (GEMINI, "shapley:gap_hints@2x2") in both
    assert ("ALL", f"fieller:gap_hints/{SCIENTIST}") in both


def test_the_claims_are_judged_by_the_study_s_own_intervals(frame: pd.DataFrame) -> None:
    found = {one.claim.name: one for one in rule.verdicts(frame, claims.of_study(frame))}
    assert found["identification"].verdict == "survives"
    assert "of 8 differ from zero" in found["identification"].sentence
    assert found["times"].figures()[0] == "2.04"
    assert {"synergy", "order_free_hint"} <= found.keys()
    assert report.own_text(frame).count("gemini-3-pro") > 5


def test_the_test_of_a_lead_is_the_t_test_over_tasks() -> None:
    """1 - full - hint + baseline, task by task."""
    made = study(table(lambda _, cell: 0.2 + 0.2 * cell[0] + 0.1 * cell[1], codes=PAPER))
    found = by_name(own.own_estimates(made.estimates("new")), "m").loc[
        "less:residual:1110/gap_hints"
    ]
    mean = made.episodes.assign(
        cell=made.episodes[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    ).pivot_table(index="task", columns="cell", values="success")
    leads = 1 - mean["1110"] - mean["1000"] + mean["0000"]
    expected = ttest_1samp(leads, 0)
    low, high = expected.confidence_interval(0.95)
    assert found["estimate"] == pytest.approx(leads.mean())
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((low, high))
    assert found["p"] == pytest.approx(expected.pvalue)


PAPER = ["0000", "1000", "0110", "1110"]


def test_a_lead_without_any_variance_has_the_counts_interval_and_p() -> None:
    """Nothing solved without support, all of it with: full - hint + baseline = 1 everywhere."""
    raw = table(lambda _, cell: float(cell[1]), codes=["0000", "1000", "1110"], runs=2)
    rows = by_name(own.own_estimates(study(raw).estimates("fixed")), "m")
    found = rows.loc["less:residual:1110/gap_hints"]
    assert found["estimate"] == 0.0
    assert found["ci_low"] < 0 < found["ci_high"]
    assert found["p"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "codes", [CODES, ["0000", "0100", "1111"], ["0000", "9000", "1000"], ["0000"]]
)
def test_a_study_of_other_cells_is_not_the_paper_s(codes: list[str]) -> None:
    made = study(table(lambda *_: 0.5, codes=codes, runs=2))
    assert own.own_estimates(made.estimates("new")).empty
    assert report.own_text(own.own_estimates(made.estimates("new"))) == ""


def test_a_study_without_the_full_cell_has_what_its_cells_allow() -> None:
    made = study(table(lambda *_: 0.5, codes=["0000", "1000"], runs=2))
    frame = own.own_estimates(made.estimates("new"))
    assert "seq:gap_hints" in set(frame["estimand"])
    assert not frame["estimand"].str.contains("1110|ratio|fieller").any()
    assert tables.gaps(frame).rows == []
    assert of_own(frame) == {}


def sweep(folder: Path, form: str, success: dict[str, int], name: str = "s") -> Path:
    """A study of the sweep over forms: hints and scientist held on, notes off or on."""
    records = []
    for cell, successes in success.items():
        won = spread(successes, SLOTS)
        digits = dict(zip(INTERVENTIONS, map(int, cell), strict=True))
        made = {
            factor: InterventionRecord("c", dose, dose > 0, dose > 0)
            for factor, dose in digits.items()
        }
        records += [
            record(
                task, run, cell, study=name, success=(task, run) in won, interventions=made,
                outcome="passed" if (task, run) in won else "failed",
            )
            for task, run in SLOTS
        ]  # fmt: skip
    write_study(folder, records)
    doses = {name: [int(name in INTERVENTIONS[:2])] for name in INTERVENTIONS}
    doses["knowledge_notes"] = [0, 1]
    factors = [{"name": name, "capacity": "c", "levels": levels} for name, levels in doses.items()]
    header = {
        "factors": factors,
        "episodes": len(records),
        "interventions": {"knowledge_notes": {"format": form}},
    }
    (folder / "study.json").write_text(json.dumps(header))
    return folder


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("sweep")
    counts = {form: load_published().structures[form].successes for form in FORMATS}
    return [
        sweep(root / form, form, {"1100": 110, "1110": successes})
        for form, successes in counts.items()
    ]


def test_studies_with_the_published_counts_give_table_three(sweeps: list[Path]) -> None:
    frame = forms.form_estimates(sweeps[::-1], "fixed")  # whatever the order
    made = tables.formats(frame)
    assert [row[1:] for row in made.rows] == [row[1:] for row in tables.formats(estimates()).rows]
    rows = by_name(frame)
    first, _, last = FORMATS
    assert rows.loc[f"format:{first}/{last}", "estimate"] == pytest.approx(0.06)
    assert rows.loc[f"notes_gain:{first}", "estimate"] == pytest.approx((128 - 110) / 200)


def test_runs_of_one_number_are_paired_over_the_studies(sweeps: list[Path]) -> None:
    frame = by_name(forms.form_estimates(sweeps, "fixed"))
    first, _, last = FORMATS
    own_ = [
        Study.load(path)
        .episodes.query("knowledge_notes == 1")
        .set_index(["task", "run"])["success"]
        for path in (sweeps[0], sweeps[2])
    ]
    difference = (own_[0] - own_[1]).unstack("run").to_numpy(np.float64)
    variance = difference.var(axis=1, ddof=1).sum() / 8 / 25**2
    row = frame.loc[f"format:{first}/{last}"]
    half = t.ppf(0.975, 175) * np.sqrt(variance)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.06 - half, 0.06 + half))


def test_one_study_of_the_sweep_has_its_form_and_its_gain(sweeps: list[Path]) -> None:
    made = Study.load(sweeps[0]).estimates("fixed")
    frame = reading.of_study(made, sweeps[0]).frame
    assert set(frame["estimand"]) == {f"cell_format:{FORMATS[0]}", f"notes_gain:{FORMATS[0]}"}
    assert tables.formats_again(frame).rows[0][-1].startswith("9.0 [")


def test_the_command_takes_several_studies(sweeps: list[Path], tmp_path: Path) -> None:
    lines: list[str] = []
    cli.analyze(sweeps, "fixed", tmp_path / "forms.csv", lines.append)
    assert "6.0 [" in lines[0]
    assert "format:" in (tmp_path / "forms.csv").read_text()
    names = {path.name for path in cli.figures(sweeps, tmp_path / "figures")}
    assert {"paper_formats_m.png", "paper_formats_m.svg", "paper_table3_formats.csv"} <= names


def test_studies_that_cannot_be_compared_are_refused(sweeps: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one study of each form"):
        forms.form_estimates([sweeps[0], sweeps[0]], "new")
    bare = write_study(tmp_path / "bare", [record()])
    with pytest.raises(InputError, match=r"with their study\.json"):
        forms.form_estimates([bare], "new")
    other = sweep(tmp_path / "other", "haiku", {"1100": 10, "1110": 20})
    with pytest.raises(InputError, match=r"haiku.*choose one of"):
        forms.form_estimates([other], "new")
    without = sweep(tmp_path / "without", FORMATS[1], {"1100": 10})
    with pytest.raises(InputError, match="hold the cell 1110"):
        forms.form_estimates([without], "new")
    few = write_study(tmp_path / "few", [record(cell=cell) for cell in ("1100", "1110")])
    (few / "study.json").write_text((sweeps[1] / "study.json").read_text())
    with pytest.raises(InputError, match="same tasks"):
        forms.form_estimates([sweeps[0], few], "new")


def test_of_an_unbounded_ratio_it_is_said() -> None:
    """What cannot be told from zero makes no ratio to it; here p[1110] - p[1000] = 0.02."""
    rates = {"0000": 0.2, "1000": 0.5, "1110": 0.52}
    raw = table(
        lambda _, cell: rates["".join(map(str, cell))], codes=list(rates), common=False, seed=4
    )
    frame = own.own_estimates(study(raw).estimates("new"))
    found = {one.claim.name: one for one in rule.verdicts(frame, claims.of_study(frame))}
    assert found["times"].figures()[1] == "unbounded"
    assert found["times"].sentence.startswith("Unbounded")
    assert found["times"].verdict == "fragile"  # identification does exceed discovery
    drawn = of_own(frame)  # and the forest takes it
    assert set(drawn) == {"paper_capacity_gaps", "paper_gap_forest"}
