"""Tool calls, the scientist and the curriculum over HTTP: as in one process, to the verdict."""

import json

import pytest

from diagnose.cli.configure import configured
from diagnose.models import Call
from diagnose.models.litellm import call_seed
from diagnose.models.reference import Reference
from diagnose.store import canonical_lines
from diagnose.subjects.protocol import RUN
from tests.models.test_gateway import DESIGN, folder_in, run
from tests.stub.reference import FRONTIER, message_of
from tests.stub.server import Stub, serving

LED = ("interventions/experiment_oracles=scientist", "study.setting=curriculum")
AGENTS = ("subject", *(f"scientist/{number}" for number in range(6)))


class Behind:
    """Answers request bodies as the reference subject and its scientists would."""

    def __init__(self):
        self.subject = Reference(FRONTIER)
        self._calls = {}
        for task in ("A-L1", "C-L1"):
            for number in range(2):
                for agent in AGENTS:
                    for turn in range(8):
                        call = Call((0, task, number), turn, agent=agent)
                        self._calls[call_seed(call)] = call

    def __call__(self, body):
        messages = [message_of(one) for one in body["messages"]]
        call = self._calls[body["seed"]]
        tools = (RUN,) if body.get("tools") else ()
        reply = self.subject.reply(
            messages, Call(call.seed_path, call.number, agent=call.agent, tools=tools)
        )
        made = [
            {"id": one.id, "type": "function",
             "function": {"name": one.name, "arguments": one.arguments}}
            for one in reply.tool_calls
        ]  # fmt: skip
        usage = {"prompt_tokens": reply.usage.input_tokens,
                 "completion_tokens": reply.usage.output_tokens}  # fmt: skip
        return {"content": reply.text, "usage": usage, **({"tool_calls": made} if made else {})}


@pytest.mark.parametrize("protocol", ["text", "tools"])
def test_a_led_study_over_http_is_that_of_the_subject_in_this_process(tmp_path, protocol):
    led = (*LED, f"scaffold.protocol={protocol}")
    with serving(Stub(Behind(), 0.0, {}, seed=5)) as server:
        run(tmp_path, server, *led)
    behind = {
        (one["task"], one["run"], one["cell"]): one
        for one in map(json.loads, canonical_lines(folder_in(tmp_path)))
    }
    study = configured(["subject=reference/frontier", *DESIGN, *led])
    asked = 0
    for plan in study.plans:
        ours = json.loads(study.execute(plan).to_line())
        other = behind[plan.task, plan.run, plan.cell]
        same = ("outcome", "stop_reason", "verdict", "circuit", "interventions", "transcript")
        assert {name: other[name] for name in same} == {name: ours[name] for name in same}
        for mine, theirs in zip(ours["reports"], other["reports"], strict=True):
            assert theirs["sections"] == mine["sections"]
            assert theirs["complete"]
        agents = {call["agent"] for call in other["calls"]}
        assert agents == {"subject", *(report["agent"] for report in other["reports"])}
        asked += len(ours["reports"])
    assert asked
