"""Preference pairs: one prompt, a program that passes and one that fails."""

from dataclasses import replace

import pytest

from diagnose.errors import InputError
from diagnose.training.dataset import Example
from diagnose.training.filters import Limits
from tests.data.studies import collected, passes, records
from tests.logs.played import changed

RUNS = "study.runs=4"


@pytest.mark.parametrize("world", [(), ("scaffold.protocol=tools",)], ids=str)
def test_the_chosen_program_passes_and_the_rejected_one_fails(world):
    data = collected(records(RUNS, *world), distil=True, pairs=True, validation=0.25)
    outcomes = {one.episode_id: one for one in records(RUNS, *world)}
    validating = {tuple(run) for run in data.about["validation_runs"]}
    seen = []
    assert data.pairs()
    for pair in data.pairs():
        chosen = outcomes[pair.source.episode_id]
        rejected = outcomes[pair.source.rejected_episode_id]
        assert (chosen.success, rejected.success) == (True, False)
        assert chosen.task == rejected.task == pair.source.task
        for one in (chosen, rejected):
            held = (one.study_seed, one.run) in validating
            assert pair.split == ("validation" if held else "train")
        bare = next(
            one for one in outcomes.values() if one.task == chosen.task and one.cell == "0000"
        )
        assert list(pair.prompt) == list(bare.transcript[:2])
        for answer, wanted in ((pair.chosen, True), (pair.rejected, False)):
            example = Example((*pair.prompt, *answer), pair.split, pair.source)
            assert passes(example, RUNS, *world, cell="0000") is wanted
        seen += [(pair.split, str(pair.prompt), str(one)) for one in (pair.chosen, pair.rejected)]
    assert len(seen) == len(set(seen))


def test_undistilled_only_programs_for_the_very_same_prompt_are_compared():
    some = records("study.tasks=[A-L1, C-L1]", "study.runs=8")
    data = collected(some, pairs=True)
    openings = {one.episode_id: list(one.transcript[:2]) for one in some}
    assert data.pairs()
    for pair in data.pairs():
        assert list(pair.prompt) == openings[pair.source.episode_id]
        assert list(pair.prompt) == openings[pair.source.rejected_episode_id]


def test_a_cap_holds_for_pairs_too():
    data = collected(records(RUNS), distil=True, pairs=True, limits=Limits(per_task=1))
    places = [(pair.source.task, pair.split) for pair in data.pairs()]
    assert places
    assert len(places) == len(set(places))


def test_without_a_failure_or_a_program_there_are_none():
    passed = [one for one in records(RUNS) if one.success]
    with pytest.raises(InputError, match="no prompt has both"):
        collected(passed, distil=True, pairs=True)
    silent = [
        one if one.success else changed(one, -1, content="I give up.") for one in records(RUNS)
    ]
    with pytest.raises(InputError, match="its last reply has no program"):
        collected(silent, distil=True, pairs=True)


def test_a_verdict_that_the_simulator_does_not_confirm_makes_no_pair():
    lying = [
        replace(one, outcome="passed", success=True) if one.success is False else one
        for one in records(RUNS)
    ]
    with pytest.raises(InputError, match="ends otherwise than it did"):
        collected(lying, distil=True, pairs=True)
