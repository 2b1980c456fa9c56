"""An episode as a tree of spans, in the words of OpenTelemetry's conventions for generative AI.

``invoke_agent`` is the episode, ``chat`` a call of its model, ``execute_tool`` what ran between two
calls; a scientist is an ``invoke_agent`` within the tool that asked it. Spans are made from a
record and the clock times noted beside it, so no record changes, and a study that ended can be told
again: ids are hashes of what a span is of, and the same span told twice is one.

Source: OpenTelemetry semantic conventions 1.37, "GenAI agent spans" and "GenAI client spans".
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from diagnose.records import EpisodeRecord
from diagnose.subjects.fences import python_of

SUBJECT = "subject"  # the agent of an episode itself
TOOL = "run_python"
PROVIDERS = {  # litellm's names -> the convention's; others are called as litellm calls them
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


@dataclass(frozen=True)
class Span:
    """One span."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int  # Unix time
    end_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    client: bool = False  # whether it is a call of something else
    error: str = ""


@dataclass(frozen=True)
class _Call:
    agent: str
    number: int
    since_s: float
    took_s: float

    @property
    def end_s(self) -> float:
        return self.since_s + self.took_s


def spans_of(
    record: EpisodeRecord,
    timing: Mapping[str, Any],
    content: Callable[[str], str] | None = None,
) -> list[Span]:
    """Return an episode's spans, its own first.

    Args:
        record: the episode.
        timing: its line of ``timings.jsonl``: when it began, how long it took, its calls.
        content: makes of what was said what may be told; None tells nothing of it.
    """
    return _Tree(record, timing, content).spans()


class _Tree:
    def __init__(
        self,
        record: EpisodeRecord,
        timing: Mapping[str, Any],
        content: Callable[[str], str] | None,
    ) -> None:
        self._record, self._content = record, content
        # Whole nanoseconds first: a sum of floats of this size would be rounded by hundreds.
        self._began_ns = round(float(timing["began_at_s"]) * 1e9)
        self._seconds = max(0.0, float(timing["seconds"]))
        self._place = f"{record.episode_id}/{timing['began_at_s']}"
        self._calls = [_Call(*one) for one in timing.get("calls", ())]
        self._used = {(one["agent"], one["number"]): one for one in record.calls}
        provider, slash, model = record.model.partition("/")
        self._provider = PROVIDERS.get(provider, provider)
        self._model = model if slash else record.model
        self._said = _turns(record.transcript)

    def spans(self) -> list[Span]:
        root = self._root()
        found = [root]
        own = [one for one in self._calls if one.agent == SUBJECT]
        tools: list[Span] = []
        for call, after in pairwise([*own, None]):
            assert call is not None
            found.append(self._chat(call, root))
            until_s = after.since_s if after else self._seconds
            if self._runs(call):
                tools.append(self._tool(call, until_s, root))
        found += tools
        agents: dict[str, list[_Call]] = {}
        for call in self._calls:
            if call.agent != SUBJECT:
                agents.setdefault(call.agent, []).append(call)
        for agent, calls in agents.items():
            found += self._helper(agent, calls, tools, root)
        return found

    def _span(
        self,
        name: str,
        key: str,
        between_s: tuple[float, float],
        parent: Span | None,
        attributes: Mapping[str, Any],
        *,
        client: bool = False,
        error: str = "",
    ) -> Span:
        start_ns, end_ns = (self._began_ns + round(at * 1e9) for at in between_s)
        if error:
            attributes = {**attributes, "error.type": error}
        return Span(
            name,
            _hash(f"trace/{self._record.episode_id}", 16),
            _hash(f"span/{self._place}/{key}", 8),
            parent.span_id if parent else None,
            start_ns,
            max(start_ns, end_ns),
            attributes,
            client,
            error,
        )

    def _root(self) -> Span:
        one, used = self._record, self._record.own_usage
        lost = one.outcome == "not_observed"
        said = {
            **self._about("invoke_agent"),
            "gen_ai.agent.name": SUBJECT,
            "gen_ai.conversation.id": one.episode_id,
            "gen_ai.usage.input_tokens": used.input_tokens,
            "gen_ai.usage.output_tokens": used.output_tokens,
            "diagnose.episode_id": one.episode_id,
            "diagnose.study": one.study,
            "diagnose.task": one.task,
            "diagnose.family": one.family,
            "diagnose.level": one.level,
            "diagnose.run": one.run,
            "diagnose.cell": one.cell,
            "diagnose.outcome": one.outcome,
            "diagnose.stop_reason": one.stop_reason,
            "diagnose.turns": used.turns,
            "diagnose.trials": used.trials,
            "diagnose.cost_usd": used.cost_usd,
            **{f"diagnose.dose.{name}": did.dose for name, did in one.interventions.items()},
        }
        cause = (one.missing_cause.partition(":")[0] or "not_observed") if lost else ""
        whole = (0.0, self._seconds)
        return self._span(f"invoke_agent {SUBJECT}", "root", whole, None, said, error=cause)

    def _about(self, operation: str) -> dict[str, Any]:
        return {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": self._provider,
            "gen_ai.request.model": self._model,
        }

    def _chat(self, call: _Call, parent: Span) -> Span:
        used = self._used.get((call.agent, call.number))
        said = {
            **self._about("chat"),
            "gen_ai.agent.name": call.agent,
            "diagnose.call.number": call.number,
        }
        if used:
            said["gen_ai.usage.input_tokens"] = used["input_tokens"]
            said["gen_ai.usage.output_tokens"] = used["output_tokens"]
            said["diagnose.cost_usd"] = used["cost_usd"]
            if used.get("finish"):
                said["gen_ai.response.finish_reasons"] = [used["finish"]]
        if self._content and call.agent == SUBJECT and call.number < len(self._said):
            before, reply, _ = self._said[call.number]
            said["gen_ai.input.messages"] = self._messages(before)
            said["gen_ai.output.messages"] = self._messages([reply])
        name, key = f"chat {self._model}", f"chat/{call.agent}/{call.number}/{call.since_s}"
        failed = "" if used else self._record.missing_cause.partition(":")[0] or "no_reply"
        between = (call.since_s, call.end_s)
        return self._span(name, key, between, parent, said, client=True, error=failed)

    def _runs(self, call: _Call) -> bool:
        """Whether the reply to a call holds a program."""
        if call.number >= len(self._said):
            return False
        reply = self._said[call.number][1]
        return bool(reply.get("tool_calls") or python_of(str(reply.get("content", ""))).strip())

    def _tool(self, call: _Call, until_s: float, parent: Span) -> Span:
        said: dict[str, Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": TOOL,
            "gen_ai.tool.type": "function",
            "diagnose.call.number": call.number,
        }
        _, reply, shown = self._said[call.number]
        if asked := reply.get("tool_calls"):
            said["gen_ai.tool.call.id"] = str(asked[-1].get("id", ""))
        if self._content:
            program = asked[-1].get("arguments", "") if asked else python_of(reply["content"])
            said["gen_ai.tool.call.arguments"] = self._content(str(program))
            result = "\n".join(str(one.get("content", "")) for one in shown)
            said["gen_ai.tool.call.result"] = self._content(result)
        key = f"tool/{call.number}/{call.since_s}"
        return self._span(f"execute_tool {TOOL}", key, (call.end_s, until_s), parent, said)

    def _helper(
        self, agent: str, calls: Sequence[_Call], tools: Sequence[Span], root: Span
    ) -> list[Span]:
        between = (calls[0].since_s, calls[-1].end_s)
        start_ns = self._began_ns + round(between[0] * 1e9)
        within = (one for one in tools if one.start_ns <= start_ns <= one.end_ns)
        said = {**self._about("invoke_agent"), "gen_ai.agent.name": agent}
        key = f"agent/{agent}"
        one = self._span(f"invoke_agent {agent}", key, between, next(within, root), said)
        return [one, *(self._chat(call, one) for call in calls)]

    def _messages(self, messages: Sequence[Mapping[str, Any]]) -> str:
        assert self._content
        told = [
            {
                "role": str(one.get("role", "")),
                "parts": [{"type": "text", "content": self._content(str(one.get("content", "")))}],
            }
            for one in messages
        ]
        return json.dumps(told, ensure_ascii=False)


_Message = Mapping[str, Any]


def _turns(
    transcript: Sequence[_Message],
) -> list[tuple[list[_Message], _Message, list[_Message]]]:
    """Return for each reply what is new to the model before it, the reply, and what answers it."""
    at = [number for number, one in enumerate(transcript) if one.get("role") == "assistant"]
    turns = []
    for before, here, after in zip([-1, *at], at, [*at[1:], len(transcript)], strict=False):
        new, answer = transcript[before + 1 : here], transcript[here + 1 : after]
        turns.append((list(new), transcript[here], list(answer)))
    return turns


def _hash(text: str, size: int) -> int:
    """Return a hash of ``size`` bytes, never 0, which is no id."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1
