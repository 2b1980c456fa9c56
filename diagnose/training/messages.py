"""Chat messages of supervised data, checked where they come in: they are a stranger's text."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.errors import InputError
from diagnose.records import canonical_json

ROLES = ("system", "user", "assistant", "tool")
MOST_MESSAGES = 2_000
MOST_CHARACTERS = 2_000_000  # of one conversation
_KEYS = frozenset({"role", "content", "tool_calls", "tool_call_id"})
# What a tokeniser would read as the end of a message, in the templates in use. In a text it would
# close the message it stands in and open another one.
_MARK = re.compile(
    r"<[|｜][^<>|｜\n]{1,60}[|｜]>|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos|pad|unk)>"
    r"|\[/?INST\]|<</?SYS>>",
    re.IGNORECASE,
)

Chat = tuple[Mapping[str, Any], ...]


def checked(messages: object, where: str) -> Chat:
    """Return messages that any chat template can take.

    Args:
        messages: of a file.
        where: for the error.

    Raises:
        InputError: no list of messages, a role that there is not, a content that is no text or no
            valid Unicode, or more than ``MOST_MESSAGES`` or ``MOST_CHARACTERS``.
    """
    if not isinstance(messages, list | tuple) or not messages:
        raise InputError(where, messages, "give a list of messages")
    if len(messages) > MOST_MESSAGES:
        raise InputError(where, f"{len(messages)} messages", f"give at most {MOST_MESSAGES}")
    for number, message in enumerate(messages):
        if fault := _fault(message):
            raise InputError(f"{where}[{number}]", shown(message), fault)
    if (size := characters(messages)) > MOST_CHARACTERS:
        raise InputError(where, f"{size} characters", f"give at most {MOST_CHARACTERS}")
    return tuple(messages)


def _fault(message: object) -> str:
    if not isinstance(message, Mapping) or not message.keys() <= _KEYS:
        return f"a message is an object with the keys {', '.join(sorted(_KEYS))}"
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in ROLES:
        return f"a role is one of {', '.join(ROLES)}"
    if not isinstance(content, str):
        return "a content is a text"
    if not isinstance(message.get("tool_call_id", ""), str):
        return "a tool_call_id is a text"
    calls = message.get("tool_calls", [])
    if not isinstance(calls, list | tuple) or not all(map(_is_call, calls)):
        return 'a call is {"id", "type", "function": {"name", "arguments": {"code": ...}}}'
    texts = [content, message.get("tool_call_id", ""), *map(canonical_json, calls)]
    return "" if all(map(_writable, texts)) else "a text is valid Unicode"


def _is_call(call: object) -> bool:
    if not isinstance(call, Mapping) or not isinstance(call.get("id"), str):
        return False
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        return False
    given = function.get("arguments")
    return isinstance(given, Mapping) and all(isinstance(text, str) for text in given.values())


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """Return how a strange value begins, as text that can be printed."""
    return repr(value)[:80].encode("ascii", "backslashreplace").decode()


def alternates(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a conversation goes to and fro: a system prompt, then user and assistant in turn.

    Answers to tool calls stand for the user's turn. It ends with the assistant.
    """
    said = [message["role"] for message in messages]
    if said and said[0] == "system":
        said = said[1:]
    turns: list[str] = []
    for role in said:
        heard = "user" if role == "tool" else role
        if role == "tool" and turns and turns[-1] == "user":
            continue  # a reply may have had several calls
        turns.append(heard)
    wanted = ["user", "assistant"] * (len(turns) // 2)
    return bool(turns) and turns == wanted


def marked(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a text holds what a chat template would read as a mark of its own."""
    return any(_MARK.search(text) for text in texts(messages))


def texts(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every text of a conversation, those of its calls included."""
    return [text for message in messages for text in (message["content"], *programs(message))]


def programs(message: Mapping[str, Any]) -> list[str]:
    """Return the texts among the arguments of a message's calls."""
    return [
        text
        for call in message.get("tool_calls", ())
        for text in call["function"]["arguments"].values()
    ]


def characters(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return the length of a conversation in characters."""
    return sum(map(len, texts(messages)))


def key_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return a hash that conversations share which differ in white space only."""
    told = [[message["role"], *map(squeezed, texts([message]))] for message in messages]
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()


def squeezed(text: str) -> str:
    """Return a text without white space at the ends of lines and without empty lines."""
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
