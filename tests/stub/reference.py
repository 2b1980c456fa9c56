"""The reference subject behind HTTP: whole studies through the server have known verdicts.

A request carries no place, but its seed is drawn from one; so the seeds of all places of a study
tell the place, and a wrong or missing seed gets no answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from diagnose.cli.configure import configured
from diagnose.models import Call, Message, ToolCall
from diagnose.models.litellm import call_seed
from diagnose.models.reference import Profile, Reference

CALLS = 20  # more than a reference subject ever makes in an episode
FRONTIER = configured(["subject=reference/frontier"]).model.profile


class Behind:
    """Answers request bodies as the reference subject would in this process."""

    def __init__(self, profile: Profile, study_seed: int, tasks: Iterable[str], runs: int) -> None:
        self.subject = Reference(profile)
        self._calls: dict[int, Call] = {}
        for task in tasks:
            for run in range(runs):
                for number in range(CALLS):
                    call = Call((study_seed, task, run), number)
                    self._calls[call_seed(call)] = call

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        messages = [message_of(one) for one in body["messages"]]
        reply = self.subject.reply(messages, self._calls[body["seed"]])
        usage = {
            "prompt_tokens": reply.usage.input_tokens,
            "completion_tokens": reply.usage.output_tokens,
        }
        return {"content": reply.text, "usage": usage}


def message_of(one: Mapping[str, Any]) -> Message:
    """Return a message of a request as a subject takes it."""
    calls = tuple(
        ToolCall(made["id"], made["function"]["name"], made["function"]["arguments"])
        for made in one.get("tool_calls") or ()
    )
    return Message(one["role"], one.get("content") or "", calls, one.get("tool_call_id") or "")
