"""A curriculum: levels wait for the book of the level before; chains break, are killed, resume."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.load import load
from diagnose.cli.configure import configured
from diagnose.curriculum import Chains, chained
from diagnose.design import EpisodePlan, schedule_sha256
from diagnose.models.reference import Profile, Reference
from diagnose.models.reference.truth import true_table
from diagnose.store import canonical_lines, read_records
from diagnose.tasks import task
from tests.study import fake
from tests.study.chain_runner import CELLS, CHAINS, PLANS, VICTIM, identify

ROOT = Path(__file__).parents[2]
SMALL = ["study.setting=curriculum", "study.tasks=[C-L1,C-L2,A-L2]", "study.runs=2"]


def command(folder: Path, workers: int, fault: str) -> list[str]:
    runner = [sys.executable, "-W", "error", "-m", "tests.study.chain_runner"]
    return [*runner, str(folder), str(workers), fault]


def run(folder: Path, workers: int = 2, fault: str = "none") -> None:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        command(folder, workers, fault), cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def records(folder: Path):
    return {(r.task, r.run, r.cell): r for r in read_records(folder)}


def told(record) -> list[str]:
    return [entry["claim"] for entry in record.book]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("whole") / "s"
    run(folder, 1)
    return canonical_lines(folder)


def test_plans_are_linked_in_the_order_of_levels_where_a_book_is_kept():
    names = ["C-L3", "A-L1", "C-L1", "C-L4"]
    plans = [EpisodePlan(n, 3, c, 3, i) for i, n in enumerate(names) for c in ("0010", "0000")]
    linked = chained(plans, {name: task(name) for name in names}, {"0010"})
    assert [(p.task, p.cell) for p in linked] == [(p.task, p.cell) for p in plans]
    assert {(p.task, p.after, p.chain) for p in linked if p.cell == "0010"} == {
        ("C-L1", "", "C/run3/0010"), ("C-L3", "C-L1", "C/run3/0010"),
        ("C-L4", "C-L3", "C/run3/0010"), ("A-L1", "", "A/run3/0010"),
    }  # fmt: skip
    assert [p for p in linked if p.cell == "0000"] == [p for p in plans if p.cell == "0000"]
    assert schedule_sha256(linked) != schedule_sha256(plans)
    chains = Chains(linked)
    first = next(p for p in linked if p.task == "C-L1" and p.chain)
    assert chains.before(first) is None
    assert chains.before(chains.next(chains.next(first))).task == "C-L3"


@pytest.mark.parametrize("workers", [1, 3])
def test_every_level_is_handed_the_whole_book_before_it(tmp_path, workers, whole):
    run(tmp_path / "s", workers)
    assert canonical_lines(tmp_path / "s") == whole
    for (name, number, cell), record in records(tmp_path / "s").items():
        level = int(name[-1]) if cell in CELLS else 0
        assert told(record) == [f"A-L{n} {number} {cell}" for n in range(1, level + 1)]
        assert record.chain == (f"A/run{number}/{cell}" if cell in CELLS else "")


def test_a_lost_level_breaks_its_chain_and_no_other(tmp_path, whole):
    folder = tmp_path / "s"
    run(folder, 2, "lost")
    found = records(folder)
    lost = {key: r.missing_cause for key, r in found.items() if r.success is None}
    assert lost == {
        ("A-L2", 1, "0010"): "quota: none left",
        ("A-L3", 1, "0010"): "chain_broken: A-L2 was not observed",
        ("A-L4", 1, "0010"): "chain_broken: A-L3 was not observed",
    }
    executed = (folder / "executed").read_text().splitlines()
    assert "A-L3 1 0010" not in executed
    before = len(executed)
    run(folder, 2, "none")  # without retry_unobserved nothing runs again
    assert len((folder / "executed").read_text().splitlines()) == before
    run(folder, 2, "retry")
    assert canonical_lines(folder) == whole
    assert len((folder / "executed").read_text().splitlines()) == before + 3


def test_a_level_that_is_tried_again_goes_on_with_its_chain(tmp_path, whole):
    run(tmp_path / "s", 2, "lost_once")
    assert canonical_lines(tmp_path / "s") == whole


def test_a_killed_curriculum_resumes_with_the_books_it_had(tmp_path, whole):
    folder = tmp_path / "s"
    folder.mkdir()
    episodes = folder / "episodes.jsonl"
    for _ in range(4):
        begun = episodes.read_bytes().count(b"\n") if episodes.exists() else 0
        running = subprocess.Popen(command(folder, 2, "slow"), cwd=ROOT, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while episodes.read_bytes().count(b"\n") < begun + 8 if episodes.exists() else True:
            assert time.monotonic() < until
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
        running.wait()
    run(folder, 2)
    assert canonical_lines(folder) == whole
    ids = [json.loads(line)["episode_id"] for line in episodes.read_text().splitlines()]
    assert len(ids) == len(set(ids)) == len(PLANS)


def test_a_broken_chain_is_recorded_when_the_kill_came_between(tmp_path):
    """The predecessor is recorded as not observed, its successors are not recorded at all."""
    folder = tmp_path / "s"
    run(folder, 1, "lost")
    episodes = folder / "episodes.jsonl"
    kept = [line for line in episodes.read_text().splitlines() if "chain_broken" not in line]
    episodes.write_text("\n".join(kept) + "\n")
    run(folder, 1)
    causes = [r.missing_cause.partition(":")[0] for r in read_records(folder) if r.missing_cause]
    assert sorted(causes) == ["chain_broken", "chain_broken", "quota"]


def test_an_episodes_id_holds_the_chain_before_it_and_independent_ids_stay():
    assert identify(VICTIM) != identify(CHAINS.before(VICTIM))
    plain, linked = configured(SMALL[1:]), configured(SMALL)
    for plan, same in zip(linked.plans, plain.plans, strict=True):
        assert (linked.identify(plan) == plain.identify(same)) == (not plan.after)
    other = configured([*SMALL[:1], "study.tasks=[C-L2,A-L2]", *SMALL[2:]])
    ids = {other.identify(plan) for plan in other.plans if plan.task == "C-L2" and plan.chain}
    assert not ids & {linked.identify(plan) for plan in linked.plans if plan.after}


def diagnose(folder: Path, *overrides: str) -> list[str]:
    """A curriculum of the reference subject, from the command line."""
    arguments = ["run", *SMALL, "design=paper_sequential", f"study.folder={folder}", *overrides]
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", *arguments], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (study,) = folder.iterdir()
    return canonical_lines(study)


@pytest.mark.slow
def test_a_real_curriculum_is_the_same_on_one_worker_and_on_three_and_clusters_by_chain(tmp_path):
    one = diagnose(tmp_path / "one", "run.workers=1")
    assert diagnose(tmp_path / "three", "run.workers=3") == one
    found = [json.loads(line) for line in one]
    by_place = {(r["task"], r["run"], r["cell"]): r for r in found}
    for (name, number, cell), record in by_place.items():
        kept = cell in {"1110", "1111"}
        assert bool(record["chain"]) == kept
        if name == "C-L2" and kept:
            earlier = by_place["C-L1", number, cell]["book"]
            first = record["transcript"][1]["content"]
            assert record["book"][: len(earlier)] == earlier
            assert ("# Knowledge book" in first) == bool(earlier)
            assert all(entry["claim"] in first for entry in earlier)
    (folder,) = (tmp_path / "one").iterdir()
    table = load(folder).table
    assert set(table["chain"]) == {"A/run0", "A/run1", "C/run0", "C/run1"}


def test_what_a_curriculum_carries_is_in_the_computed_truth():
    """C-L1 and C-L2 need the same three laws: found in either, a law is known in the second."""
    p, q = 0.5, 0.8
    profile = Profile(p, q, 1, 1)
    cells = {"0000": [], "0010": ["consolidation"]}
    tasks = [task("C-L2"), task("C-L1")]
    table = true_table(profile, tasks, cells, carrying={"0010"})
    once, twice = p * q, 1 - (1 - p * q) ** 2
    assert table["C-L1"] == pytest.approx({"0000": once**3, "0010": once**3})
    assert table["C-L2"] == pytest.approx({"0000": once**3, "0010": twice**3})


def test_truth_of_a_curriculum_is_what_its_episodes_do():
    study = configured(
        ["study.setting=curriculum", "study.tasks=[C-L1,C-L2]", "study.runs=150",
         "interventions/gap_hints=off", "interventions/experiment_oracles=off",
         "interventions/solution_sketches=off", "interventions/knowledge_notes=on"]
    )  # fmt: skip
    assert isinstance(study.model, Reference)
    (cell,) = study.supplied
    truth = true_table(
        study.model.profile, study.tasks.values(), study.supplied, (), study.carrying_cells
    )["C-L2"][cell]
    plain = true_table(study.model.profile, study.tasks.values(), study.supplied)["C-L2"][cell]
    assert truth > plain + 0.1
    from dataclasses import replace

    books, passed = {}, 0
    for plan in sorted(study.plans, key=lambda plan: plan.task):
        record = study.execute(replace(plan, carried=books.get(plan.run, ())))
        books[plan.run] = record.book
        passed += plan.task == "C-L2" and bool(record.success)
    n = 150
    assert abs(passed / n - truth) < 3.5 * math.sqrt(truth * (1 - truth) / n)


def test_the_fake_plans_hold_chains_and_loose_episodes():
    assert {bool(plan.chain) for plan in PLANS} == {True, False}
    assert len(PLANS) == len(fake.plans(tasks=4))
