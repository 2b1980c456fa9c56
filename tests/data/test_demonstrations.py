"""Full-knowledge demonstrations pass, in the format and the names that the subject was told."""

from dataclasses import replace

import pytest

from diagnose.cli.rebuilt import interventions_of
from diagnose.tasks import all_tasks
from diagnose.training.demonstrations import gold
from diagnose.training.playing import LeftOutError
from tests.data.studies import collected, passes, records, study

WORLDS = [
    (),
    ("env=renamed",),
    ("env=permuted",),
    ("scaffold.protocol=tools",),
    ("scaffold.prompt=small",),
]


def planned(*overrides):
    """The records of a study that did not run."""
    one = study(*overrides)
    return [one.unobserved(plan, "planned", "") for plan in one.plans]


@pytest.mark.parametrize("world", WORLDS, ids="-".join)
def test_each_answers_the_subject_s_own_prompt_and_passes(world):
    data = collected(records(*world), own=False, gold=True, near=1.0, validation=0.0)
    prompts = {
        (one.task, one.run, one.cell): [dict(message) for message in one.transcript[:2]]
        for one in records(*world)
    }
    for example in data.examples():
        source = example.source
        assert source.kind == "gold"
        assert len(example.messages) == 3
        assert list(example.messages[:2]) == prompts[source.task, source.run, source.cell]
    assert {str(example.messages[:2]) for example in data.examples()} == {
        str(tuple(prompt)) for prompt in prompts.values()
    }
    for example in data.examples()[::7]:
        assert passes(example, *world)


def test_those_of_a_study_that_did_not_run_are_the_same():
    ran, did_not = (
        collected(some, own=False, gold=True, near=1.0) for some in (records(), planned())
    )
    assert ran.every_example == did_not.every_example


def test_every_published_task_has_one_under_other_names_too():
    bare = [
        one
        for one in planned("study.tasks=all", "study.runs=1", "env=renamed")
        if one.cell == "0000"
    ]
    data = collected(bare, own=False, gold=True, validation=0.0)
    assert [one.source.task for one in data.examples()] == [one.id for one in all_tasks()]
    assert data.about["left_out"] == {}
    assert not any("repeater" in str(one.messages) for one in data.examples())


def test_distilled_the_prompts_of_all_cells_are_one():
    data = collected(records(), own=False, gold=True, distil=True)
    assert [one.source.task for one in data.examples()] == ["A-L1", "A-L2", "C-L1", "C-L2"]


def test_wordings_come_from_the_runs():
    hinted = [one for one in planned("study.runs=6") if one.cell == "1000" and one.task == "C-L1"]
    data = collected(hinted, own=False, gold=True, validation=0.0)
    assert 1 < len(data.examples()) <= 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "Q-L1"}, "unknown here"),
        ({"chain": "C/run0/0000"}, "a curriculum"),
        ({"fork": {"source": "x"}}, "a fork"),
        ({"variant": "upside_down"}, "no full-knowledge device is known"),
        ({"config": {"scaffold": {"protocol": "mcp"}}}, "outside agent's"),
        ({"config": {"budgets": {"hopes": 1}}}, "of another version"),
        ({"config": {"budgets": {"turns": "many"}}}, "of another version"),
        ({"config": {"limits": {"host_calls": 1}}}, "does not pass there"),
        ({"config": {"limits": {"wall_s": 1e6}}}, "longer or larger"),
        ({"config": {"limits": {"memory_bytes": 2**31 - 1}}}, "longer or larger"),
        ({"config": {"limits": {"wall_s": "5"}}}, "of another version"),
        ({"config": {"limits": 5}}, "of another version"),
    ],
)
def test_where_there_is_none_it_says_why(change, said):
    one = next(one for one in records() if one.cell == "0000")
    with pytest.raises(LeftOutError, match=said):
        gold(replace(one, **change), interventions_of(one), distil=False)
