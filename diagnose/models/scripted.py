"""A transcript played back: the n-th call gets the n-th reply, whatever the messages say."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from diagnose.errors import InputError
from diagnose.models import Call, Message, Reply
from diagnose.records import EpisodeRecord

EXHAUSTED = "done"  # no code: a few of these end the episode as stopped


class Scripted:
    """Replies in order; past the last one it answers ``done``, without code."""

    def __init__(self, name: str, replies: Sequence[str]) -> None:
        """Hold the replies.

        Args:
            name: in records, for example ``scripted/smoke``.
            replies: the text of each reply, first call first.
        """
        self._name = name
        self._replies = tuple(replies)

    @classmethod
    def from_record(cls, source: EpisodeRecord | str | os.PathLike[str]) -> "Scripted":
        """Replay the assistant's messages of a record, or of a file that holds one record.

        Raises:
            InputError: the file cannot be read or holds no single record, or the record's
                transcript is not a list of messages.
        """
        record = source if isinstance(source, EpisodeRecord) else _read(Path(source))
        replies = []
        for number, message in enumerate(record.transcript):
            role, content = message.get("role"), message.get("content")
            if not isinstance(role, str) or not isinstance(content, str):
                raise InputError(
                    f"transcript[{number}]", message, "a message has a role and a content"
                )
            if role == "assistant":
                replies.append(content)
        return cls(f"replay/{record.model}", replies)

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self._name

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """Return the reply of this call's number; the messages are not read."""
        del messages
        return Reply(self._replies[call.number] if call.number < len(self._replies) else EXHAUSTED)


def _read(path: Path) -> EpisodeRecord:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("record file", str(path), f"give one record as JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError("record file", str(path), "give one record, a JSON object")
    return EpisodeRecord.from_dict(data)
