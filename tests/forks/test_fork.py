"""A fork is taken at the turn that was asked for, and what joins it comes there and not before."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.variant import variant
from diagnose.episode import Episode, run_episode
from diagnose.errors import ConfigError
from diagnose.forks import NoForkError, checked_rule, fork_of
from diagnose.intervention import SHAM, Setting
from diagnose.logs.told import facts
from diagnose.models import Message, Reply
from diagnose.models.reference import Profile, Reference
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord
from diagnose.replay import replay
from diagnose.subjects.context import view
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import FAMILIES
from diagnose.wellformed import check_record
from interventions.experiment_oracles import HELP, ExperimentOracles
from tests.forks.again import INTERVENTIONS, fenced, recorded, scripted

BUTTON = "place(4, 1, 4, 'stone_button[face=floor]')"
TRYING = (  # a verdict fails in the second reply and in the third
    fenced("x = 7\nplace(1, 1, 1, 'stone')"),
    fenced(f"{BUTTON}\nprint(verify())"),
    fenced("print(verify())\nprint(verify())"),
    fenced("done()"),
)
NEW = "\n\n# New from here on\n\n"
GIVING_UP = (TRYING[0], fenced(f"{BUTTON}\nprint(verify())\ndone()"))


class Listening(Scripted):
    """Scripted replies from a call's number on; remembers what it was shown."""

    def reply(self, messages, call):
        self.shown = [*getattr(self, "shown", []), (call.number, tuple(messages))]
        return super().reply(messages, call)


def forked(record: EpisodeRecord, at: str, model, **fields) -> tuple[Episode, EpisodeRecord]:
    """The episode that goes on from a record's, and its record."""
    values = {"name": record.task, "run": record.run, "episode_id": "f" * 20, **fields}
    kind = variant(record.variant, record.study_seed)
    given = {"model": model, "fork": fork_of(record, at), "variant": kind}
    episode = scripted(**{**given, **values})
    return episode, run_episode(episode)


@pytest.mark.parametrize(
    ("replies", "at", "turn"),
    [
        (TRYING, "first_failed_verify", 2),
        (TRYING, "last_turn", 3),
        (TRYING, "0", 0),
        (TRYING, "3", 3),
        (GIVING_UP, "first_failed_verify", 1),
        (GIVING_UP, "last_turn", 1),
    ],
)
def test_the_turn_is_the_one_asked_for(replies, at, turn):
    record = recorded(*replies)
    fork = fork_of(record, at)
    assert (fork.turn, fork.at, fork.source) == (turn, at, record.episode_id)
    assert fork.snapshot.state["turn"] == turn
    assert fork.messages == record.transcript[: 2 + 2 * turn]
    assert fork.inherited.turns == turn
    assert fork.inherited.host_calls == [0, 1, 3, 5][turn]


@pytest.mark.parametrize(
    ("replies", "at", "cause"),
    [
        (TRYING, "4", "too_short"),
        ((fenced("1 + 1"), fenced("done()")), "first_failed_verify", "no_failed_verify"),
        ((fenced("press()"),), "first_failed_verify", "no_failed_verify"),
    ],
)
def test_an_episode_without_such_a_turn_has_no_fork(replies, at, cause):
    with pytest.raises(NoForkError) as refused:
        fork_of(recorded(*replies), at)
    assert refused.value.cause == cause


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_transcript_that_does_not_play_again_to_the_letter_has_no_fork(place):
    record = recorded(*TRYING)
    messages = [dict(message) for message in record.transcript]
    messages[place]["content"] = messages[place]["content"].replace("place", "plaice") + " "
    changed = replace(record, transcript=tuple(messages))
    with pytest.raises(NoForkError, match="not_replayed"):
        fork_of(changed, "last_turn")
    strange = replace(record, config={"budgets": {"hopes": 3}})
    with pytest.raises(NoForkError, match="not_replayed"):
        fork_of(strange, "last_turn")
    with pytest.raises(NoForkError, match="too_short"):
        fork_of(replace(record, transcript=()), "last_turn")


@pytest.mark.parametrize("at", ["first", -1, 1.0, True, None, "2"])
def test_a_rule_that_is_none_is_refused(at):
    with pytest.raises(ConfigError, match=r"fork\.at"):
        checked_rule(at)


def test_what_joins_is_read_and_called_from_the_fork_on_only():
    record = recorded(*TRYING)
    question = 'print(x, ask("How far does a signal carry along redstone dust?"))'
    after = ["", "", fenced(question), fenced("place(2, 1, 2, 'stone')")]
    model = Listening("scripted/late", after)
    episode, again = forked(record, "first_failed_verify", model, doses=(0, 1, 0, 0))
    assert next(number for number, _ in model.shown) == 2
    first = model.shown[0][1]
    assert tuple(one.to_json() for one in first[:-1]) == record.transcript[:5]
    pending = record.transcript[5]["content"]
    assert "FAILED" in pending
    joined = first[-1].content.removeprefix(pending)
    assert first[-1].content == pending + joined
    setting = Setting(episode.task, episode.seed_path, episode.variant)
    opening = ExperimentOracles().open(setting, 1).opening()
    assert joined == f"{NEW}{opening}\n\n# Also available\n- ask(question): {HELP}"
    answer = again.transcript[7]["content"]
    assert "7 Experiment: " in answer  # a variable of the source's, and the function that joined
    assert again.transcript[:5] == record.transcript[:5]
    assert again.fork["injected"] == joined
    assert again.fork["arm"] == "experiment_oracles"
    assert again.interventions["experiment_oracles"].used
    assert again.interventions["gap_hints"].offered is False
    assert again.fork["source"] == record.episode_id
    assert again.fork["turn"] == 2
    assert EpisodeRecord.from_dict(json.loads(again.to_line())).to_line() == again.to_line()


def test_what_came_before_an_intervention_is_no_use_of_it():
    words = fenced("# Which lamps does a line of redstone dust light?\nprint(1)")
    record = recorded(words, TRYING[1], fenced("done()"), name="D-L2")
    asked = recorded(words, fenced("done()"), name="D-L2", doses=(1, 0, 0, 0))
    assert asked.interventions["gap_hints"].used
    model = Scripted("scripted/late", ["", "", fenced("done()")])
    _, again = forked(record, "last_turn", model, doses=(1, 0, 0, 0))
    assert again.interventions["gap_hints"].offered
    assert not again.interventions["gap_hints"].used
    assert again.interventions["gap_hints"].seen


def test_a_page_says_where_an_episode_goes_on_from():
    record = recorded(*TRYING)
    _, again = forked(record, "2", Scripted("scripted/late", []), doses=(1, 0, 0, 0))
    told = dict(facts(again))
    assert told["goes on from"] == f"episode {record.episode_id}, turn 2 (2)"
    assert "goes on from" not in dict(facts(record))
    assert replay(again, INTERVENTIONS).departed == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"turn": "2"},
        {"source": None},
        {"inherited": {}},
        {"inherited": None},
        {"inherited": {"turns": -1, "trials": 0, "host_calls": 0, "input_tokens": 0,
                       "output_tokens": 0, "cost_usd": 0}},
    ],
)  # fmt: skip
def test_a_record_whose_fork_is_none_is_refused(wrong):
    _, again = forked(recorded(*TRYING), "2", Scripted("scripted/late", []))
    check_record(again)
    with pytest.raises(ValueError, match="its fork is"):
        check_record(replace(again, fork={**again.fork, **wrong}))


@pytest.mark.parametrize("at", ["0", "1", "2", "3", "first_failed_verify", "last_turn"])
def test_the_untouched_continuation_with_the_same_replies_is_the_episode(at):
    usage = [Reply(text) for text in TRYING]
    record = recorded(*usage)
    _, again = forked(record, at, Scripted("scripted/test", TRYING), episode_id=record.episode_id)
    assert again.fork["arm"] == "untouched"
    assert again.fork["injected"] == ""
    assert replace(again, fork={}).to_line() == record.to_line()


def test_budgets_go_on_from_where_they_stood():
    record = recorded(*[fenced("print(verify())")] * 49)
    _, again = forked(record, "40", Scripted("scripted/late", [fenced("verify()")] * 60))
    assert again.stop_reason == "trials"
    assert again.usage.trials == 50
    assert again.usage.turns == 51


def test_an_outside_agent_cannot_be_restored():
    class Outside:
        name = "agent"

        def seated(self, stage, conversation, budgets):
            raise AssertionError

    with pytest.raises(ConfigError, match="outside agent"):
        scripted(model=Outside(), fork=fork_of(recorded(*TRYING), "0"))


@pytest.mark.parametrize("scaffold", [{"keep_turns": 1}, {"fresh_context_after_failure": True}])
def test_what_joined_stays_in_sight_when_its_message_does_not(scaffold):
    chosen, config = Scaffold(**scaffold), {"scaffold": scaffold}
    record = recorded(*TRYING, scaffold=chosen, config=config)
    replies = ["", fenced("print(verify())"), fenced("2"), fenced("3"), fenced("4")]
    model = Listening("scripted/late", replies)
    forked(record, "1", model, doses=(1, 0, 0, 0), scaffold=chosen)
    assert len(model.shown) > 4
    for _, messages in model.shown:
        assert sum(one.content.count("# New from here on") for one in messages) == 1
    assert "# New from here on" in model.shown[-1][1][1].content


def test_nothing_is_pinned_twice():
    messages = [Message("system", "s"), Message("user", "u"), Message("assistant", "a")]
    shown = view([*messages, Message("user", "seen, late")], Scaffold(), "late")
    assert [one.content for one in shown] == ["s", "u", "a", "seen, late"]


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    level=st.integers(1, 3),
    run=st.integers(0, 40),
    at=st.sampled_from(["first_failed_verify", "last_turn", "0"]),
    doses=st.sampled_from([(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 1, 1)]),
    kind=st.sampled_from(["vanilla", "renamed", "permuted"]),
    protocol=st.sampled_from(["text", "tools"]),
    method=st.sampled_from(["oracle", "scientist"]),
)
@settings(max_examples=15, deadline=None)
def test_the_reference_subject_heeds_late_what_it_heeds_from_the_start(
    family, level, run, at, doses, kind, protocol, method
):
    """It has built nothing before the fork, so the same help makes the same device."""
    model = Reference(Profile(0.5, 0.5, 0.5, 0.5, method=0.8))
    chosen = {**INTERVENTIONS, "experiment_oracles": ExperimentOracles(method=method)}
    shared = {
        "name": f"{family}-L{level}",
        "run": run,
        "model": model,
        "variant": variant(kind, 5),
        "scaffold": Scaffold(protocol=protocol),
        "config": {"scaffold": {"protocol": protocol}},
        "interventions": chosen,
    }
    record = recorded(**shared)
    if record.success:
        return
    _, late = forked(record, at, **{**shared, "doses": doses})
    early = recorded(**shared, doses=doses)
    assert late.circuit_sha256 == early.circuit_sha256
    assert late.success == early.success
    sham = tuple(SHAM * dose for dose in doses)
    _, deaf = forked(record, at, **{**shared, "doses": sham})
    assert deaf.circuit_sha256 == record.circuit_sha256
