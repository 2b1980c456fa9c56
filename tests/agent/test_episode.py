"""Records: complete, repeatable to the byte, replayable; interventions leave their trace."""

import hashlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.blocks import PALETTE
from diagnose.episode import run_episode, unobserved_record
from diagnose.errors import ConfigError, InputError
from diagnose.laws import CATALOGUE
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.sandbox import Limits
from diagnose.subjects.briefing import system_prompt
from diagnose.subjects.budgets import Budgets
from tests.agent.beside import BUILD, TASK, Beside, Saying, code, episode, said

LINES = st.sampled_from(
    [BUILD, "clear()", "print(press())", "verify()", "remove(5, 1, 4)", "print(look(1))",
     "x = x + 1", "import random\nprint(random.random())", "place(5, 2, 4, 'glass')",
     "1 / 0", "done()",
     "class A:\n    pass\nprint(A())", "for i in range(9): place(i, 1, 0, 'stone')"]
)  # fmt: skip
REPLIES = st.lists(st.builds(code, LINES, LINES, LINES) | st.just("no code"), max_size=4)


@settings(max_examples=40, deadline=None)
@given(REPLIES)
def test_records_repeat_to_the_byte_and_replays_agree(replies):
    first = run_episode(episode(*replies))
    assert run_episode(episode(*replies)).to_line() == first.to_line()
    replayed = run_episode(episode(model=Scripted.from_record(first)))
    assert (replayed.verdict, replayed.circuit_sha256) == (first.verdict, first.circuit_sha256)
    assert replayed.transcript == first.transcript
    assert EpisodeRecord.from_dict(json.loads(first.to_line())).to_line() == first.to_line()
    assert first.outcome == ("passed" if first.verdict["passed"] else "failed")


def test_a_record_describes_itself():
    record = run_episode(episode(code(BUILD), config={"temperature": 0.5}, run=4))
    assert (
        record.task_sha256
        == hashlib.sha256(
            b'{"area_side":9,"family":"Z","lamps":1,"level":0,"params":{"rise_rt":0}}'
        ).hexdigest()
    )
    assert record.circuit == Beside().build(TASK, {}).to_json()
    assert record.circuit_sha256 == Beside().build(TASK, {}).sha256
    assert record.versions["nucleation"] == "0.12.0"
    assert record.versions["pydantic-monty"] == "1.4.0"
    assert {"diagnose", "engine"} <= record.versions.keys()
    assert (record.config, record.run, record.task) == ({"temperature": 0.5}, 4, "Z-N1")


def test_a_replay_reads_a_record_file_and_refuses_others(tmp_path):
    record = run_episode(episode(code(BUILD), code("verify()")))
    file = tmp_path / "record.json"
    file.write_text(record.to_line(), encoding="utf-8")
    model = Scripted.from_record(file)
    assert model.name == "replay/scripted/test"
    assert run_episode(episode(model=model)).outcome == "passed"
    for text in ("", "[]", record.to_line() * 2, "{}", "[" * 100_000):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            Scripted.from_record(file)
    with pytest.raises(InputError):
        Scripted.from_record(tmp_path / "none.json")
    data = json.loads(record.to_line())
    file.write_text(canonical_json({**data, "transcript": [{"role": 1}]}), encoding="utf-8")
    with pytest.raises(InputError, match="transcript"):
        Scripted.from_record(file)


def sha256(texts: list[str]) -> str:
    return hashlib.sha256(canonical_json(texts).encode()).hexdigest()


def test_every_text_of_an_intervention_reaches_the_subject_and_its_hash():
    def ask(question: str) -> str:
        return f"Answer to {question}"

    helper = Saying(
        "Think of the lamp.",
        ["Note after one.", "", "Note after three."],
        {"ask": (ask, "ask someone")},
        lambda calls, _replies: ("ask", ("why",)) in [(c.name, c.args) for c in calls if c.ok],
    )
    silent = Saying()
    record = run_episode(
        episode(
            code('print(ask("why"))'),
            code("ask()"),
            code("1"),
            code("done()"),
            interventions={"helper": helper, "silent": silent},
        )
    )
    first, one, two, three = said(record)
    assert "Think of the lamp." in first
    assert "- ask(question): ask someone" in first
    assert "Printed:\nAnswer to why\n" in one
    assert "Note after one." in one
    assert "missing a required argument: 'question'" in two
    assert "Note after three." in three
    got = record.interventions["helper"]
    assert (got.offered, got.used, got.dose) == (True, True, 1)
    assert got.text_sha256 == sha256(
        ["Think of the lamp.", "ask(question): ask someone", "Answer to why", "Note after one.",
         "Note after three."]
    )  # fmt: skip
    quiet = record.interventions["silent"]
    assert (quiet.offered, quiet.used, quiet.text_sha256) == (False, None, "")
    assert [dose for _, dose in helper.seen] == [1]


def test_an_intervention_that_is_off_is_never_opened():
    helper = Saying("Think of the lamp.")
    off = run_episode(episode(code(BUILD), interventions={"helper": helper}, doses=(0,)))
    without = run_episode(episode(code(BUILD)))
    assert (helper.seen, off.cell) == ([], "0")
    assert off.transcript == without.transcript
    assert off.interventions["helper"].offered is False


def test_the_setting_and_the_dose_reach_the_intervention():
    helper = Saying("Hm.")
    run_episode(episode(interventions={"helper": helper}, doses=(3,), run=2))
    ((setting, dose),) = helper.seen
    assert (setting.task, setting.seed_path, dose) == (TASK, (3, "Z-N1", 2), 3)


def test_two_interventions_may_not_grant_one_name():
    grants = {"ask": (lambda: "x", "ask")}
    with pytest.raises(ConfigError, match="another name"):
        run_episode(
            episode(interventions={"a": Saying(functions=grants), "b": Saying(functions=grants)})
        )


@pytest.mark.parametrize(
    "fields",
    [{"doses": (1,)}, {"factors": ("x",), "doses": (1,)}, {"factors": ("x",), "doses": (-1,)},
     {"factors": ("x",), "doses": (10,)}],
)  # fmt: skip
def test_an_inconsistent_episode_is_refused(fields):
    with pytest.raises(ConfigError):
        episode(**fields)


def test_an_unobserved_episode_has_a_record_without_outcome():
    lost = episode(interventions={"helper": Saying("Think.")})
    record = unobserved_record(lost, "worker_died", "signal 9")
    assert (record.outcome, record.success, record.stop_reason) == (
        "not_observed", None, "not_observed",
    )  # fmt: skip
    assert record.missing_cause == "worker_died: signal 9"
    assert (record.cell, record.interventions["helper"].dose) == ("1", 1)
    assert EpisodeRecord.from_dict(json.loads(record.to_line())) is not None
    seen = run_episode(lost)
    assert (record.task_sha256, record.prompt_sha256) == (seen.task_sha256, seen.prompt_sha256)


def test_the_system_prompt_has_the_rules_and_no_mechanics():
    text = system_prompt(TASK, Budgets(trials=17, turns=23), Limits(wall_s=2.5))
    assert "{" not in text
    for wanted in ("0 to 8", "y = 1 to 4", "17 in all", "23 messages", "may run 2.5 s", *PALETTE):
        assert wanted in text
    mechanics = r"\b(15|strength|decay|signal|power|delayed|one-way|diagonal|regenerat|lock)"
    assert re.findall(mechanics, text, re.IGNORECASE) == []
    for law in CATALOGUE.values():
        assert law.topic not in text


def test_every_host_function_is_in_the_system_prompt():
    from diagnose.subjects.host import Host

    text = system_prompt(TASK, Budgets(), Limits())
    assert all(f"- {name}(" in text for name in Host(TASK, Beside(), 1).functions)
