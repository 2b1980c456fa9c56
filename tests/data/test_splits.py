"""Held-out tasks stay held out, and runs validate whole."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.experiments import true_laws
from diagnose.errors import InputError
from diagnose.models.reference.writing import building
from diagnose.tasks import FAMILIES, all_tasks, build_device, family_of, task
from diagnose.tasks.base import LEVELS
from diagnose.training.dataset import SPLITS
from diagnose.training.splits import HoldOut, validation_runs
from tests.data.studies import collected, passes, records
from tests.logs.played import REPLIES, played

NAMES = st.one_of(
    st.sampled_from(list(FAMILIES)),
    st.sampled_from([f"L{level}" for level in LEVELS]),
    st.sampled_from([one.id for one in all_tasks(LEVELS)]),
)


@given(st.lists(NAMES, max_size=4))
def test_a_task_is_held_out_by_its_name_its_family_or_its_level(names):
    held = HoldOut.of(names)
    for one in all_tasks(LEVELS):
        named = {one.id, one.family, f"L{one.level}"} & set(names)
        assert held.holds(one.family, one.level) == bool(named)
        assert (one in held.every_task) == bool(named)


@pytest.mark.parametrize("name", ["", "F", "L0", "L8", "L", "A-L9", "a-l1", "A-L4 "])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(InputError, match="hold-out"):
        HoldOut.of([name])


RUNS = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=20)


@given(RUNS, st.floats(0, 0.99), st.floats(0, 0.99), st.integers(0, 5))
def test_validation_takes_whole_runs_a_share_of_them_and_never_all(runs, share, other, seed):
    few, many = sorted([share, other])
    chosen = validation_runs(runs, few, seed)
    assert chosen <= validation_runs(runs, many, seed) <= runs
    if few and len(runs) > 1:
        assert 1 <= len(chosen) < len(runs)
        assert abs(len(chosen) - few * len(runs)) <= 1
    else:
        assert not chosen


@settings(max_examples=12)
@given(
    st.lists(st.sampled_from(["A", "C", "L1", "L2", "A-L2", "C-L1"]), max_size=2),
    st.sampled_from([0.0, 0.3, 0.5]),
    st.integers(0, 3),
)
def test_no_task_is_on_both_sides_and_no_run(names, validation, seed):
    held = HoldOut.of(names)
    if all(held.holds(one[0], int(one[-1])) for one in ("A-L1", "A-L2", "C-L1", "C-L2")):
        return
    data = collected(records(), hold_out=tuple(names), validation=validation, seed=seed)
    tasks = {split: {one.source.task for one in data.examples(split)} for split in SPLITS}
    assert not tasks["held_out"] & (tasks["train"] | tasks["validation"])
    assert all(held.holds(one[0], int(one[-1])) for one in tasks["held_out"])
    assert not any(held.holds(one[0], int(one[-1])) for one in tasks["train"])
    runs = {
        split: {(one.source.study_seed, one.source.run) for one in data.examples(split)}
        for split in SPLITS
    }
    assert not runs["train"] & runs["validation"]
    assert runs["validation"] <= {tuple(run) for run in data.about["validation_runs"]}


def quoting(text: str):
    """A success of A-L1 whose subject says ``text`` on the way."""
    return played(f"{REPLIES[0]}\n{text}", *REPLIES[1:])


def test_what_holds_a_held_out_task_s_goal_or_program_is_not_trained_on():
    other = task("C-L2")
    goal = family_of(other).text(other)
    program = building(build_device(other, true_laws()))
    clean, told, spaced = played(), quoting(goal), quoting(goal.replace(" ", "\n  "))
    for record in (told, spaced):
        assert len(collected([record]).examples("train")) == 1
        with pytest.raises(InputError, match="holds something of a held-out task"):
            collected([record], hold_out=("C-L2",))
        assert len(collected([record], hold_out=("C-L1",)).examples("train")) == 1
    assert len(collected([clean], hold_out=("C-L2",)).examples("train")) == 1
    with_program = replace(
        clean,
        transcript=(
            *clean.transcript[:2],
            {"role": "assistant", "content": f"Elsewhere:\n```python\n{program}\n```"},
            *clean.transcript[3:],
        ),
    )
    with pytest.raises(InputError, match="holds something of a held-out task"):
        collected([with_program], hold_out=("C",))


def test_examples_of_held_out_tasks_are_kept_apart_and_pass():
    data = collected(records(), hold_out=("L2",), validation=0.0, distil=True)
    assert {one.source.level for one in data.examples("train")} == {1}
    assert {one.source.level for one in data.examples("held_out")} == {2}
    assert all(passes(one, cell="0000") for one in data.examples("held_out"))
