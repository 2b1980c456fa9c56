"""A study with allocated runs from the command line: run, status, analysis and report."""

import json

from analysis.study import Study
from analysis.uncertainty import BATCHED
from diagnose.cli import main

ASKED = [
    "study.name=shared", "study.tasks=[A-L1,B-L1,C-L1]", "study.runs=7", "run.workers=1",
    "design=one_at_a_time", "study.allocate.rule=neyman", "study.allocate.estimand=add1:gap_hints",
]  # fmt: skip


def test_a_study_of_allocated_runs_is_analysed_by_its_batches(tmp_path, capsys):
    assert main(["run", f"study.folder={tmp_path}", *ASKED]) == 0
    said = capsys.readouterr().err
    assert "126 episodes, 126 to run" in said
    assert "batch 3 of 3" in said
    (folder,) = tmp_path.iterdir()
    header = json.loads((folder / "study.json").read_text())
    assert header["episodes"] == 126
    assert header["allocate"]["batches"] == [[0, 2, 2], [2, 11, 3], [11, 20, 2]]
    study = Study.load(folder)
    assert len(study.episodes) == study.planned == 126
    assert study.episodes.groupby("batch").size().tolist() == [36, 54, 36]
    row = study.estimates("fixed").rows["reference/frontier"]["add1:gap_hints"]
    assert row["method"] == f"batch-level t(6), {BATCHED}"
    means = study.episodes.groupby(["batch", "task", "gap_hints", "solution_sketches"])
    assert len(means) >= 3 * 3 * 3
    by_batch = study.episodes[study.episodes[study.layout.factors[1]] == 0]
    own = by_batch[(by_batch["knowledge_notes"] == 0) & (by_batch["solution_sketches"] == 0)]
    shares = own.groupby(["batch", "gap_hints", "task"])["success"].mean().groupby(level=[0, 1])
    table = shares.mean().unstack()
    by_hand = sum(w * (table[1] - table[0])[k] for k, w in enumerate((2 / 7, 3 / 7, 2 / 7)))
    assert abs(row["estimate"] - by_hand) < 1e-12
    summary = " ".join(study.estimates("new").summary().split())
    assert "in batches of 2, 3, 2 runs on average" in summary
    assert "the ordinary estimator, runs pooled, would be biased here" in summary
    assert main(["status", str(folder)]) == 0
    assert capsys.readouterr().out.split("\t")[1:4] == ["126", "126", "0"]
    before = (folder / "episodes.jsonl").read_bytes()
    assert main(["run", f"study.folder={tmp_path}", *ASKED]) == 0
    assert "0 to run" in capsys.readouterr().err
    assert (folder / "episodes.jsonl").read_bytes() == before
    assert main(["report", str(folder)]) == 0
