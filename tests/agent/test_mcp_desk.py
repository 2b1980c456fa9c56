"""Calls of an outside agent at the desk: what they become, hostile ones too, and in which order."""

import io
import json
import re
from concurrent.futures import Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.experiments import true_laws
from diagnose.env.variant import VANILLA
from diagnose.environment import Environment
from diagnose.episode import run_episode
from diagnose.errors import SubjectError
from diagnose.intervention import Setting
from diagnose.models import Call, Message, Reply, ToolCall
from diagnose.models.scripted import Scripted
from diagnose.sandbox import Limits
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.laid import Laid
from diagnose.subjects.loop import Conversation, converse
from diagnose.subjects.outside.desk import Desk
from diagnose.subjects.outside.server import Lines
from diagnose.subjects.protocol import asked
from diagnose.subjects.scaffold import Scaffold
from diagnose.subjects.stage import Stage
from diagnose.tasks import build_device, family_of, task
from interventions.experiment_oracles import ExperimentOracles
from interventions.knowledge_notes import KnowledgeNotes
from tests.agent.beside import episode

MCP = Scaffold(protocol="mcp")
C_L1 = task("C-L1")
GOLD = build_device(C_L1, true_laws()).to_json()["blocks"]


def stage(variant=VANILLA, **interventions) -> Stage:
    setting = Setting(C_L1, (0, "C-L1", 0), variant)
    laid = [Laid(name, 1, one, setting) for name, one in interventions.items()]
    family, budgets = family_of(C_L1), Budgets(turns=400)
    return Stage(C_L1, family, budgets, Limits(), setting.seed_path, variant, laid, MCP)


def test_what_interventions_grant_are_tools_too():
    granting = stage(notes=KnowledgeNotes(), oracles=ExperimentOracles())
    tools = {tool.name: tool for tool in granting.tools}
    assert tools["ask"].parameters["properties"] == {"question": {"type": "string"}}
    assert tools["note"].parameters["required"] == ["claim", "proof", "constraints", "example"]
    assert tools["build"].parameters["properties"]["blocks"]["type"] == "array"
    assert tools["press"].parameters["required"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["place", "build", "run_python", "press", "look", "ask", "note", "done"])


@pytest.fixture(scope="module")
def granting():
    with stage(notes=KnowledgeNotes(), oracles=ExperimentOracles()) as open_stage:
        yield open_stage


@settings(max_examples=60)
@given(
    name=NAMES, arguments=st.dictionaries(st.text(max_size=5) | st.just("code"), JSON, max_size=3)
)
def test_whatever_a_call_holds_it_is_an_observation(granting, name, arguments):
    call = ToolCall("c", name, json.dumps(arguments))
    request = asked(Message("assistant", "", (call,)), "mcp")
    assert bool(request.code.strip()) != any(request.faults) or name == "run_python"
    granting.turn, granting._silent, granting.host.ended = 0, 0, None
    shown = granting.run(request.code)
    assert shown is None or shown.startswith("[message 1 of 400]")


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": "4", "y": True, "z": 1.5, "block": "stone"},
        {"x": 10**400, "y": 1, "z": 4, "block": "stone"},
        {"x": 4, "y": 1, "z": 4, "block": "\ud800 \U0001f600 \x00"},
        {"x": 4, "y": 1, "z": 4, "block": "a" * 150_000},
        {"x": 4, "y": 1, "z": 4, "block": [[[[{}]]]]},
        {"x": 4, "y": 1, "z": 4, "block": "stone", "__class__": "x"},
        {"x); verify(": 1},
        {"class": 1},
        {},
    ],
)
def test_hostile_arguments_change_nothing(arguments):
    call = ToolCall("c", "place", json.dumps(arguments))
    with stage() as one:
        shown = one.run(asked(Message("assistant", "", (call,)), "mcp").code)
        assert one.host.world.blocks == {}
        assert shown is not None
        assert "Error: " in shown or "nothing was run" in shown


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_every_text_that_json_can_hold_is_read(text):
    """Halves of surrogate pairs are replaced, and nothing else is changed."""
    line = json.dumps(text) + "\n"
    read = json.loads(Lines(io.StringIO(line)).readline())
    assert read == re.sub("[\ud800-\udfff]", "\ufffd", json.loads(line))
    assert Lines(io.StringIO("")).readline() == ""


def test_a_line_without_end_is_passed_over(monkeypatch):
    monkeypatch.setattr("diagnose.subjects.outside.server.MOST_LINE", 8)
    lines = Lines(io.StringIO("x" * 30 + "\n{}\n"))
    assert [lines.readline() for _ in range(3)] == ["\n", "{}\n", ""]


def working(desk: Desk, budgets: Budgets = Budgets(turns=400)):  # noqa: B008 - it is frozen
    """What the loop makes of the calls that wait at a desk."""
    conversation = Conversation(list(desk._stage.opening))
    with desk:
        return converse(conversation, desk, desk._stage, budgets, Call((0,), 0), MCP), conversation


def texts(futures: list[Future]) -> list[tuple[str, bool]]:
    return [(one.result(0).text, one.result(0).refused) for one in futures if not one.cancelled()]


def test_calls_that_come_at_once_are_carried_out_one_by_one_and_cancelled_ones_are_not():
    with stage() as one:
        desk = Desk("mcp", one, 0)
        place = {"y": 1, "z": 4, "block": "stone"}
        futures = [desk.ask("place", {"x": x, **place}) for x in (1, 2, 3)]
        futures[1].cancel()
        desk.leave()
        reason, conversation = working(desk)
        assert reason == "stopped"
        assert sorted(x for x, _, _ in one.host.world.blocks) == [1, 3]
    assert desk.calls == 2
    (first, last) = texts(futures)
    assert first[0].startswith("[message 1 of 400]")
    assert last[0].startswith("[message 2 of 400]")
    assert texts([desk.ask("look", {"y": 1})])[0][1]
    assert [m.tool_call_id for m in conversation.messages if m.role == "tool"] == [
        *("call_0", "call_1")
    ]


def test_a_huge_call_is_refused_at_the_desk():
    with stage() as one:
        desk = Desk("mcp", one, 0)
        ((said_of, refused),) = texts([desk.ask("run_python", {"code": "1" * 400_001})])
        assert refused
        assert "longer than 400000" in said_of


def test_time_that_is_up_ends_the_wait_for_a_call():
    with stage() as one:
        reason, _ = working(Desk("mcp", one, 0.05), Budgets(turns=400, seconds=0.05))
    assert reason == "seconds"


def test_the_last_message_is_answered_and_no_other():
    with stage() as one:
        one._budgets = budgets = Budgets(turns=1)
        desk = Desk("mcp", one, 0)
        futures = [desk.ask("look", {"y": 1}) for _ in range(2)]
        reason, _ = working(desk, budgets)
    assert reason == "turns"
    ended = "The work has ended: all messages are used. The device standing is judged."
    assert texts(futures) == [(ended, True), (f"{ended} No further call is taken.", True)]


def test_a_desk_that_is_left_raises_to_the_loop():
    with stage() as one:
        desk = Desk("mcp", one, 0)
        desk.leave()
        with pytest.raises(SubjectError, match="left"):
            desk.reply((), Call((0,), 0))


def test_programs_of_a_transcript_are_those_of_the_environment():
    """What was called directly is a program that anyone's environment runs to the same verdict."""
    calls = [ToolCall("a", "build", json.dumps({"blocks": GOLD})), ToolCall("b", "verify", "{}")]
    with Environment("C-L1") as env:
        env.reset()
        for call in calls:
            step = env.step(asked(Message("assistant", "", (call,)), "mcp").code)
    assert step.reward == 1.0
    replies = [Reply("", tool_calls=(call,)) for call in calls]
    model = Scripted("scripted/calls", replies)
    record = run_episode(episode(model=model, task=C_L1, family=family_of(C_L1), scaffold=MCP))
    assert record.verdict == step.info["verdict"]
