"""What a reply asks to run, and the messages that answer it: fenced text, or native tool calls.

A call that cannot be carried out is the model's own doing: it is told so, and the fault is counted.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.models import Message, Reply, Tool, ToolCall
from diagnose.subjects.fences import python_of

RUN = Tool(
    "run_python",
    "Run a program: Python over the host functions. You are shown what came of it.",
    {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "the program"}},
        "required": ["code"],
        "additionalProperties": False,
    },
)
TOGETHER = "Run as one program with the other calls of this message; see the last answer."
FAULTS = {  # by the name under which they are counted
    "unknown_tool": "There is no tool of that name; the only one is run_python(code).",
    "arguments_not_json": 'The arguments are not a JSON object; write {"code": "..."}.',
    "no_code": 'The arguments hold no text "code"; write {"code": "..."}.',
}


@dataclass(frozen=True)
class Asked:
    """What a reply asks for. ``faults`` has one name per call, empty where it can be run."""

    code: str  # one program; empty for none
    calls: tuple[ToolCall, ...] = ()
    faults: tuple[str, ...] = ()


def tools_of(protocol: str) -> tuple[Tool, ...]:
    """Return the tools that a model is offered."""
    return (RUN,) if protocol == "tools" else ()


def cleaned(reply: Reply) -> Message:
    """Return a reply as a message of valid Unicode."""
    calls = (
        ToolCall(_clean(call.id), _clean(call.name), _clean(call.arguments))
        for call in reply.tool_calls
    )
    return Message("assistant", _clean(reply.text), tuple(calls))


def asked(message: Message, protocol: str) -> Asked:
    """Return what a message asks for. Code outside tool calls counts in the text protocol alone."""
    if protocol == "text":
        # A call that nobody offered still wants its answer, or a provider refuses what follows.
        faults = ("unknown_tool",) * len(message.tool_calls)
        return Asked(python_of(message.content), message.tool_calls, faults)
    read = [_read(call) for call in message.tool_calls]
    program = "\n".join(code for code, fault in read if not fault)
    code = program if program.strip() else ""
    return Asked(code, message.tool_calls, tuple(fault for _, fault in read))


def answers(request: Asked, shown: str) -> list[Message]:
    """Return the messages that answer a reply; ``shown`` is the observation.

    Every call gets its answer. The observation answers the last call that was run, and follows the
    answers in a message of the user where none was.
    """
    runs = [number for number, fault in enumerate(request.faults) if not fault]
    said = []
    for number, (call, fault) in enumerate(zip(request.calls, request.faults, strict=True)):
        text = FAULTS[fault] if fault else TOGETHER
        if runs and number == runs[-1]:
            text = shown
        said.append(Message("tool", text, tool_call_id=call.id))
    return said if runs else [*said, Message("user", shown)]


def programs(messages: Sequence[Message]) -> list[str]:
    """Return each assistant's message with the code of its calls: what a reader of it sees."""
    return [
        "\n".join([message.content, *(_read(call)[0] for call in message.tool_calls)])
        if message.tool_calls
        else message.content
        for message in messages
        if message.role == "assistant"
    ]


def _read(call: ToolCall) -> tuple[str, str]:
    """Return a call's code and its fault, of which one is empty."""
    if call.name != RUN.name:
        return "", "unknown_tool"
    try:
        arguments: Any = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return "", "arguments_not_json"
    if not isinstance(arguments, dict):
        return "", "arguments_not_json"
    code = arguments.get("code")
    if not isinstance(code, str):
        return "", "no_code"
    return _clean(code), ""


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
