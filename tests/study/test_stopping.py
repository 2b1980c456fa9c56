"""Looks: what is held back, what stops, and that neither workers nor kills change any of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.design import EpisodePlan
from diagnose.errors import StoreError
from diagnose.stopping import Look, Looks, Outcome
from diagnose.store import canonical_lines, read_records
from tests.study import fake
from tests.study.stop_runner import CODES, EVERY, PLANS, RUNS, rule

ROOT = Path(__file__).parents[2]


def command(folder: Path, workers: int, fault: str, scope: str) -> list[str]:
    runner = [sys.executable, "-W", "error", "-m", "tests.study.stop_runner"]
    return [*runner, str(folder), str(workers), fault, scope]


def run(folder: Path, workers: int = 2, fault: str = "none", scope: str = "cell"):
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        command(folder, workers, fault, scope), cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def looks(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "looks.jsonl").read_text().splitlines()]


def ended(done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=["cell", "study"])
def whole(request, tmp_path_factory):
    """A study run on one worker without a fault: scope, folder, how it ended."""
    folder = tmp_path_factory.mktemp(request.param) / "s"
    return request.param, folder, ended(run(folder, 1, scope=request.param))


def expected(scope: str) -> tuple[list[EpisodePlan], list[tuple[int, list[str]]]]:
    """The plans that run and what each look stops, from the rule alone: no store, no workers."""
    made, ends, taken = rule(scope), {}, []
    for number, runs in enumerate(made.looks, 1):
        running = frozenset(CODES) - ends.keys()
        if not running:
            break
        seen = [
            Outcome(p.task, p.run, p.cell, fake.record(p).success)
            for p in PLANS
            if p.run < min(runs, ends.get(p.cell, runs))
        ]
        stopped = made.look(number, seen, running).stopped
        ends |= dict.fromkeys(stopped, runs)
        taken.append((runs, list(stopped)))
    return [p for p in PLANS if p.run < ends.get(p.cell, RUNS)], taken


def test_what_a_rule_stops_is_not_run_and_nothing_else_is_missing(whole):
    scope, folder, end = whole
    plans, taken = expected(scope)
    assert 0 < len(plans) < len(PLANS)  # the fake study does stop early, and not at once
    assert canonical_lines(folder) == fake.expected(plans)
    assert [(look["runs"], look["stopped"]) for look in looks(folder)] == taken
    assert end == {
        "recorded": len(plans), "not_run": len(PLANS) - len(plans), "total": len(PLANS),
    }  # fmt: skip
    assert sum(look["not_run"] for look in looks(folder)) == end["not_run"]
    if scope == "cell":
        assert any(0 < len(stopped) < len(CODES) for _, stopped in taken)


@pytest.mark.parametrize("workers", [2, 8])
def test_any_number_of_workers_gives_the_same_records_and_looks(whole, tmp_path, workers):
    scope, folder, _ = whole
    run(tmp_path / "s", workers, scope=scope)
    assert canonical_lines(tmp_path / "s") == canonical_lines(folder)
    assert (tmp_path / "s" / "looks.jsonl").read_bytes() == (folder / "looks.jsonl").read_bytes()


def test_episodes_after_a_look_wait_for_it(tmp_path):
    folder = tmp_path / "s"
    run(folder, 8)
    numbers = [int(line.split()[1]) for line in (folder / "executed").read_text().splitlines()]
    blocks = [number // EVERY for number in numbers]
    assert blocks == sorted(blocks)


def test_a_killed_study_takes_the_same_looks(whole, tmp_path):
    scope, reference, end = whole
    folder = tmp_path / "s"
    folder.mkdir()
    episodes = folder / "episodes.jsonl"
    fake.killed_on_the_way(command(folder, 2, "slow", scope), folder, 41)
    assert ended(run(folder, 2, scope=scope)) == end
    assert canonical_lines(folder) == canonical_lines(reference)
    assert (folder / "looks.jsonl").read_bytes() == (reference / "looks.jsonl").read_bytes()
    ids = [json.loads(line)["episode_id"] for line in episodes.read_text().splitlines()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("left", "kept"), [("", 0), ('{"facts": {"ce', 1)])
def test_a_look_lost_or_torn_with_its_records_kept_is_taken_again_the_same(tmp_path, left, kept):
    folder = tmp_path / "s"
    end = ended(run(folder))
    lines, before = canonical_lines(folder), (folder / "looks.jsonl").read_text()
    cut = "".join(before.splitlines(keepends=True)[:kept]) + left
    (folder / "looks.jsonl").write_text(cut)
    assert ended(run(folder)) == end
    assert (folder / "looks.jsonl").read_text() == before
    assert canonical_lines(folder) == lines


def test_a_finished_study_runs_nothing_and_takes_no_look(whole):
    scope, folder, end = whole
    before = (folder / "executed").read_bytes(), (folder / "looks.jsonl").read_bytes()
    assert ended(run(folder, scope=scope)) == end
    assert ((folder / "executed").read_bytes(), (folder / "looks.jsonl").read_bytes()) == before


def test_what_was_decided_stays_when_an_episode_is_observed_later(tmp_path):
    folder = tmp_path / "s"
    run(folder, fault="lost")
    taken = looks(folder)
    lost = [r for r in read_records(folder) if r.success is None]
    assert [(r.task, r.run, r.cell) for r in lost] == [("A-L2", 1, "0000")]
    ended(run(folder, fault="retry"))
    assert looks(folder) == taken
    assert all(record.success is not None for record in read_records(folder))


def test_another_rule_in_the_same_folder_is_refused(tmp_path):
    folder = tmp_path / "s"
    run(folder, scope="cell")
    done = run(folder, scope="study")
    assert done.returncode == 2
    assert "config.stop" in done.stderr


def test_without_a_rule_there_is_no_file_of_looks(tmp_path):
    folder = tmp_path / "s"
    assert ended(run(folder, scope="none"))["recorded"] == len(PLANS)
    assert not (folder / "looks.jsonl").exists()


class Always:
    """Stops one cell at the first look."""

    looks = (1, 3)
    declared = {}  # noqa: RUF012

    def look(self, number, outcomes, running):
        assert {one.run for one in outcomes} <= set(range(self.looks[number - 1]))
        return Look(number, self.looks[number - 1], ("1",) if number == 1 else (), "said")


def test_the_gate_moves_with_the_looks(tmp_path):
    plans = [EpisodePlan("t", run, cell, run, 0) for run in range(4) for cell in "01"]
    made = Looks(Always(), tmp_path, "01")
    assert [made.waits(plan) for plan in plans[:4]] == [False, False, True, True]
    seen = [Outcome("t", plan.run, plan.cell, None) for plan in plans]
    assert made.take(seen, plans[2:]).not_run == 3
    assert made.gate == 3
    assert [made.stops(plan) for plan in plans] == [False, False] + [False, True] * 3
    assert Looks(Always(), tmp_path, "01").running == {"0"}
    made.take(seen, plans[6:])
    assert made.gate is None
    assert not any(made.waits(plan) for plan in plans)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}\n", "line 1 is broken"),
        ("[]\n", "line 1 is broken"),
        ('{"number": 1, "runs": 1, "stopped": [1], "said": "", "facts": {}}\n', "broken"),
        ('{"number": 2, "runs": 3, "stopped": [], "said": "", "facts": {}}\n', "not this study"),
        ('{"number": 1, "runs": 2, "stopped": [], "said": "", "facts": {}}\n', "not this study"),
    ],
)
def test_damaged_looks_are_refused(tmp_path, text, said):
    (tmp_path / "looks.jsonl").write_text(text)
    with pytest.raises(StoreError, match=said):
        Looks(Always(), tmp_path, "01")
