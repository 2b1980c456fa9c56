"""Sweeps: what ran before is taken over, only what is new runs, and status says why."""

import json
from pathlib import Path

import pytest

from diagnose.cli.composed import Study
from diagnose.cli.configure import configured
from diagnose.cli.main import main
from diagnose.errors import ConfigError
from diagnose.ledger import canonical_lines
from diagnose.records import canonical_json
from tests.cli.test_cli import diagnose

SMALL = ("study.tasks=[A-L1]", "study.runs=1")
CELL = "1010"


def ids(*overrides: str) -> dict[tuple[str, int, str], str]:
    study = configured([*SMALL, *overrides])
    return {(one.task, one.run, one.cell): study.identify(one) for one in study.plans}


WAS = ids()


@pytest.mark.parametrize(
    "override",
    [
        "study.runs=2", "study.name=other", "study.folder=elsewhere", "design=one_at_a_time",
        "study.tasks=[A-L1,B-L2]", "interventions/gap_hints=on", "run.workers=3", "run.retries=0",
        "run.shard=1/2", "reuse=false", "caps.usd=0", "interventions/solution_sketches=off",
    ],
)  # fmt: skip
def test_what_determines_no_outcome_is_no_identity(override: str) -> None:
    now = ids(override)
    shared = now.keys() & WAS.keys()
    held = {"interventions/gap_hints=on": "1", "interventions/solution_sketches=off": "0"}
    assert (
        {cell[held[override] == "0" and 3] for _, _, cell in shared} == {held[override]}
        if (override in held)
        else shared
    )
    assert all(now[key] == WAS[key] for key in shared)


@pytest.mark.parametrize(
    "override",
    [
        "study.seed=1", "subject=reference/flat", "budgets.trials=3", "limits.host_calls=9",
        "scaffold.prompt=small", "scaffold.keep_turns=3", "env=renamed", "study.tasks=[A-L2]",
    ],
)  # fmt: skip
def test_what_determines_every_outcome_is_identity(override: str) -> None:
    assert not set(ids(override).values()) & set(WAS.values())


def edited(study: Study, part: str) -> Study:
    """As if the code of one part had been edited."""
    if part in study._intervention_code:
        study._intervention_code[part] = "0" * 64
    else:
        study._shared["code"][part] = "0" * 64
    return study


def test_an_edited_intervention_is_another_episode_where_it_is_on() -> None:
    study = edited(configured(SMALL), "gap_hints")
    now = {(one.task, one.run, one.cell): study.identify(one) for one in study.plans}
    assert {key[2] for key in WAS if now[key] == WAS[key]} == {
        cell for _, _, cell in WAS if cell[0] == "0"
    }
    for part in ("episode", "subject"):
        study = edited(configured(SMALL), part)
        assert not {study.identify(one) for one in study.plans} & set(WAS.values())


def test_our_own_version_is_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "diagnose.cli.composed.versions", lambda: {**_versions(), "diagnose": "99.0"}
    )
    assert ids() == WAS
    monkeypatch.setattr("diagnose.cli.composed.versions", lambda: {**_versions(), "engine": "x"})
    assert not set(ids().values()) & set(WAS.values())


def _versions() -> dict[str, str]:
    from diagnose.episode import versions

    return versions()


SMOKE = ("run", "experiment=smoke", "study.tasks=[A-L1]", "study.folder=studies")


def test_a_wider_sweep_runs_only_what_is_new_and_equals_one_that_ran_it_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = diagnose(*SMOKE, "study.runs=1", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    wider = diagnose(*SMOKE, "study.runs=2", "study.tasks=[A-L1,A-L2]", cwd=tmp_path)
    assert wider.returncode == 0, wider.stderr
    assert "16 episodes taken from" in wider.stderr
    assert "64 episodes, 48 to run" in wider.stderr
    held = diagnose(*SMOKE, "study.runs=2", "interventions/gap_hints=off", cwd=tmp_path)
    assert "16 episodes, 0 to run" in held.stderr
    alone = diagnose(
        *SMOKE, "study.runs=2", "study.tasks=[A-L1,A-L2]", "study.folder=own", cwd=tmp_path
    )
    assert "64 episodes, 64 to run" in alone.stderr
    (own,) = (tmp_path / "own").iterdir()
    again = tmp_path / "studies" / own.name
    assert canonical_lines(again) == canonical_lines(own)
    everything = diagnose(*SMOKE, "study.runs=1", "reuse=false", "study.name=anew", cwd=tmp_path)
    assert "16 episodes, 16 to run" in everything.stderr

    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    found = {Path(row[0]).name: row[1:] for row in rows}
    assert found[own.name] == ["64", "64", "0", "0", "0.00", "0"]
    assert len(found) == 4
    assert main(["status", str(again), "--task", "A-L2", "--run", "1", "--cell", CELL]) == 0
    assert "A-L2, run 1, cell 1010: current, " in capsys.readouterr().out
    shared_code(again, "0" * 64)
    assert main(["status", str(again), "--task", "A-L2", "--run", "1", "--cell", CELL]) == 0
    told = capsys.readouterr().out
    assert "not recorded as it would run today" in told
    assert [line.split()[0] for line in told.splitlines()[2:]] == ["interventions.gap_hints.code"]


def shared_code(folder: Path, code: str) -> None:
    """Rewrite a study's records as if an intervention's code had been another when they ran."""
    file = folder / "episodes.jsonl"
    lines = []
    for line in file.read_text().splitlines():
        record = json.loads(line)
        record["config"]["code"]["gap_hints"] = code
        record["episode_id"] = "0" + record["episode_id"][1:-1] + "x"
        lines.append(canonical_json(record) + "\n")
    file.write_text("".join(lines))
    for other in folder.parent.iterdir():
        if other != folder:
            (other / "study.json").unlink()


LOOKS = (
    "study.stop.rule=obrien_fleming", "study.stop.every=2", "study.stop.estimand=shapley:gap_hints",
)  # fmt: skip


def test_a_stopping_rule_refuses_shards() -> None:
    with pytest.raises(ConfigError, match="a look needs every record") as refused:
        configured([*SMALL, "study.runs=4", *LOOKS, "run.shard=1/2"])
    assert (refused.value.field, refused.value.received) == ("run.shard", "1/2")


def test_with_looks_only_what_no_look_can_make_needless_is_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("experiment=smoke", "study.tasks=[A-L1,A-L2,B-L1]", "study.runs=4")
    whole = diagnose("run", *given, "study.name=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *given, *LOOKS]) == 0
    assert ": 0 recorded, 96 to be taken over, 96 to run" in capsys.readouterr().out
    beside = diagnose("run", *given, *LOOKS, cwd=tmp_path)
    assert beside.returncode == 0, beside.stderr
    assert "96 episodes taken from" in beside.stderr
    alone = diagnose("run", *given, *LOOKS, "study.folder=own", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    (own,) = (tmp_path / "own").iterdir()
    again = tmp_path / "studies" / own.name
    assert canonical_lines(again) == canonical_lines(own)
    looks = (own / "looks.jsonl").read_text()
    assert (again / "looks.jsonl").read_text() == looks
    not_run = sum(json.loads(line)["not_run"] for line in looks.splitlines())
    assert main(["status", str(again)]) == 0
    done = 192 - not_run
    assert capsys.readouterr().out.split("\t")[1:4] == [str(done), "192", "0"]


def test_a_study_in_shards_is_analysed_reported_and_compacted_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("run.shard=1/2", "run.shard=2/2", "study.folder=own"):
        done = diagnose(*SMOKE, "study.runs=2", part, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    (own,) = (tmp_path / "own").iterdir()
    study = tmp_path / "studies" / own.name
    assert not (study / "report").exists()
    monkeypatch.chdir(tmp_path)
    told = []
    for command in ("analyze", "compact", "analyze"):
        assert (
            main([command, str(study), *(["--out", "e.csv"] if command == "analyze" else [])]) == 0
        )
        told.append((Path("e.csv").read_text(), capsys.readouterr().out))
    assert told[0][0] == told[2][0] == (own / "estimates.csv").read_text()
    assert told[0][1] == told[2][1]
    assert main(["doctor", str(study)]) == 0
    assert main(["report", str(study)]) == 0
    page = (study / "report" / "report.md").read_text()
    assert all(f"run.shard={part}" in page for part in ("1/2", "2/2"))
    assert main(["report", str(own), "--out", str(tmp_path / "page")]) == 0
    for name in ("schedule", "records' lines"):
        (line,) = (one for one in page.splitlines() if f"SHA-256 of the {name}" in one)
        assert line in (tmp_path / "page" / "report.md").read_text()
    capsys.readouterr()
    whole = diagnose(*SMOKE, "study.runs=2", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert "0 to run" in whole.stderr
    assert (study / "report" / "report.html").is_file()
    drawn = (study / "report" / "report.html").stat().st_mtime_ns
    again = diagnose(*SMOKE, "study.runs=2", cwd=tmp_path)
    assert again.stdout == whole.stdout
    assert (study / "report" / "report.html").stat().st_mtime_ns == drawn


def test_a_header_may_not_name_what_is_no_class_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = configured([*SMALL, f"study.folder={tmp_path}"])
    header = json.loads(canonical_json(study.header))
    header["shared"]["subject"] = {"_target_": "os.system", "command": f"touch {tmp_path}/x"}
    study.folder.mkdir()
    (study.folder / "study.json").write_text(json.dumps(header))
    assert main(["status", str(study.folder), "--task", "A-L1"]) == 2
    assert "no class of this project" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_launcher_whose_plugin_is_missing_names_the_extra(tmp_path: Path) -> None:
    done = diagnose("run", "-m", "launcher=submitit_slurm", "run.shard=1/2,2/2", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "diagnose: launcher: received 'launcher=submitit_slurm'; its plugin is not installed: "
        'pip install -e ".[slurm]"\n'
    )


def test_a_plan_counts_what_will_be_taken_over_and_a_study_in_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = diagnose(*SMOKE, "study.runs=1", "run.shard=1/2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    given = ("experiment=smoke", "study.tasks=[A-L1]")
    assert main(["plan", *given, "study.runs=1"]) == 0
    assert ": 8 recorded, 8 to run" in capsys.readouterr().out
    assert main(["plan", *given, "study.runs=2"]) == 0
    assert ": 0 recorded, 8 to be taken over, 24 to run" in capsys.readouterr().out
    assert main(["plan", *given, "study.runs=2", "reuse=false"]) == 0
    assert ": 0 recorded, 32 to run" in capsys.readouterr().out
    (study,) = (path.parent for path in (tmp_path / "studies").glob("*/study.json"))
    assert main(["logs", str(study), "--to", "chat", "-o", str(tmp_path / "chat.jsonl")]) == 0
    assert len((tmp_path / "chat.jsonl").read_text(encoding="utf-8").splitlines()) == 8
