"""Allocated runs: what is asked for, and that neither workers nor kills change any of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.allocation import Batches, batches_in
from diagnose.errors import ConfigError, StoreError
from diagnose.policy import RunPolicy
from diagnose.seeds import stream
from diagnose.stopping import Outcome
from diagnose.store import Store, canonical_lines, read_records
from tests.study import fake
from tests.study.allocate_runner import CODES, PLANS, RUNS, TASKS, rule

ROOT = Path(__file__).parents[2]
FILE = "batches.jsonl"
EMPTY = {"made_from": "", "not_observed": 0, "said": ""}


def command(folder: Path, workers: int, fault: str, cost: str) -> list[str]:
    runner = [sys.executable, "-W", "error", "-m", "tests.study.allocate_runner"]
    return [*runner, str(folder), str(workers), fault, cost]


def run(folder: Path, workers: int = 2, fault: str = "none", cost: str = "episodes"):
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        command(folder, workers, fault, cost),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def ended(done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def outcome(plan) -> Outcome:
    made = fake.record(plan)
    return Outcome(plan.task, plan.run, plan.cell, made.success, made.usage.cost_usd)


def expected(cost: str = "episodes"):
    """The plans that run and each batch's counts, from the rule alone: no store, no workers."""
    made, taken = rule(cost), []
    tasks = sorted({plan.task for plan in PLANS})
    asked = [plan for plan in PLANS if plan.run < made.batches[0].end]
    for number, batch in enumerate(made.batches[1:], 1):
        draw = stream(fake.SEED, "allocate", number)
        counts = made.allocate(number, tasks, [outcome(p) for p in asked], draw).counts
        asked += [
            plan
            for plan in PLANS
            if 0 <= plan.run - batch.first < counts[plan.cell][plan.task] and plan.run < batch.end
        ]
        taken.append(counts)
    return asked, taken


@pytest.fixture(scope="module", params=["episodes", "usd"])
def whole(request, tmp_path_factory):
    """A study run on one worker: cost, folder, how it ended."""
    folder = tmp_path_factory.mktemp(request.param) / "s"
    return request.param, folder, ended(run(folder, 1, cost=request.param))


def test_what_a_batch_asks_for_is_run_and_nothing_else(whole):
    cost, folder, end = whole
    plans, taken = expected(cost)
    assert canonical_lines(folder) == fake.expected(plans)
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    assert [line["counts"] for line in lines] == taken
    assert any(len({n for row in counts.values() for n in row.values()}) > 1 for counts in taken)
    budget = RUNS * TASKS * len(CODES)
    if cost == "episodes":
        assert len(plans) == budget  # every episode of equal runs, and none more
    assert sum(line["not_run"] for line in lines) == budget - len(plans)
    assert end == {"recorded": len(plans), "not_run": len(PLANS) - len(plans), "total": len(PLANS)}


@pytest.mark.parametrize("workers", [2, 8])
def test_any_number_of_workers_gives_the_same_records_and_batches(whole, tmp_path, workers):
    cost, folder, _ = whole
    run(tmp_path / "s", workers, cost=cost)
    assert canonical_lines(tmp_path / "s") == canonical_lines(folder)
    assert (tmp_path / "s" / FILE).read_bytes() == (folder / FILE).read_bytes()


def test_episodes_of_a_batch_wait_for_the_one_before(tmp_path):
    folder = tmp_path / "s"
    run(folder, 8)
    ends = [batch.end for batch in rule().batches]
    numbers = [int(line.split()[1]) for line in (folder / "executed").read_text().splitlines()]
    batches = [sum(number >= end for end in ends) for number in numbers]
    assert batches == sorted(batches)
    assert set(batches) == {0, 1, 2}


def test_a_killed_study_shares_out_the_same(whole, tmp_path):
    cost, reference, end = whole
    folder = tmp_path / "s"
    folder.mkdir()
    episodes = folder / "episodes.jsonl"
    fake.killed_on_the_way(command(folder, 2, "slow", cost), folder, 57)
    assert ended(run(folder, cost=cost)) == end
    assert canonical_lines(folder) == canonical_lines(reference)
    assert (folder / FILE).read_bytes() == (reference / FILE).read_bytes()
    ids = [json.loads(line)["episode_id"] for line in episodes.read_text().splitlines()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("left", "kept"), [("", 0), ('{"asked": 12', 1)])
def test_a_decision_lost_or_torn_is_taken_again_the_same(tmp_path, left, kept):
    folder = tmp_path / "s"
    end = ended(run(folder))
    lines, before = canonical_lines(folder), (folder / FILE).read_text()
    (folder / FILE).write_text("".join(before.splitlines(keepends=True)[:kept]) + left)
    assert ended(run(folder)) == end
    assert (folder / FILE).read_text() == before
    assert canonical_lines(folder) == lines


def test_a_finished_study_runs_nothing_and_decides_nothing(whole):
    cost, folder, end = whole
    before = (folder / "executed").read_bytes(), (folder / FILE).read_bytes()
    assert ended(run(folder, cost=cost)) == end
    assert ((folder / "executed").read_bytes(), (folder / FILE).read_bytes()) == before


def test_what_was_decided_stays_when_an_episode_is_observed_later(tmp_path):
    folder = tmp_path / "s"
    run(folder, fault="lost")
    taken = (folder / FILE).read_bytes()
    lost = [r for r in read_records(folder) if r.success is None]
    assert [(r.task, r.run, r.cell) for r in lost] == [("A-L2", 1, "0000")]
    ended(run(folder, fault="retry"))
    assert (folder / FILE).read_bytes() == taken
    assert all(record.success is not None for record in read_records(folder))
    ended(run(folder))  # and is accepted from then on


def swapped(line: dict) -> None:
    """Give one task's run to another: as many episodes, but not what the records give."""
    row = next(row for row in line["counts"].values() if len(set(row.values())) > 1)
    most, least = max(row, key=row.get), min(row, key=row.get)
    row[most], row[least] = row[least], row[most]


def renamed(line: dict) -> None:
    line["made_from"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "said"),
    [(swapped, "is not what its records give"), (renamed, "from other records")],
)
def test_a_decision_that_the_records_do_not_give_is_refused(tmp_path, change, said):
    folder = tmp_path / "s"
    run(folder)
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    change(lines[-1])
    (folder / FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(folder)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}\n", "line 1 is broken"),
        ("[]\n", "line 1 is broken"),
        ('{"number": 1, "first": 2, "counts": {"0000": {"A-L1": 1.5}}}\n', "line 1 is broken"),
        (
            json.dumps({"number": 1, "first": 2, "counts": {}, "asked": 0, "not_run": 0, **EMPTY})
            + "\n",
            "not this study's",
        ),
    ],
)
def test_a_file_of_batches_that_is_none_is_refused(tmp_path, text, said):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StoreError, match=said):
        Batches(rule(), tmp_path, PLANS, fake.SEED)


def test_the_gate_moves_with_the_batches(tmp_path):
    made = Batches(rule(), tmp_path, PLANS, fake.SEED)
    assert made.gate == 2
    assert [made.waits(plan) for plan in (PLANS[0], PLANS[-1])] == [False, True]
    spare = [plan for plan in PLANS if made.spare(plan)]
    assert len(PLANS) - len(spare) == RUNS * TASKS * len(CODES)
    made.take([outcome(plan) for plan in PLANS if plan.run < 2], ())
    made.take([outcome(plan) for plan in PLANS if not made.waits(plan)], ())
    assert made.gate is None
    assert len([p for p in PLANS if not made.stops(p)]) == RUNS * TASKS * len(CODES)
    assert [batch.number for batch in batches_in(tmp_path)] == [1, 2]


def test_an_allocation_wants_every_record_and_no_looks(tmp_path):
    with Store(tmp_path / "s", fake.header(PLANS)) as store:
        store.claim([fake.identify(plan) for plan in PLANS[:5]])
        with pytest.raises(ConfigError, match="needs every record"):
            fake.ran(PLANS, fake.execute, store, RunPolicy(1), allocation=(rule(), fake.SEED))
