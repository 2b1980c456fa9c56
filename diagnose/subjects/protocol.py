"""What a reply asks to run, and the messages that answer it: fenced text, or tool calls.

A call that cannot be carried out is the model's own doing: it is told so, and the fault is counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, getdoc, signature
from keyword import iskeyword
from typing import Any

from diagnose.intervention import HostFunction
from diagnose.models import Message, Reply, Tool, ToolCall, written
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
BLOCKS: Mapping[str, Any] = {
    "type": "array",
    "description": "[[x, y, z, block], ...]",
    "items": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
}
TOGETHER = "Run as one program with the other calls of this message; see the last answer."
FAULTS = {  # by the name under which they are counted
    "unknown_tool": "There is no tool of that name; the only one is run_python(code).",
    "arguments_not_json": 'The arguments are not a JSON object; write {"code": "..."}.',
    "no_code": 'The arguments hold no text "code"; write {"code": "..."}.',
    "not_a_call": "A function of that name and arguments cannot be called.",
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


def tools_for(
    functions: Mapping[str, HostFunction], helps: Mapping[str, str], tell: Callable[[str], str]
) -> tuple[Tool, ...]:
    """Return one tool per host function, its parameters as the function declares them.

    Args:
        functions: by name.
        helps: of those that interventions grant, by name; already as the subject reads it.
        tell: puts the others' descriptions in the names of the subject's world.
    """
    tools = []
    for name, function in functions.items():
        parameters = signature(function, eval_str=True).parameters.values()
        schema = {
            "type": "object",
            "properties": {one.name: _schema(one) for one in parameters},
            "required": [one.name for one in parameters if one.default is one.empty],
            "additionalProperties": False,
        }
        said = helps.get(name) or tell((getdoc(function) or "").partition("\n")[0])
        tools.append(Tool(name, said, schema))
    return tuple(tools)


def _schema(parameter: Parameter) -> dict[str, Any]:
    """Return what a parameter takes; what does not say is a text, as interventions' texts are."""
    if parameter.annotation in (int, int | None):
        return {"type": "integer"}
    return dict(BLOCKS) if parameter.name == "blocks" else {"type": "string"}


def cleaned(reply: Reply) -> Message:
    """Return a reply as a message of valid Unicode."""
    calls = (
        ToolCall(written(call.id), written(call.name), written(call.arguments))
        for call in reply.tool_calls
    )
    return Message("assistant", written(reply.text), tuple(calls))


def asked(message: Message, protocol: str) -> Asked:
    """Return what a message asks for. Code outside tool calls counts in the text protocol alone."""
    if protocol == "text":
        # A call that nobody offered still wants its answer, or a provider refuses what follows.
        faults = ("unknown_tool",) * len(message.tool_calls)
        return Asked(python_of(message.content), message.tool_calls, faults)
    read = [_read(call, direct=protocol == "mcp") for call in message.tool_calls]
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
        "\n".join([message.content, *(_read(call, direct=True)[0] for call in message.tool_calls)])
        if message.tool_calls
        else message.content
        for message in messages
        if message.role == "assistant"
    ]


def _read(call: ToolCall, *, direct: bool) -> tuple[str, str]:
    """Return a call's code and its fault, of which one is empty.

    Where ``direct``, a tool of another name is a call of the host function of that name.
    """
    if call.name != RUN.name and not direct:
        return "", "unknown_tool"
    arguments = call.given
    if arguments is None:
        return "", "arguments_not_json"
    if call.name != RUN.name:
        return _called(call.name, arguments)
    return ("", "no_code") if call.code is None else (call.code, "")


def _called(name: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Return a call of a function as a program: one expression over JSON's values."""
    if not all(word.isidentifier() and not iskeyword(word) for word in (name, *arguments)):
        return "", "not_a_call"
    try:
        given = ", ".join(f"{word}={value!r}" for word, value in arguments.items())
    except RecursionError:  # nested deeper than Python writes
        return "", "not_a_call"
    return written(f"{name}({given})"), ""
