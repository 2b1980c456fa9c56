"""The published set-ups from the command line, small: what they run and what can be estimated."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from diagnose.cli.configure import configured

JOINT = "experiment_oracles+knowledge_notes"


def diagnose(folder, experiment):
    """Run an experiment on one task, twice; return the records of each study by its folder."""
    command = [sys.executable, "-m", "diagnose", "run", f"experiment={experiment}", "study.runs=2",
               "study.tasks=[C-L1]", f"study.folder={folder}"]  # fmt: skip
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
