"""A study of forks: paired with its source, killable, and true where the truth is known."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.forks import Forks
from diagnose.cli.configure import configured
from diagnose.errors import ConfigError
from diagnose.ledger import canonical_lines, read_records
from diagnose.models.reference import Profile
from diagnose.models.reference.truth import (
    VerdictTable,
    draws_of,
    rescue_probability,
    verdicts_of,
)
from diagnose.tasks import all_tasks, task

ROOT = Path(__file__).parents[2]
TASKS = ["study.tasks=[A-L2,B-L1,C-L1,D-L1,E-L2]"]
ALONE = ("1000", "0100", "0010", "0001")


def diagnose(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "MPLBACKEND": "Agg"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The folder of a study with all cells: five tasks, three runs."""
    folder = tmp_path_factory.mktemp("source")
    done = diagnose(folder, "run", *TASKS, "study.runs=3", "study.name=whole")
    assert done.returncode == 0, done.stderr
    (study,) = (folder / "studies").glob("whole-*")
    return study


@pytest.fixture(scope="module")
def forked(source):
    """The folder of the forks of its failures."""
    done = diagnose(source.parents[1], "run", "experiment=fork", *TASKS, f"fork.from={source}")
    assert done.returncode == 0, done.stderr
    assert "failed baseline episodes of whole, continued from first_failed_verify" in done.stderr
    assert "Of what joins reference/frontier late, gap_hints rescues most" in done.stdout
    (study,) = source.parent.glob("fork-*")
    return study


def outcomes(folder: Path) -> dict[tuple[str, int, str], bool | None]:
    """Outcomes by task, run and cell."""
    return {(one.task, one.run, one.cell): one.success for one in read_records(folder)}


def test_every_failed_baseline_episode_is_continued_in_every_arm(source, forked):
    failed = {key[:2] for key, won in outcomes(source).items() if key[2] == "0000" and not won}
    assert {key[:2] for key in outcomes(forked)} == failed
    assert len(outcomes(forked)) == 5 * len(failed)
    header = json.loads((forked / "study.json").read_text())
    assert header["fork"]["sources"] == len(failed)
    assert header["fork"]["left_out"] == {}


def test_the_untouched_continuation_of_a_deterministic_subject_is_the_episode(source, forked):
    ended = {(one.task, one.run): one for one in read_records(source) if one.cell == "0000"}
    untouched = [one for one in read_records(forked) if one.cell == "0000"]
    for one in untouched:
        was = ended[one.task, one.run]
        assert one.fork["source"] == was.episode_id != one.episode_id
        same = {"episode_id": was.episode_id, "study": was.study, "config": was.config, "fork": {}}
        assert replace(one, **same).to_line() == was.to_line()


def test_help_that_joins_before_the_device_is_built_does_what_it_does_from_the_start(
    source, forked
):
    early, late = outcomes(source), outcomes(forked)
    assert all(early[key] == won for key, won in late.items())
    assert sum(late.values()) > 0


def test_each_outcome_is_the_one_its_draws_say(forked):
    """The computed truth, draw by draw: the source failed with these draws, the fork has them."""
    profile = configured([]).model.profile
    capacities = ("identification", "discovery", "consolidation", "application")
    for one in read_records(forked):
        table = VerdictTable.of([verdicts_of(task(one.task))])
        draws, slip = draws_of((one.study_seed, one.task, one.run))
        supplied = [c for c, digit in zip(capacities, one.cell, strict=True) if digit == "1"]
        places = (np.array([0]), draws[None, None], np.array([[slip]]))
        assert one.success == table.outcomes(profile, [supplied], *places)[0, 0, 0]


def test_the_estimates_agree_with_the_truth(forked):
    rows = Forks.load(forked).estimates("fixed").set_index("estimand")
    for arm in Forks.load(forked).arms:
        row = rows.loc[f"rescue:{arm}@first_failed_verify"]
        assert row["ci_low"] <= row["truth"] <= row["ci_high"]
        assert rows.loc[f"rescue_late:{arm}@first_failed_verify", "estimate"] == 0
    assert rows.loc["rescue:untouched@first_failed_verify", "truth"] == 0


@pytest.mark.parametrize("one", all_tasks()[::3], ids=lambda one: one.id)
def test_the_rescue_probability_is_what_simulated_draws_give(one):
    profile = Profile(0.5, 0.7, 0.6, 0.8, slip=0.1)
    rng = np.random.default_rng(7)
    runs = 40_000
    table = VerdictTable.of([verdicts_of(one)])
    draws, slips = rng.random((1, runs, table.bits.shape[1], 4)), rng.random((1, runs))
    supplied = [[], ["identification"], ["application", "discovery"]]
    found = table.outcomes(profile, supplied, np.array([0]), draws, slips)[:, 0]
    failed = ~found[0]
    assert rescue_probability(verdicts_of(one), profile, []) == 0
    for won, helped in zip(found[1:], supplied[1:], strict=True):
        expected = rescue_probability(verdicts_of(one), profile, helped)
        seen = won[failed].mean()
        assert abs(seen - expected) < 5 * np.sqrt(0.25 / failed.sum())


def test_a_subject_that_cannot_fail_has_no_rescue_probability():
    chance = rescue_probability(verdicts_of(task("A-L1")), Profile(1, 1, 1, 1), [])
    assert np.isnan(chance)


def test_a_killed_study_of_forks_continues_to_the_same_records(source, forked):
    lines = list(canonical_lines(forked))
    overrides = ["experiment=fork", *TASKS, f"fork.from={source}", "study.folder=again"]
    study = configured(overrides)
    again = source.parents[1] / study.folder
    assert again.name == forked.name
    again.mkdir(parents=True)
    whole = (forked / "episodes.jsonl").read_bytes()
    (again / "study.json").write_bytes((forked / "study.json").read_bytes())
    (again / "episodes.jsonl").write_bytes(whole[: len(whole) // 2])  # a torn line at its end
    done = diagnose(source.parents[1], "run", *overrides, "run.workers=1")
    assert done.returncode == 0, done.stderr
    assert list(canonical_lines(again)) == lines


def test_an_id_holds_the_source_the_turn_and_what_stood_there(source):
    base = ["experiment=fork", *TASKS, f"fork.from={source}"]
    first, last, start = (
        configured([*base, f"fork.at={at}"]) for at in ("first_failed_verify", "last_turn", "0")
    )
    plan = next(p for p in first.plans if first.fork_of(p).turn > 0)
    same = next(p for p in last.plans if p.cell == plan.cell and first.fork_of(p).turn > 0)
    assert first.identify(plan) == last.identify(plan)  # the same turn, whatever the rule's name
    assert start.identify(plan) != first.identify(plan)
    fork = first.fork_of(plan)
    other = replace(fork, messages=(*fork.messages[:-1], {**fork.messages[-1], "content": "?"}))
    assert other.identity != fork.identity
    assert same.task


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["study.seed=1"], "its seed is 0, this study's is 1"),
        (["subject=reference/flat"], "its subject is"),
        (["budgets.trials=9"], "its budgets is"),
        (["env=renamed"], "no failed baseline episode of it can be continued"),
        (["env=crossed"], "with fork.from give one"),
        (["study.setting=curriculum"], "with fork.from give independent"),
        (["baseline=here"], "with fork.from give null"),
        (["fork.at=soon"], "fork.at: received 'soon'"),
        (["fork.at=40"], "too_short"),
        (["+fork.when=3"], "fork.when"),
        (["fork.from=nowhere"], "name the folder of a study that ran"),
    ],
)
def test_what_cannot_be_continued_is_said(source, overrides, said):
    with pytest.raises(ConfigError) as refused:
        configured(["experiment=fork", *TASKS, f"fork.from={source}", *overrides])
    assert said in str(refused.value)


def test_sources_without_the_turn_are_left_out_and_counted(source):
    study = configured(["experiment=fork", *TASKS, f"fork.from={source}", "fork.at=1"])
    left_out = study.header["fork"]["left_out"]
    failed = [k for k, won in outcomes(source).items() if k[2] == "0000" and not won]
    assert set(left_out) == {"too_short"}
    assert left_out["too_short"] + len(study.forked.forks) == len(failed)
    assert {fork.turn for fork in study.forked.forks.values()} == {1}


def test_shams_and_doses_are_arms_of_their_own(source):
    study = configured(
        ["experiment=fork", *TASKS, f"fork.from={source}", "interventions/gap_hints=placebo",
         "interventions/solution_sketches=off"]
    )  # fmt: skip
    assert {plan.cell for plan in study.plans} == {"0000", "1000", "9000", "0100", "0010"}
    plan = next(plan for plan in study.plans if plan.cell == "9000")
    record = study.execute(plan)
    assert record.fork["arm"] == "gap_hints@9"
    assert not record.success


def test_forks_in_shards_are_those_of_one_process_and_are_taken_over(source, forked, tmp_path):
    given = ("run", "experiment=fork", *TASKS, f"fork.from={source}")
    for part in ("1/2", "2/2"):
        done = diagnose(tmp_path, *given, f"run.shard={part}")
        assert done.returncode == 0, done.stderr
    (parts,) = tmp_path.glob("studies/fork-*")
    assert parts.name == forked.name
    assert len(list(parts.glob("shards/*/episodes.jsonl"))) == 2
    assert canonical_lines(parts) == canonical_lines(forked)
    there, here = (Forks.load(folder).estimates("new") for folder in (parts, forked))
    assert there.equals(here)
    # Under another name the episodes are the same, and its records as if they had run there.
    for more in ((), ("study.folder=own",)):
        done = diagnose(tmp_path, *given, "study.name=other", *more)
        assert done.returncode == 0, done.stderr
        assert ("0 to run" in done.stderr) is (not more)
    (again,), (own,) = tmp_path.glob("studies/other-*"), tmp_path.glob("own/other-*")
    assert canonical_lines(again) == canonical_lines(own)
    told = diagnose(tmp_path, "status", str(parts), "--task", "A-L2")
    assert told.returncode == 2
    assert "its own command says what is current" in told.stderr
