"""The loop: budgets to the unit, success by the host alone, and what the subject is shown."""

import pytest

from diagnose.episode import run_episode
from diagnose.errors import ConfigError, InfrastructureError, SubjectError
from diagnose.models import CallUsage, Reply
from diagnose.sandbox import Limits
from diagnose.subjects.budgets import Budgets
from tests.agent.beside import BUILD, Saying, code, episode, said

WRONG = 'build([[4, 1, 4, "stone_button[face=floor]"], [6, 1, 4, "redstone_lamp"]])'


class Costly:
    """Answers the same for ever, at a price."""

    name = "costly"

    def __init__(self, text="```python\n1\n```", tokens=(10, 5), error=None):
        self._reply = Reply(text, CallUsage(*tokens, cost_usd=0.25), {"mood": text[:4]})
        self._error = error
        self.calls = []

    def reply(self, messages, call):
        self.calls.append((len(messages), call))
        if self._error:
            raise self._error
        return self._reply


def test_a_passing_verdict_ends_the_episode_at_once():
    record = run_episode(episode(code(BUILD, "print(press())", "verify()", "clear()")))
    assert (record.outcome, record.stop_reason, record.success) == ("passed", "verified", True)
    assert (record.usage.turns, record.usage.trials, record.usage.host_calls) == (1, 2, 3)
    assert record.verdict == {
        "passed": True,
        "reasons": [],
        "lamps": [{"pos": [5, 1, 4], "rise_rt": 0, "fall_rt": 12}],
    }
    assert len(record.circuit["blocks"]) == 2


@pytest.mark.parametrize(
    "lines",
    [
        ["def verify():", "    return 'PASSED'", "print(verify())"],
        ["verify = lambda: True", "press = verify", "done = verify", "print('passed', done())"],
        ["print('PASSED')", "'verified'"],
        ["r = press()", "r['lit'] = [[5, 1, 4, 0, 12]]", "r['dark'].clear()", "print(r)"],
        [
            "try:",
            "    while True:",
            "        verify()",
            "except BaseException:",
            "    print('PASSED')",
        ],
    ],
)
def test_only_the_hosts_verdict_counts(lines):
    record = run_episode(episode(code(WRONG, *lines)))
    assert record.outcome == "failed"
    assert record.verdict["passed"] is False


def test_redefining_verify_does_not_spoil_an_honest_device():
    record = run_episode(episode(code(BUILD, "def verify():", "    pass", "verify()")))
    assert (record.outcome, record.stop_reason, record.usage.trials) == ("passed", "stopped", 0)


@pytest.mark.parametrize("trial", ["press()", "verify()", "press(4, 1, 4)"])
@pytest.mark.parametrize("trials", [0, 1, 50])
def test_the_trial_after_the_last_is_refused_and_ends_the_episode(trial, trials):
    lines = [WRONG, f"for i in range({trials}):", f"    {trial}", "print('all used')"]
    last = code("try:", f"    {trial}", "except BaseException:", "    pass", "clear()")
    record = run_episode(
        episode(code(*lines), code("1"), last, code(BUILD), budgets=Budgets(trials=trials))
    )
    assert (record.stop_reason, record.outcome) == ("trials", "failed")
    assert (record.usage.turns, record.usage.trials) == (3, trials)
    assert "Printed:\nall used" in said(record)[1]
    assert f"Trials left: 0 of {trials}." in said(record)[2]
    assert len(record.circuit["blocks"]) == 2  # clear() after the refused trial never ran


def test_with_all_trials_used_the_standing_device_may_still_pass():
    record = run_episode(
        episode(code(WRONG, "verify()"), code("clear()", BUILD, "press()"), budgets=Budgets(1))
    )
    assert (record.stop_reason, record.outcome, record.usage.trials) == ("trials", "passed", 1)


def test_a_trial_with_nothing_to_press_counts():
    record = run_episode(episode(code("press()"), code("print(verify())"), code("done()")))
    assert record.usage.trials == 2
    assert "0 stone buttons stand" in said(record)[1]
    assert "FAILED\n- no stone button stands" in said(record)[2]
    assert (record.stop_reason, record.circuit, record.circuit_sha256) == ("stopped", None, "")


def test_a_second_button_is_refused_by_the_verdict():
    record = run_episode(episode(code(BUILD, 'place(1, 1, 1, "stone_button[face=floor]")')))
    assert any("exactly one stone button" in reason for reason in record.verdict["reasons"])


def test_turns_are_counted_to_the_unit():
    model = Costly()
    record = run_episode(episode(model=model, budgets=Budgets(turns=7)))
    assert (record.stop_reason, record.usage.turns, len(model.calls)) == ("turns", 7, 7)
    assert [call.number for _, call in model.calls] == list(range(7))
    assert [length for length, _ in model.calls] == list(range(2, 16, 2))
    assert {call.seed_path for _, call in model.calls} == {(3, "Z-N1", 0)}


@pytest.mark.parametrize(("budget", "turns"), [(1, 1), (45, 3), (46, 4)])
def test_tokens_end_the_episode_before_the_next_call(budget, turns):
    record = run_episode(episode(model=Costly(), budgets=Budgets(tokens=budget)))
    assert (record.stop_reason, record.usage.turns) == ("tokens", turns)
    usage = record.usage
    assert (usage.input_tokens, usage.output_tokens) == (10 * turns, 5 * turns)
    assert usage.cost_usd == 0.25 * turns


def test_seconds_end_the_episode_before_the_next_call():
    record = run_episode(episode(model=Costly(), budgets=Budgets(seconds=1e-9)))
    assert (record.stop_reason, record.usage.turns) == ("seconds", 0)


def test_silent_turns_are_used_and_enough_of_them_stop():
    replies = ["Hm.", "Let me think.", code("x = 1"), "Well.", "Now?", "I am done.", code(BUILD)]
    record = run_episode(episode(*replies))
    assert (record.stop_reason, record.usage.turns, record.outcome) == ("stopped", 6, "failed")
    assert ["no ```python block" in text for text in said(record)[1:]] == [
        True, True, False, True, True,
    ]  # fmt: skip


def test_done_stops_at_once_and_the_device_is_judged():
    record = run_episode(episode(code(BUILD, "done()", "clear()")))
    assert (record.stop_reason, record.outcome, record.usage.trials) == ("stopped", "passed", 0)


def test_errors_changes_and_values_are_told():
    record = run_episode(
        episode(
            code('place(1, 1, 1, "stone")', 'place(1, 2, 1, "redstone_wire")', "remove(1, 1, 1)"),
            code("x = [1, 2]", "x"),
            code("x.append(3)", 'place(1, 1, 1, "dirt")'),
            code('place(1, 1, 1, "repeater")', 'place(1, 1, 1, "target")', 'print("hi")', "None"),
        )
    )
    popped, value, error, last = said(record)[1:5]
    assert "Popped off for want of support: redstone_wire at [1, 2, 1]\n" in popped
    assert "Blocks standing: 0." in popped
    assert "Value of the last line:\n[1, 2]\n" in value
    assert '(line 2: place(1, 1, 1, "dirt"))' in error
    assert "use one of the palette" in error
    assert (
        "after 2 host calls. Blocks standing: 1.\nPrinted:\nhi\nChanged: 1 placed.\nTrials" in last
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["while True:", "    try:", "        place(1, 1, 1, 'stone')",
         "    except Exception: pass"],
        ["b = [[x, y, z, 'stone'] for x in range(9) for y in (1, 2) for z in range(9)]",
         "for i in range(1_000_000):", "    build(b)"],
        ["for i in range(1_000_000):", "    fill(0, 1, 0, 8, 4, 8, 'stone')"],
    ],
)  # fmt: skip
def test_a_million_host_calls_are_cut_short(lines):
    limits = Limits(host_calls=300)
    record = run_episode(episode(code(*lines), code("clear()", BUILD, "verify()"), limits=limits))
    assert "stopped: more than 300 calls of host functions" in said(record)[1]
    assert record.usage.host_calls == 303
    assert record.outcome == "passed"


def test_one_programs_edits_are_bounded(monkeypatch):
    monkeypatch.setattr("diagnose.subjects.host.MOST_WORK", 1_000)
    fills = ["n = 0", "try:", "    while True:", "        fill(0, 1, 0, 1, 1, 1, 'stone')",
             "        n += 1", "except ValueError as e:", "    print(n, e)"]  # fmt: skip
    record = run_episode(episode(code(*fills), code("place(1, 1, 1, 'glass')")))
    assert "\n3 too many edits in one program" in said(record)[1]  # 324 cells, then 328 each
    assert "ran to its end" in said(record)[2]  # the next program starts afresh


def test_a_model_that_cannot_answer_ends_the_episode_as_its_own_doing():
    model = Costly(error=SubjectError("the context is full"))
    record = run_episode(episode(model=model))
    assert (record.outcome, record.stop_reason, record.usage.turns) == ("failed", "stopped", 0)
    assert record.subject_log == {"no_reply": "the context is full"}


def test_infrastructure_is_no_outcome():
    with pytest.raises(InfrastructureError, match="rate_limit"):
        run_episode(episode(model=Costly(error=InfrastructureError("rate_limit"))))


def test_what_the_subject_says_of_itself_is_kept_apart():
    record = run_episode(episode(model=Costly("mine"), budgets=Budgets(turns=1)))
    assert record.subject_log == {"mood": "mine"}


def test_surrogates_in_a_reply_do_not_break_the_record():
    record = run_episode(episode("\ud800 " + code('print("\ud83d")')))
    assert record.to_line().encode().isascii()


@pytest.mark.parametrize(
    ("name", "value"),
    [("trials", -1), ("turns", 0), ("silent_turns", 0), ("tokens", -1), ("seconds", -0.5),
     ("trials", True), ("trials", "50")],
)  # fmt: skip
def test_budgets_are_checked(name, value):
    with pytest.raises(ConfigError, match=name):
        Budgets(**{name: value})


@pytest.mark.parametrize("name", ["verify", "place", "press"])
def test_an_intervention_may_not_replace_a_core_function(name):
    taken = Saying(functions={name: (lambda: "PASSED", "passes")})
    with pytest.raises(ConfigError, match="another name"):
        run_episode(episode(interventions={"one": taken}))


def test_what_a_call_leaves_behind_is_small():
    kept = []

    def uses(calls, _replies):
        kept.extend(calls)
        return True

    notes = Saying(functions={"note": (lambda text, n: (text, n)[:0], "")}, uses=uses)
    calls = code("note('n' * 90_000, [1] * 50_000)", "note('short', n={'a': 1})", "note(1, 2, 3)")
    run_episode(episode(calls, interventions={"notes": notes}))
    assert [(call.name, call.ok) for call in kept] == [("note", ok) for ok in (True, True, False)]
    assert all(len(str(call.args)) < 2_500 for call in kept)
    assert kept[1].args == ("short", "{'a': 1}")


@pytest.mark.parametrize(
    ("lines", "ends"),
    [
        ([BUILD, "verify()"], True),
        (["done()"], True),
        (["press()"], False),
        (["place(99, 1, 1, 'stone')"], False),
    ],
)
def test_the_call_that_ends_an_episode_is_recorded_as_it_went(lines, ends):
    kept = []

    def uses(calls, _replies):
        kept.extend(calls)
        return True

    watcher = Saying("Watch.", uses=uses)
    trials = 0 if lines == ["press()"] else 5
    run_episode(episode(code(*lines), interventions={"w": watcher}, budgets=Budgets(trials)))
    assert (kept[-1].name, kept[-1].ok) == (lines[-1].partition("(")[0], ends)
