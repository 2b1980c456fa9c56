"""A transcript played back: the n-th call gets the n-th reply, whatever the messages say."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.models import Call, Message, Reply, ToolCall
from diagnose.records import EpisodeRecord

SUBJECT = "subject"
EXHAUSTED = "done"  # no code: a few of these end the episode as stopped


class Scripted:
    """Replies in order, agent by agent; past the last one it answers ``done``, without code."""

    def __init__(
        self,
        name: str,
        replies: Sequence[str | Reply],
        agents: Mapping[str, Sequence[str | Reply]] | None = None,
    ) -> None:
        """Hold the replies.

        Args:
            name: in records, for example ``scripted/smoke``.
            replies: each reply or its text, first call first.
            agents: the replies of sub-agents, by the agent's name: ``scientist/0``.
        """
        self._name = name
        self._replies = {
            agent: tuple(one if isinstance(one, Reply) else Reply(one) for one in said)
            for agent, said in ({SUBJECT: replies} | dict(agents or {})).items()
        }

    @classmethod
    def from_record(cls, source: EpisodeRecord | str | os.PathLike[str]) -> "Scripted":
        """Replay a record, its scientists' messages too, or a file that holds one record.

        Raises:
            InputError: the file cannot be read or holds no single record, or the record's
                transcript is not a list of messages.
        """
        record = source if isinstance(source, EpisodeRecord) else _read(Path(source))
        agents = {}
        for number, report in enumerate(record.reports):
            where = f"reports[{number}]"
            agent, transcript = report.get("agent"), report.get("transcript")
            if not isinstance(agent, str) or not isinstance(transcript, list):
                raise InputError(where, report, "a report has an agent and a transcript")
            agents[agent] = _replies(transcript, f"{where}.transcript")
        replies = _replies(record.transcript, "transcript")
        return cls(f"replay/{record.model}", replies, agents)

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self._name

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """Return the reply of this call's number; the messages are not read."""
        del messages
        said = self._replies.get(call.agent, ())
        return said[call.number] if call.number < len(said) else Reply(EXHAUSTED)


def _replies(transcript: Sequence[Mapping[str, Any]], where: str) -> list[Reply]:
    """Return the assistant's messages of a transcript."""
    replies = []
    for number, message in enumerate(transcript):
        try:
            role, content = message["role"], message["content"]
            calls = tuple(ToolCall(**call) for call in message.get("tool_calls", ()))
            texts = [role, content, *(text for call in calls for text in vars(call).values())]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("no text")
        except (KeyError, TypeError) as error:
            remedy = "a message has a role and a content, and its calls an id, a name and arguments"
            raise InputError(f"{where}[{number}]", message, remedy) from error
        if role == "assistant":
            replies.append(Reply(content, tool_calls=calls))
    return replies


def _read(path: Path) -> EpisodeRecord:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("record file", str(path), f"give one record as JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError("record file", str(path), "give one record, a JSON object")
    return EpisodeRecord.from_dict(data)
