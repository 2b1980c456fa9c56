"""Replies played in the simulator: what they would have been shown, and whether they pass.

Nothing becomes a demonstration, nor a spoilt one, unless it was played here or judged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diagnose.errors import DiagnoseError
from diagnose.intervention import Intervention
from diagnose.models import Message, ToolCall
from diagnose.records import EpisodeRecord
from diagnose.replay import staged
from diagnose.sandbox import Limits
from diagnose.subjects.laid import Laid
from diagnose.subjects.protocol import answers, asked, tools_of
from diagnose.subjects.stage import Stage

# What is played again must end soon, and in the memory of a desk's machine, whoever recorded it.
MOST_WALL_S = 60.0  # of one program
MOST_MEMORY_BYTES = 1_000_000_000
Interventions = Mapping[str, Intervention]


class LeftOutError(DiagnoseError):
    """An episode yields no example; the text says why, in words that many share."""


@dataclass(frozen=True)
class Played:
    """What came of replies.

    Attributes:
        messages: the conversation as it went, from the system prompt to the last reply.
        passed: whether the device passes, by the verdict that ended it or as it stood at the end.
        device: the hash of that device; empty where there is none.
        helped: for each reply, whether it called a function that an intervention grants.
        said: every text that interventions put before the subject.
    """

    messages: tuple[Message, ...]
    passed: bool
    device: str = ""
    helped: tuple[bool, ...] = ()
    said: tuple[str, ...] = ()


def play(record: EpisodeRecord, interventions: Interventions, replies: Iterable[Message]) -> Played:
    """Play replies in an episode of a record's, from its start.

    Args:
        record: of the episode; what is recorded of its conversation is not read.
        interventions: by name; one that is missing is left out, with what it granted.
        replies: the assistant's, first one first.

    Raises:
        LeftOutError: the record is of another version or wrong, or the replies go on after the end.
    """
    stage, laid = _staged(record, interventions)
    protocol = record_protocol(record)
    grants = {name for one in laid for name in one.functions}
    helped = []
    with stage:
        try:
            messages = list(stage.opening)
            for reply in replies:
                if stage.over():
                    raise LeftOutError("its programs end the episode before its last reply")
                messages.append(reply)
                before = len(stage.host.calls)
                request = asked(reply, protocol)
                observed = stage.run(request.code)
                helped.append(any(call.name in grants for call in stage.host.calls[before:]))
                if observed is not None:
                    messages.extend(answers(request, observed))
            judged = stage.judged()
            said = tuple(text for one in laid for text in one.state()["texts"])
        except LeftOutError:
            raise
        except DiagnoseError as error:
            raise LeftOutError("it cannot be played again") from error
    while messages and messages[-1].role != "assistant":
        messages.pop()
    device = judged.circuit.sha256 if judged.circuit else ""
    return Played(tuple(messages), judged.verdict.passed, device, tuple(helped), said)


def _staged(record: EpisodeRecord, interventions: Interventions) -> tuple[Stage, list[Laid]]:
    if record.fork:
        raise LeftOutError("it goes on from another episode (a fork)")
    if record.chain:
        raise LeftOutError("it goes on from another episode (a curriculum)")
    try:
        limits = Limits(**record.config.get("limits", {}))
        if limits.wall_s > MOST_WALL_S or limits.memory_bytes > MOST_MEMORY_BYTES:
            raise LeftOutError("its programs may run longer or larger than is played again")
        return staged(record, interventions)
    except LeftOutError:
        raise
    except (DiagnoseError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise LeftOutError("its configuration is of another version") from error


def record_protocol(record: EpisodeRecord) -> str:
    """Return how programs were handed over in an episode."""
    return scaffold_of(record, "protocol", "text")


def record_prompt(record: EpisodeRecord) -> str:
    """Return which prompt led the subject."""
    return scaffold_of(record, "prompt", "standard")


def scaffold_of(record: EpisodeRecord, name: str, otherwise: str) -> str:
    """Return a text of a record's scaffold."""
    scaffold = record.config.get("scaffold")
    value = scaffold.get(name) if isinstance(scaffold, Mapping) else None
    return value if isinstance(value, str) else otherwise


def offered(record: EpisodeRecord) -> list[dict[str, object]]:
    """Return the tools that the subject was offered, in OpenAI's form."""
    return [
        {
            "type": "function",
            "function": {
                "name": one.name,
                "description": one.description,
                "parameters": dict(one.parameters),
            },
        }
        for one in tools_of(record_protocol(record))
    ]


def chat(messages: Sequence[Message]) -> list[dict[str, object]]:
    """Return messages in the chat format that training tools read.

    Raises:
        LeftOutError: a call's arguments are not a program, or one that holds more.
    """
    return [_chat(message) for message in messages]


def _chat(message: Message) -> dict[str, object]:
    told: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        told["tool_calls"] = list(map(_call, message.tool_calls))
    if message.tool_call_id:
        told["tool_call_id"] = message.tool_call_id
    return told


def _call(call: ToolCall) -> dict[str, object]:
    if call.given is None or call.given.keys() != {"code"} or call.code is None:
        raise LeftOutError("a call of it is no program")
    function = {"name": call.name, "arguments": {"code": call.code}}
    return {"id": call.id, "type": "function", "function": function}
