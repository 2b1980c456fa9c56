"""Jobs and the studies they wrote to, noted from both sides."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.cli import jobs, main
from diagnose.index import header_of

ROOT = Path(__file__).parents[2]
SMALL = ("study.tasks=[A-L1]", "study.runs=1", "design=one_at_a_time", "run.workers=1")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "diagnose", "run", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two shards of a study, and of one that cannot be."""
    place = tmp_path_factory.mktemp("swept")
    done = run("-m", *SMALL, "run.shard=1/2,2/2,3/2", cwd=place)
    assert done.returncode == 2
    assert "run.shard" in done.stderr
    return place


def test_a_sweep_finds_its_studies_and_a_study_its_jobs(
    swept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(swept)
    (index,) = Path("studies/sweeps").glob("*.jsonl")
    found = {job["number"]: job for job in jobs.noted(index)}
    assert [found[number]["status"] for number in range(3)] == ["done", "done", "failed"]
    (study,) = (path.parent for path in Path("studies").glob("*/study.json"))
    assert [found[number]["study"] for number in range(3)] == [str(study), str(study), ""]
    assert found[0]["overrides"] == [*SMALL, "run.shard=1/2"]
    assert found[0]["launcher"] == "BasicLauncher"
    assert found[0]["exit_code"] == 0

    of_study = jobs.noted(study / jobs.NAME)
    assert [job["job"] for job in of_study] == [found[0]["job"], found[1]["job"]]
    assert {job["sweep"] for job in of_study} == {index.stem}
    assert header_of(study)["episodes"] == 6

    assert main(["status", str(index)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(study), str(study), "-"]
    assert "failed" in lines[2]


def test_a_study_run_by_itself_notes_its_job_and_keeps_secrets_out(tmp_path: Path) -> None:
    given = (*SMALL, "study.tasks=[A-L2]", "run.shard=1/2")
    assert run(*given, "observe.mlflow=", cwd=tmp_path).returncode == 0
    (study,) = (path.parent for path in (tmp_path / "studies").glob("*/study.json"))
    (job,) = jobs.noted(study / jobs.NAME)
    assert (job["status"], job["exit_code"], job["hydra_dir"]) == ("done", 0, str(tmp_path))
    assert job["overrides"] == [*given, "observe.mlflow="]
    assert "sweep" not in job
    assert not (tmp_path / "studies" / "sweeps").exists()


def test_a_job_without_an_end_says_so(tmp_path: Path) -> None:
    lines = [
        {"job": "a", "status": "begun", "at": "2026-01-01T00:00:00+00:00", "study": "s"},
        {"job": "b", "status": "begun", "at": "2026-01-01T00:00:01+00:00", "study": "s"},
        {"job": "a", "status": "done", "at": "2026-01-01T00:00:02+00:00", "study": "s"},
    ]
    path = tmp_path / jobs.NAME
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"job": "c", "sta')
    first, second = jobs.noted(path)
    assert (first["status"], first["began"]) == ("done", "2026-01-01T00:00:00+00:00")
    assert "no end noted" in jobs.told(second)


def test_a_launched_job_is_told_who_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = {"sweep": "one", "sweep_dir": str(tmp_path), "number": 3, "slurm_job_id": "77"}
    monkeypatch.setenv(jobs.VARIABLE, json.dumps(facts))
    monkeypatch.setenv("SOME_TOKEN", "correct-horse-battery")
    study = tmp_path / "study"
    with jobs.noted_job(["a=correct-horse-battery", "subject.api_key=b"]) as job:
        job.begun(study)
        job.ended("done", 0)
    assert jobs.VARIABLE not in os.environ
    for file in (study / jobs.NAME, tmp_path / "sweeps" / "one.jsonl"):
        (noted,) = jobs.noted(file)
        assert (noted["number"], noted["slurm_job_id"], noted["status"]) == (3, "77", "done")
        assert noted["overrides"] == ["a=[secret]", "subject.api_key=[secret]"]
