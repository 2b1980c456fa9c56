"""What of a conversation the model sees: a pure function of the transcript.

The transcript keeps every message, so that an episode replays from it alone; a view leaves out what
lies before the last fresh start, and tells older turns in a line each.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from diagnose.models import Message
from diagnose.subjects.briefing import BEGINS
from diagnose.subjects.fences import python_of
from diagnose.subjects.protocol import programs
from diagnose.subjects.scaffold import Scaffold

FRESH = "\n# A fresh start\n"  # a line that only the host can write; see ``began_afresh``
EARLIER = "# Earlier messages, in a line each"
SHOWN_LINE = 300  # characters of a folded turn
_CALLED = re.compile(r"\b(place|fill|build|remove|clear|look|press|verify|done|ask|note)\(")
_NUMBER = re.compile(r"\[message (\d+) of \d+\] ")


def view(messages: Sequence[Message], scaffold: Scaffold, pinned: str = "") -> tuple[Message, ...]:
    """Return what the model is sent of the transcript so far.

    Args:
        messages: the transcript.
        scaffold: what of it is left out.
        pinned: the end of a message that stays in sight when the message does not.
    """
    shown = list(messages)
    if scaffold.fresh_context_after_failure:
        shown = _from_fresh_start(shown)
    if scaffold.keep_turns:
        shown = _folded(shown, scaffold.keep_turns)
    if pinned and not any(pinned in message.content for message in shown):
        shown[1] = replace(shown[1], content=shown[1].content + pinned)
    return tuple(shown)


def began_afresh(message: Message) -> bool:
    """Whether an observation begins a new conversation: the host says so in its first line.

    What a program prints comes below that line, so no program can begin one.
    """
    return message.role != "assistant" and BEGINS in message.content.partition("\n")[0]


def _from_fresh_start(messages: list[Message]) -> list[Message]:
    system, first, *rest = messages
    starts = [number for number, message in enumerate(rest) if began_afresh(message)]
    if not starts:
        return messages
    last = starts[-1]
    _, _, statement = rest[last].content.rpartition(FRESH)
    opening = replace(first, content=f"{first.content}\n{FRESH}{statement}")
    return [system, opening, *rest[last + 1 :]]


def _folded(messages: list[Message], keep_turns: int) -> list[Message]:
    system, first, *rest = messages
    begins = [number for number, message in enumerate(rest) if message.role == "assistant"]
    older = begins[:-keep_turns]
    if not older:
        return messages
    cut = begins[-keep_turns]
    lines = [_line(rest[start:end]) for start, end in zip(older, [*older[1:], cut], strict=True)]
    told = "\n".join([first.content, "", EARLIER, *lines])
    return [system, replace(first, content=told), *rest[cut:]]


def _line(turn: Sequence[Message]) -> str:
    """Tell a turn in one line: what was called, and what the host said of it."""
    (text,) = programs(turn[:1])
    code = python_of(text) or text
    called = list(dict.fromkeys(_CALLED.findall(code)))
    heads = [
        message.content.partition("\n")[0] for message in turn[1:] if _NUMBER.match(message.content)
    ]
    head = heads[-1] if heads else ""
    number = found[1] if (found := _NUMBER.match(head)) else "?"
    said = _NUMBER.sub("", head).replace(BEGINS, "").strip()
    errors = [line for message in turn[1:] for line in _telling(message.content)]
    line = (
        f"- message {number} called {', '.join(called) or 'nothing'}. {' '.join([said, *errors])}"
    )
    return line if len(line) <= SHOWN_LINE else line[: SHOWN_LINE - 3] + "..."


def _telling(observation: str) -> list[str]:
    """Return the lines of an observation that a summary keeps: errors, presses, failed verdicts."""
    kept, verdict = [], False
    for line in observation.splitlines():
        verdict = line.startswith("FAILED") or (verdict and line.startswith("- "))
        if verdict or line.startswith(("Error: ", "Pressed")):
            kept.append(line)
    return kept
