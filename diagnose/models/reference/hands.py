"""How the reference subject hands over its programs where it is offered a tool for them."""

import json
from collections.abc import Sequence
from dataclasses import replace

from diagnose.models import Message, Reply, Tool, ToolCall
from diagnose.models.reference.writing import fenced

_OPENS, _CLOSES = "\n\n```python\n", "\n```"


def in_text(messages: Sequence[Message]) -> list[Message]:
    """Return a conversation as it would read if programs were fenced in the text."""
    return [_in_text(message) for message in messages]


def _in_text(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", message.content)
    if not message.tool_calls:
        return message
    code = "\n".join(call.code or "" for call in message.tool_calls)
    return Message("assistant", fenced(code, message.content))


def by_tool(reply: Reply, tools: Sequence[Tool], number: int) -> Reply:
    """Return a reply with its fenced program as a call of the one tool offered."""
    thought, opened, rest = reply.text.partition(_OPENS)
    if not tools or not opened:
        return reply
    code = json.dumps({"code": rest.removesuffix(_CLOSES)})
    return replace(
        reply, text=thought, tool_calls=(ToolCall(f"call-{number}", tools[0].name, code),)
    )
