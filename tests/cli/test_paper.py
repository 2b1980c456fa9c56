"""The published set-ups from the command line, small: what they run and what can be estimated."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from diagnose.cli import main
from diagnose.cli.configure import configured

JOINT = "experiment_oracles+knowledge_notes"


def diagnose(folder, experiment, tasks="C-L1"):
    """Run an experiment on few tasks, twice; return the records of each study by its folder."""
    command = [sys.executable, "-m", "diagnose", "run", f"experiment={experiment}", "study.runs=2",
               f"study.tasks=[{tasks}]", f"study.folder={folder}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {
        path.parent: [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted(folder.glob("*/episodes.jsonl"))
    }


@pytest.mark.slow
def test_the_two_by_two_estimates_the_joint_effect_of_scientist_and_notes(tmp_path):
    ((folder, records),) = diagnose(tmp_path, "paper_2x2").items()
    rates = pd.DataFrame(records).groupby("cell")["success"].mean()
    assert list(rates.index) == ["0000", "0110", "1000", "1110"]
    rows = pd.read_csv(folder / "estimates.csv").set_index("estimand")
    joint = ((rates["0110"] - rates["0000"]) + (rates["1110"] - rates["1000"])) / 2
    assert rows.loc[f"shapley:{JOINT}", "estimate"] == pytest.approx(joint)
    assert rows.loc[f"seq:{JOINT}", "estimate"] == pytest.approx(rates["1110"] - rates["1000"])
    assert rows.loc[f"shapley:{JOINT}", "truth"] > 0
    assert set(rows["factors"]) == {f"gap_hints {JOINT}"}
    asked = [record for record in records if record["cell"][1] == "1" and record["reports"]]
    assert asked
    assert all(report["complete"] for record in asked for report in record["reports"])


@pytest.mark.slow
def test_the_formats_are_a_sweep_of_three_studies(tmp_path):
    studies = diagnose(tmp_path, "paper_formats")
    sections = {"claim", "proof", "constraints", "example"}, {"finding", "explanation", "example"}
    assert len(studies) == 3
    for records, wanted in zip(studies.values(), (*sections, {"text"}), strict=True):
        assert {record["cell"] for record in records} == {"1100", "1110"}
        books = [entry for record in records for entry in record["book"]]
        assert books
        assert all(entry.keys() == wanted for entry in books)


def test_the_curriculum_carries_books_where_there_are_notes():
    study = configured(["experiment=paper_curriculum"])
    assert study.carrying_cells == {"0110", "1110"}
    chains = {plan.chain for plan in study.plans} - {""}
    assert len(chains) == 5 * 8 * 2  # families, runs, cells
    assert sum(bool(plan.after) for plan in study.plans) == 4 * len(chains)
    assert study.header["bundles"] == [["experiment_oracles", "knowledge_notes"]]


def test_a_study_that_switches_every_factor_by_itself_has_no_bundles():
    assert "bundles" not in configured().header
    assert "setting" not in configured().header


GAPS = {"table2_gaps", "table2_gaps_reanalysed", "table4_levels", "verdicts"}
SQUARE = {"two_by_two", "table4_levels_reanalysed"}
FORMS = {"table3_formats", "table3_formats_reanalysed", "verdicts"}
STACK = {"capacity_gaps", "gap_forest"}
CURVES = {"two_by_two_reference-frontier", "level_gains_reference-frontier"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "expected", "figures"),
    [
        ("paper_cells", GAPS, STACK),
        ("paper_2x2", GAPS | SQUARE, STACK | CURVES),
        ("paper_curriculum", GAPS | SQUARE, STACK | CURVES),
        ("paper_formats", FORMS, {"formats_reference-frontier"}),
    ],
)
def test_a_study_of_one_s_own_has_the_paper_s_tables_and_figures(
    tmp_path, capsys, experiment, expected, figures
):
    """Two tasks, two runs; the numbers are those of the records, counted here."""
    studies = diagnose(tmp_path / "studies", experiment, "A-L1,C-L2")
    folders = [str(path) for path in studies]
    out = tmp_path / "out"
    assert main(["figures", *folders, "--out", str(out)]) == 0
    names = [path.name.removeprefix("paper_") for path in out.glob("paper_*")]
    for end in (".md", ".tex", ".csv"):
        assert {name.removesuffix(end) for name in names if name.endswith(end)} == expected
    assert {name.removesuffix(".png") for name in names if name.endswith(".png")} == figures
    capsys.readouterr()
    assert main(["analyze", *folders]) == 0
    shown = capsys.readouterr().out
    assert "What survives" in shown
    rates = {
        path: pd.DataFrame(records).groupby("cell")["success"].mean() * 100
        for path, records in studies.items()
    }
    if experiment == "paper_formats":
        table = pd.read_csv(out / "paper_table3_formats.csv", dtype=str).set_index("notes")
        for path, own in rates.items():
            (form,) = (form for form in table.index if form in path.name)
            assert table.loc[form, "success"] == f"{own['1110']:.1f}"
        return
    (own,) = rates.values()
    (line,) = pd.read_csv(out / "paper_table2_gaps.csv", dtype=str).to_numpy(object).tolist()
    base, hint, full = (own[code] for code in ("0000", "1000", "1110"))
    gaps = [f"{gap:.1f}" for gap in (hint - base, full - hint, 100 - full)]
    assert line[1:4] == [f"{rate:.1f}" for rate in (base, hint, full)]
    assert line[4::2] == gaps
    assert gaps[0] in shown
