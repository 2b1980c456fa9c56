"""A snapshot restores an episode to the bit: the rest of it happens as it did."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.cli.configure import configured
from diagnose.env.variant import variant
from diagnose.errors import InputError
from diagnose.models import Reply, ToolCall
from diagnose.models.reference import Profile, Reference
from diagnose.sandbox import Limits, Sandbox
from diagnose.subjects.scaffold import Scaffold
from diagnose.subjects.snapshot import Snapshot
from diagnose.tasks import FAMILIES
from tests.forks import cbor
from tests.forks.again import check_every_turn, fenced, recorded, scripted, snapshots

LAMP = 'place(4, 1, 4, "redstone_lamp")'
# Variables, a function over a host function, aliases and the state of random live on.
LIVING = (
    (
        "import random\nrow = [random.random()]\nsame = row\nplaces = {'seen': [(1, 2)]}\n"
        f"def lamp(x):\n    return place(x, 1, 4, 'redstone_lamp')\nput = place\n{LAMP}\nprint(row)"
    ),
    "same.append(random.random())\nprint(row, lamp(6), places['seen'][0])\nlook(1)",
    "import datetime\nprint(put(8, 1, 4, 'stone'), datetime.datetime.now())\nprint(1 / 0)",
    "No program here.",
    "print(row, random.random(), place('x', 1, 1, 'stone'))",
    "place(8, 2, 4, 'stone_button[face=floor]')\nprint(press())\nprint(verify())",
    "print(row is same, len(row))\nremove(8, 1, 4)\nprint(verify())",
)


def played(profile=None, name="A-L1", **fields):
    """The record of the reference subject's episode."""
    model = Reference(profile or Profile(0.5, 0.5, 0.5, 0.5))
    return recorded(name=name, model=model, **fields)


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    level=st.integers(1, 3),
    run=st.integers(0, 50),
    doses=st.tuples(*[st.integers(0, 1)] * 4),
    kind=st.sampled_from(["vanilla", "renamed"]),
    skill=st.sampled_from([0.2, 0.8]),
)
@settings(max_examples=20, deadline=None)
def test_reference_episodes_go_on_from_every_turn(family, level, run, doses, kind, skill):
    record = played(
        Profile(skill, skill, skill, skill),
        f"{family}-L{level}",
        run=run,
        doses=doses,
        variant=variant(kind, 5),
    )
    assert check_every_turn(record) == record.usage.turns >= 1


@pytest.mark.parametrize("scaffold", [{}, {"keep_turns": 1}, {"fresh_context_after_failure": True}])
def test_variables_functions_and_chance_live_on(scaffold):
    replies = [fenced(code) if "No" not in code else code for code in LIVING]
    record = recorded(*replies, scaffold=Scaffold(**scaffold), config={"scaffold": scaffold})
    assert record.stop_reason == "stopped"  # three replies without code after the last
    assert check_every_turn(record) == len(LIVING) + 3
    shown = record.transcript[11]["content"]
    assert "Blocks standing" in shown
    assert "Error" in record.transcript[7]["content"]


def test_tool_calls_and_their_faults():
    def call(number, code):
        arguments = json.dumps({"code": code})
        return Reply("", tool_calls=(ToolCall(f"c{number}", "run_python", arguments),))

    odd = Reply("", tool_calls=(ToolCall("x", "nothing", "{"), ToolCall("y", "run_python", "[]")))
    replies = [*(call(number, code) for number, code in enumerate(LIVING[:3])), odd]
    record = recorded(
        *replies,
        call(9, LIVING[5]),
        scaffold=Scaffold(protocol="tools"),
        config={"scaffold": {"protocol": "tools"}},
    )
    assert record.subject_log["wrong_tool_calls"] == {"unknown_tool": 1, "arguments_not_json": 1}
    assert check_every_turn(record) == 8


def test_book_questions_and_texts_of_interventions_that_are_on():
    noted = 'print(note("Lamps light up.", "Seen.", "Here.", "One."))'
    asked = 'print(ask("How far does a signal carry along redstone dust?"))'
    replies = [
        fenced(asked),
        fenced(f"{noted}\n{asked}\n{LAMP}"),
        fenced(noted.replace("light up", "go dark again")),
        fenced("print(verify())"),
    ]
    record = recorded(*replies, doses=(1, 1, 1, 1))
    assert len(record.book) == 2
    assert check_every_turn(record) == 7
    laid = {one["name"]: one for one in snapshots(record)[3].state["laid"]}
    assert laid["experiment_oracles"]["session"] == {"answered": 2}
    assert laid["knowledge_notes"]["session"]["first_shown_after"] == 1
    assert len(laid["experiment_oracles"]["spoken"]) == 4  # opening, help, the report twice
    assert len(laid["experiment_oracles"]["texts"]) == 3


def test_what_ends_a_program_empties_the_sandbox():
    record = recorded(fenced(f"a = 1\n{LAMP}"), fenced("while True:\n    pass"), fenced("print(a)"),
                      limits=Limits(wall_s=0.2), config={"limits": {"wall_s": 0.2}})  # fmt: skip
    taken = snapshots(record)
    assert [snapshot.sandbox is None for snapshot in taken[:4]] == [True, False, True, False]
    check_every_turn(record)


def test_records_of_a_study_go_on_from_every_turn():
    overrides = ["study.tasks=[B-L1,E-L2]", "study.runs=1", "scaffold.protocol=tools"]
    study = configured([*overrides, "env=renamed"])
    for plan in study.plans[::4]:
        check_every_turn(study.execute(plan))


def test_a_snapshot_is_hashed_without_its_variables():
    one, other = (
        snapshots(recorded(fenced(f"a = {value}"), fenced("done()")))[1] for value in (1, 2)
    )
    assert one.sha256 == other.sha256
    assert one.to_bytes() != other.to_bytes()
    moved = snapshots(recorded(fenced(f"a = 1\n{LAMP}"), fenced("done()")))[1]
    assert moved.sha256 != one.sha256
    assert Snapshot.from_bytes(one.to_bytes()).sha256 == one.sha256


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"state": 3, "sandbox": null}', b"\xff"])
def test_what_is_no_snapshot_is_refused(data):
    with pytest.raises(InputError, match="snapshot"):
        Snapshot.from_bytes(data)


def test_a_sandbox_moves_to_another():
    with Sandbox(seed=3) as one, Sandbox(seed=99) as other:
        one.run("import random\nx = [random.random()]\ny = x", {})
        state = one.state()
        expected = one.run("y.append(random.random())\nx", {}).value
        other.run("x = 5", {})
        other.resume(state)
        assert cbor.read(other.state()) == cbor.read(state)
        assert other.run("y.append(random.random())\nx", {}).value == expected
        other.resume(None)
        assert other.state() is None
        assert "NameError" in str(other.run("x", {}).error)


def test_half_a_surrogate_pair_in_a_call_is_kept():
    episode = scripted(fenced("place(1, 1, 1, chr(0xD800))"), fenced("done()"))
    record = recorded(model=episode.model)
    check_every_turn(record)
