"""Studies run, killed, broken and continued, each in a process of its own."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diagnose.records import EpisodeRecord
from diagnose.store import canonical_lines, read_records
from tests.study import fake
from tests.study.runner import PLANS, VICTIM

ROOT = Path(__file__).parents[2]
WHOLE = fake.expected(PLANS)


def command(folder: Path, workers: int = 2, fault: str = "none", *more: object) -> list[str]:
    arguments = [str(folder), str(workers), fault, *map(str, more)]
    return [sys.executable, "-W", "error", "-m", "tests.study.runner", *arguments]


def run(folder: Path, *args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        command(folder, *args), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    return done


def start(folder: Path, *args: object) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    pipe = subprocess.PIPE
    return subprocess.Popen(command(folder, *args), cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(path: Path, count: int) -> None:
    until = time.monotonic() + 30
    while lines_in(path) < count:
        assert time.monotonic() < until
        time.sleep(0.001)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for_death(pids: set[int]) -> None:
    until = time.monotonic() + 10
    while any(map(alive, pids)):
        assert time.monotonic() < until, {pid for pid in pids if alive(pid)}
        time.sleep(0.005)


def executed(folder: Path) -> list[tuple[str, int, str]]:
    rows = [line.split() for line in (folder / "executed").read_text().splitlines()]
    return [(task, int(number), cell) for _, task, number, cell in rows]


def victim(folder: Path) -> EpisodeRecord:
    (found,) = [r for r in read_records(folder) if r.episode_id == fake.identify(VICTIM)]
    return found


def others(folder: Path) -> list[str]:
    return [line for line in canonical_lines(folder) if fake.identify(VICTIM) not in line]


def whole_but_victim() -> list[str]:
    return [line for line in WHOLE if fake.identify(VICTIM) not in line]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_does_not_change_a_byte(tmp_path: Path, workers: int) -> None:
    done = run(tmp_path / "s", workers)
    assert canonical_lines(tmp_path / "s") == WHOLE
    assert sorted(executed(tmp_path / "s")) == sorted((p.task, p.run, p.cell) for p in PLANS)
    assert lines_in(tmp_path / "s" / "timings.jsonl") == len(PLANS)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == f"36 episodes, 36 to run on {workers} workers"


@pytest.mark.parametrize(("workers", "concurrency"), [(1, 8), (2, 40), (3, 7)])
def test_how_many_run_at_once_does_not_change_a_byte(
    tmp_path: Path, workers: int, concurrency: int
) -> None:
    done = run(tmp_path / "s", workers, "none_among_many", 2, 0.0, concurrency)
    assert canonical_lines(tmp_path / "s") == WHOLE
    assert sorted(executed(tmp_path / "s")) == sorted((p.task, p.run, p.cell) for p in PLANS)
    each = -(-concurrency // workers)
    assert done.stdout.splitlines()[0].endswith(f"on {workers} workers, {each} at once on each")


def test_of_many_in_flight_the_one_that_kills_its_worker_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    run(folder, 2, "abort_among_many", 0, 0.0, 12)  # no attempt to spare
    assert victim(folder).missing_cause == "worker_died: signal 6 (SIGABRT)"
    assert others(folder) == whole_but_victim()
    attempts = executed(folder).count((VICTIM.task, VICTIM.run, VICTIM.cell))
    assert attempts == 2  # once among others, once alone


def test_a_death_among_many_that_does_not_come_again_costs_nobody_an_attempt(
    tmp_path: Path,
) -> None:
    run(tmp_path / "s", 2, "sigkill_once_among_many", 0, 0.0, 12)
    assert canonical_lines(tmp_path / "s") == WHOLE


def test_of_many_in_flight_the_one_that_hangs_is_known_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    run(folder, 2, "hang_among_many", 0, 1.5, 12)
    assert victim(folder).missing_cause == "worker_hung: longer than 1.5 s"
    assert others(folder) == whole_but_victim()
    assert executed(folder).count((VICTIM.task, VICTIM.run, VICTIM.cell)) == 1


def test_one_worker_runs_in_schedule_order(tmp_path: Path) -> None:
    run(tmp_path / "s", 1)
    assert executed(tmp_path / "s") == [(p.task, p.run, p.cell) for p in PLANS]
    assert [r.episode_id for r in read_records(tmp_path / "s")] == list(map(fake.identify, PLANS))


def test_a_finished_study_runs_nothing_again(tmp_path: Path) -> None:
    run(tmp_path / "s")
    run(tmp_path / "s")
    assert len(executed(tmp_path / "s")) == len(PLANS)


def test_kill_dash_nine_at_any_instant_loses_and_repeats_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    draw = random.Random(5)
    episodes = folder / "episodes.jsonl"
    pids: set[int] = set()
    kept: list[bytes] = []
    for kills in range(10):
        study = start(folder, 2, "brood")
        wait_for_lines(episodes, min(len(kept) + 1, len(PLANS) - 1))
        time.sleep(draw.uniform(0, 0.01))
        study.kill()
        study.communicate(timeout=20)  # orphans would hold the pipes
        for line in (folder / "brood").read_text().splitlines():
            pids.update(map(int, line.split()))
        whole = episodes.read_bytes().splitlines(keepends=True)
        assert whole[: len(kept)] == kept, kills
        kept = [line for line in whole if line.endswith(b"\n")]
        wait_for_death(pids)
    assert len(pids) >= 4  # two workers and a child of each, the first time at least
    run(folder)
    assert canonical_lines(folder) == WHOLE
    assert lines_in(episodes) == len(WHOLE)  # nothing twice in the raw file either
    assert episodes.read_bytes().splitlines(keepends=True)[: len(kept)] == kept


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_study_and_the_same_command_continues(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "s"
    study = start(folder, 2, "brood_hang")
    wait_for_lines(folder / "episodes.jsonl", 4)
    study.send_signal(number)
    out, err = study.communicate(timeout=20)
    assert (study.returncode, err) == (code, "")
    assert "stopped; the same command continues" in out.splitlines()
    pids = {
        int(pid) for line in (folder / "brood").read_text().splitlines() for pid in line.split()
    }
    wait_for_death(pids)
    before = lines_in(folder / "episodes.jsonl")
    assert 4 <= before < len(PLANS)
    run(folder)
    assert canonical_lines(folder) == WHOLE
    assert lines_in(folder / "episodes.jsonl") == len(PLANS)


def test_a_torn_tail_is_mentioned_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    run(folder)
    episodes = folder / "episodes.jsonl"
    os.truncate(episodes, episodes.stat().st_size - 5)
    shown = run(folder).stdout.splitlines()
    assert shown[0] == (
        f"warning: {episodes}: line 36 was cut short and is moved to episodes.torn; "
        "its episode runs again"
    )
    assert shown[1] == "36 episodes, 1 to run on 1 workers"
    assert canonical_lines(folder) == WHOLE
    assert not run(folder).stdout.startswith("warning")


def test_ending_a_study_ends_what_its_workers_started(tmp_path: Path) -> None:
    run(tmp_path / "s", 2, "brood")
    pids = (tmp_path / "s" / "brood").read_text().split()
    wait_for_death(set(map(int, pids)))


@pytest.mark.parametrize("fault", ["sigkill_once", "infrastructure_once"])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_passing_failure_leaves_no_trace(tmp_path: Path, fault: str, workers: int) -> None:
    run(tmp_path / "s", workers, fault)
    assert canonical_lines(tmp_path / "s") == WHOLE
    attempts = executed(tmp_path / "s").count((VICTIM.task, VICTIM.run, VICTIM.cell))
    assert attempts == 2
    assert len(executed(tmp_path / "s")) == len(PLANS) + 1  # the one waiting behind it ran once


@pytest.mark.parametrize(
    ("fault", "retries", "attempts", "cause"),
    [
        ("abort", 2, 3, "worker_died: signal 6 (SIGABRT)"),
        ("abort", 0, 1, "worker_died: signal 6 (SIGABRT)"),
        ("exit", 1, 2, "worker_died: exit code 3"),
        ("infrastructure", 2, 3, "rate_limit: try later"),
        ("quota", 2, 1, "quota: none left"),
    ],
)
def test_a_lasting_failure_is_recorded_with_its_cause_and_may_be_run_again(
    tmp_path: Path, fault: str, retries: int, attempts: int, cause: str
) -> None:
    folder = tmp_path / "s"
    done = run(folder, 2, fault, retries)
    assert json.loads(done.stdout.splitlines()[-1]) == {"recorded": 36, "not_observed": 1}
    assert executed(folder).count((VICTIM.task, VICTIM.run, VICTIM.cell)) == attempts
    assert (victim(folder).outcome, victim(folder).missing_cause) == ("not_observed", cause)
    assert victim(folder).success is None
    assert others(folder) == whole_but_victim()

    (folder / "executed").unlink()
    run(folder)  # a record is a record: nothing runs again unless asked
    assert not (folder / "executed").exists()
    before = (folder / "episodes.jsonl").read_bytes()
    run(folder, 2, "retry_unobserved")
    assert executed(folder) == [(VICTIM.task, VICTIM.run, VICTIM.cell)]
    assert canonical_lines(folder) == WHOLE
    assert (folder / "episodes.jsonl").read_bytes().startswith(before)  # append-only


def test_a_hung_worker_is_killed_and_its_episode_recorded(tmp_path: Path) -> None:
    run(tmp_path / "s", 2, "hang", 0, 1.5)
    assert victim(tmp_path / "s").missing_cause == "worker_hung: longer than 1.5 s"
    assert others(tmp_path / "s") == whole_but_victim()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("config", r"ConfigError: model.name: received \"\['a', 'b'\]\"; name one model"),
        ("bug", r"EpisodeBugError: EpisodePlan(.|\n)*in strike(.|\n)*ZeroDivisionError: a planted"),
    ],
)
def test_a_fatal_error_stops_the_study_and_keeps_what_was_done(
    tmp_path: Path, fault: str, message: str
) -> None:
    folder = tmp_path / "s"
    done = run(folder, 1, fault, code=2)
    assert re.search(message, done.stderr)
    before = PLANS[: PLANS.index(VICTIM)]
    assert [r.episode_id for r in read_records(folder)] == list(map(fake.identify, before))
    run(folder)
    assert canonical_lines(folder) == WHOLE


def test_a_full_disk_keeps_whole_lines_and_the_study_continues(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    done = run(folder, 2, "disk_full", code=2)
    assert "StoreError" in done.stderr
    assert "the disk, quota or file-size limit is full" in done.stderr
    kept = (folder / "episodes.jsonl").read_bytes()
    assert kept.endswith(b"\n")
    assert 20_000 - 1_500 < len(kept) <= 20_000  # filled up to less than one more record
    assert set(canonical_lines(folder)) < set(WHOLE)
    run(folder)
    assert canonical_lines(folder) == WHOLE
    assert not (folder / "episodes.torn").exists()


def test_a_second_runner_is_told_who_runs(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    first = start(folder, 1, "hang")
    wait_for_lines(folder / "episodes.jsonl", PLANS.index(VICTIM))
    second = run(folder, code=2)
    assert second.stderr.startswith(f"StoreError: {folder}: process {first.pid} is running this")
    first.terminate()
    first.communicate(timeout=20)
    assert lines_in(folder / "episodes.jsonl") == PLANS.index(VICTIM)


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    first = start(tmp_path / "s", 1, "hang")
    wait_for_lines(tmp_path / "s" / "episodes.jsonl", PLANS.index(VICTIM))
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=20)
    log = (tmp_path / "s" / "executed").read_text()
    wait_for_death({int(line.split()[0]) for line in log.splitlines()})
    run(tmp_path / "s")
    assert canonical_lines(tmp_path / "s") == WHOLE
