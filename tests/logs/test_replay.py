"""A transcript played again passes over the very devices that the episode passed over."""

import json
from dataclasses import replace

import pytest

from diagnose.cli.configure import configured
from diagnose.cli.rebuilt import interventions_of
from diagnose.replay import program_of, replay
from diagnose.subjects import host as host_module
from tests.logs.played import REPLIES, changed, played


@pytest.fixture
def pressed(monkeypatch):
    """Every circuit that a host presses, in order."""
    seen: list[str] = []
    whole = host_module.press_button

    def spy(circuit, *args, **kwargs):
        seen.append(circuit.sha256)
        return whole(circuit, *args, **kwargs)

    monkeypatch.setattr(host_module, "press_button", spy)
    return seen


def test_each_trial_is_made_on_the_device_that_stood_then(pressed):
    record = played()
    original = list(pressed)  # one press of the engine per trial, a verdict's included
    replayed = replay(record, interventions_of(record))
    assert replayed.departed == ""
    assert [trial.circuit.sha256 for trial in replayed.trials] == original
    assert len(set(original[:3])) == 1
    assert original[3:] == [record.circuit_sha256] * 2
    assert [trial.kind for trial in replayed.trials] == [
        *("press", "press", "verify", "press", "verify")
    ]
    assert [trial.reply for trial in replayed.trials] == [0, 0, 0, 2, 2]
    assert [trial.judged.verdict.passed for trial in replayed.trials] == [
        *(False, False, False, True, True)
    ]
    assert replayed.trials[-1].judged.to_json() == record.verdict


@pytest.mark.parametrize("kind", ["vanilla", "renamed", "permuted"])
def test_reference_episodes_replay_in_every_variant(kind):
    study = configured(["study.tasks=[B-L1, C-L1, E-L2]", "study.runs=1", f"env={kind}"])
    for plan in study.plans[::5]:
        record = study.execute(plan)
        replayed = replay(record, interventions_of(record))
        assert replayed.departed == ""
        assert len(replayed.trials) == record.usage.trials
        assert set(replayed.offered) == {
            name for name, did in record.interventions.items() if did.dose
        }
        opening = record.transcript[1]["content"]
        for offered in replayed.offered.values():
            assert offered.opening.strip() in opening
            assert all(line in opening for line in offered.helps)


def test_another_transcript_than_the_record_s_is_told_apart():
    record = played()
    fewer = changed(record, 2, content=record.transcript[2]["content"].replace("press()", "0"))
    assert replay(fewer, interventions_of(fewer)).departed == "it made 3 trials, the episode 5"
    said = REPLIES[2].replace("[7, 1, 8", "[7, 2, 8")
    moved = changed(record, 6, content=said)
    assert "ends before" not in replay(moved, interventions_of(moved)).departed
    assert replay(moved, interventions_of(moved)).departed == "its last device is another"
    longer = replace(record, transcript=(*record.transcript, record.transcript[2]))
    assert "before the transcript" in replay(longer, interventions_of(longer)).departed
    for strange in ({"task": "Z-L9"}, {"variant": "upside_down"}):
        other = replace(record, **strange)
        assert "cannot be played again" in replay(other, {}).departed
    strange = replace(record, config={"budgets": {"hopes": 3}})
    assert "cannot be played again" in replay(strange, {}).departed


@pytest.mark.parametrize(
    "entry",
    [
        {"_target_": "os.system", "command": "touch was_here"},
        {"_target_": "interventions.gap_hints.os"},
        {"_target_": "interventions.gap_hints.GapHints.__init__"},
        {"_target_": "interventions.nowhere.Thing"},
        {"_target_": "interventions.gap_hints.Setting"},
        {"_target_": "interventions.gap_hints.GapHints", "unknown": 1},
        {"_target_": 3},
        "interventions.gap_hints.GapHints",
    ],
)
def test_a_record_s_targets_are_not_called_unless_they_are_interventions(
    entry, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    record = replace(played(), config={"interventions": {"gap_hints": entry}})
    assert interventions_of(record) == {}
    assert list(tmp_path.iterdir()) == []


def test_the_program_of_a_tool_call():
    call = {"id": "1", "name": "run_python", "arguments": json.dumps({"code": "press()"})}
    message = {"role": "assistant", "content": "```python\nverify()\n```"}
    assert program_of(message, {}) == "verify()"
    assert program_of({**message, "tool_calls": [call]}, {}) == "press()"
    assert program_of(message, {"scaffold": {"protocol": "tools"}}) == ""
    for broken in ("{", "[]", '{"code": 3}', "[" * 100_000, None):
        assert program_of({**message, "tool_calls": [{**call, "arguments": broken}]}, {}) == ""
