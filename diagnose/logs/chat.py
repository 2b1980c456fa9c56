"""Conversations as JSON Lines, in the form that fine-tuning tools read."""

from collections.abc import Mapping
from typing import Any

from diagnose.records import EpisodeRecord, canonical_json, plain_values


def chat_line(record: EpisodeRecord) -> str:
    """Return one conversation as a line: ``messages``, and all else of the record ``metadata``.

    Messages have the fields of the OpenAI protocol, which the tools share: a call's name and
    arguments stand in ``function``.
    """
    values = plain_values(record)
    messages = [_message(one) for one in values.pop("transcript")]
    return canonical_json({"messages": messages, "metadata": values}) + "\n"


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list | tuple):
        return dict(message)
    told = [
        {
            "id": call.get("id"),
            "type": "function",
            "function": {"name": call.get("name"), "arguments": call.get("arguments")},
        }
        for call in calls
    ]
    return {**message, "tool_calls": told}
