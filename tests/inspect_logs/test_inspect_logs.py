"""What Inspect reads of a study: run with ``make test-inspect``, where Inspect is installed."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from inspect_ai.analysis import evals_df, samples_df
from inspect_ai.log import list_eval_logs, read_eval_log

from diagnose.cli import main
from diagnose.records import EpisodeRecord, InterventionRecord, Usage

CREATED = "2026-01-02T03:04:05+00:00"
FACTORS = ("gap_hints", "solution_sketches")
CAPACITIES = ("identification", "application")


def record(task: str, run: int, cell: str, **fields) -> EpisodeRecord:
    """An episode that passes where the run is even or hints are on."""
    passed = run % 2 == 0 or cell[0] == "1"
    call = {"id": "call_0", "name": "run_python", "arguments": '{"code": "verify()"}'}
    values = {
        "episode_id": f"{task}-{run}-{cell}",
        "study": "pilot one",
        "study_seed": 7,
        "model": "openai/some-model",
        "family": task[0],
        "level": int(task[-1]),
        "task": task,
        "run": run,
        "cell": cell,
        "factors": FACTORS,
        "interventions": {
            name: InterventionRecord(
                capacity, int(dose), dose != "0", True if dose != "0" else None
            )
            for name, capacity, dose in zip(FACTORS, CAPACITIES, cell, strict=True)
        },
        "outcome": "passed" if passed else "failed",
        "stop_reason": "verified" if passed else "stopped",
        "success": passed,
        "verdict": {"passed": passed, "reasons": [] if passed else ["it is dark", "and cold"]},
        "usage": Usage(2, 1, 3, 1000 + run, 50, 0.5),
        "transcript": (
            {"role": "system", "content": "rules"},
            {"role": "user", "content": "build it"},
            {"role": "assistant", "content": "hm \ud800", "tool_calls": [call]},
            {"role": "tool", "content": "done", "tool_call_id": "call_0"},
            {"role": "assistant", "content": "", "tool_calls": [{**call, "arguments": "{no"}]},
        ),
        "versions": {"engine": "e 1"},
        "config": {"seed": 7},
    }
    return EpisodeRecord(**{**values, **fields})


RECORDS = [
    record(task, run, cell)
    for task in ("A-L1", "C-L3")
    for run in range(3)
    for cell in ("00", "10", "19")
]
MISSING = record(
    "C-L4",
    1,
    "00",
    outcome="not_observed",
    stop_reason="not_observed",
    success=None,
    verdict=None,
    missing_cause="rate_limit: 429",
    transcript=(),
    usage=Usage(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of logs that ``diagnose logs --to eval`` writes."""
    home = tmp_path_factory.mktemp("study")
    lines = [json.dumps(json.loads(json.dumps(as_dict(one)))) for one in (*RECORDS, MISSING)]
    (home / "episodes.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert main(["logs", str(home), "--to", "eval"]) == 0
    return home / "inspect"


def as_dict(one: EpisodeRecord) -> dict:
    clean = replace(one, transcript=())
    return {**json.loads(clean.to_line()), "transcript": list(one.transcript)}


def test_one_log_per_cell_with_a_sample_per_task_and_an_epoch_per_run(folder):
    logs = [read_eval_log(info) for info in list_eval_logs(str(folder))]
    assert {log.eval.task for log in logs} == {"pilot-one-00", "pilot-one-10", "pilot-one-19"}
    for log in logs:
        cell = log.eval.metadata["cell"]
        assert log.status == "success"
        assert log.eval.model == "openai/some-model"
        assert log.eval.task_args == {"gap_hints": int(cell[0]), "solution_sketches": int(cell[1])}
        mine = [one for one in (*RECORDS, MISSING) if one.cell == cell]
        assert {(s.id, s.epoch) for s in log.samples} == {(one.task, one.run + 1) for one in mine}
        seen = [one for one in mine if one.success is not None]
        (score,) = log.results.scores
        passed = sum(one.success for one in seen)
        assert score.metrics["accuracy"].value == pytest.approx(passed / len(seen))
        assert (score.scored_samples, score.unscored_samples) == (len(seen), len(mine) - len(seen))


def test_a_sample_is_the_episode(folder):
    log = next(
        log
        for log in map(read_eval_log, list_eval_logs(str(folder)))
        if log.eval.metadata["cell"] == "00"
    )
    sample = next(s for s in log.samples if (s.id, s.epoch) == ("A-L1", 2))
    assert [message.role for message in sample.messages] == [
        *("system", "user", "assistant", "tool", "assistant")
    ]
    assert sample.messages[2].text == "hm ?"  # half a surrogate pair cannot be written
    call = sample.messages[2].tool_calls[0]
    assert (call.function, call.arguments) == ("run_python", {"code": "verify()"})
    assert sample.messages[3].tool_call_id == call.id == "call_0"
    broken = sample.messages[4].tool_calls[0]
    assert broken.arguments == {"text": "{no"}
    assert broken.parse_error.startswith("no JSON")
    assert sample.scores["passed"].value == "I"
    assert sample.scores["passed"].explanation == "it is dark\nand cold"
    usage = sample.model_usage["openai/some-model"]
    assert (usage.input_tokens, usage.output_tokens, usage.total_cost) == (1001, 50, 0.5)
    assert sample.uuid == "A-L1-1-00"
    assert sample.metadata["study_seed"] == 7
    missing = next(s for s in log.samples if s.id == "C-L4")
    assert missing.error.message == "rate_limit: 429"
    assert not missing.scores


# Inspect's data frames call pandas in a way that pandas 3.1 will drop.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_data_frames_have_cells_doses_capacities_and_scores(folder):
    frame = samples_df(str(folder))
    assert len(frame) == len(RECORDS) + 1
    by_id = frame.set_index("metadata_episode_id")
    for one in RECORDS:
        row = by_id.loc[one.episode_id]
        assert row["metadata_cell"] == one.cell
        assert row["score_passed"] == ("C" if one.success else "I")
        assert row["total_tokens"] == one.usage.input_tokens + one.usage.output_tokens
        assert (row["metadata_dose_gap_hints"], row["metadata_dose_solution_sketches"]) == tuple(
            map(int, one.cell)
        )
        assert row["metadata_supplied_identification"] == (one.cell[0] == "1")
        assert not row["metadata_supplied_application"]  # 9 is the sham: it supplies nothing
        assert (row["metadata_task"], row["metadata_family"], row["metadata_level"]) == (
            *(one.task, one.family, one.level),
        )
    row = by_id.loc[MISSING.episode_id]
    assert row["error"] == "rate_limit: 429"
    assert pd.isna(row["score_passed"])
    evals = evals_df(str(folder))
    assert len(evals) == 3
    assert set(evals["task_arg_gap_hints"].astype(int)) == {0, 1}
    assert set(evals["score_headline_value"]) == {2 / 3, 1.0}


def test_the_same_study_is_written_to_the_same_files(folder):
    before = {path.name for path in folder.iterdir()}
    assert main(["logs", str(folder.parent), "--to", "eval"]) == 0
    assert {path.name for path in folder.iterdir()} == before
