"""A fork: a turn of an episode that was, from which another episode goes on."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from diagnose.models import Message
from diagnose.records import Usage, canonical_json
from diagnose.subjects.loop import Conversation
from diagnose.subjects.protocol import asked, programs
from diagnose.subjects.scaffold import Scaffold
from diagnose.subjects.snapshot import Snapshot


@dataclass(frozen=True)
class Fork:
    """Where an episode is taken up: the conversation so far, and the world beside it."""

    source: str  # id of the episode that was
    study: str  # its study's name
    at: str  # how the turn was chosen: first_failed_verify, last_turn, or its number
    turn: int  # replies given before it
    snapshot: Snapshot
    messages: tuple[Mapping[str, Any], ...]  # the transcript's, up to the pending one
    calls: tuple[Mapping[str, Any], ...] = ()  # of the model, those replies'

    @property
    def identity(self) -> dict[str, Any]:
        """What of it determines how an episode goes on."""
        return {
            "source": self.source,
            "turn": self.turn,
            "snapshot_sha256": self.snapshot.sha256,
            "messages_sha256": hashlib.sha256(canonical_json(self.messages).encode()).hexdigest(),
        }

    @property
    def inherited(self) -> Usage:
        """What the episode had used up to there."""
        host = self.snapshot.state["host"]
        return Usage(
            turns=self.turn,
            trials=host["trials"],
            host_calls=len(host["calls"]),
            input_tokens=sum(call["input_tokens"] for call in self.calls),
            output_tokens=sum(call["output_tokens"] for call in self.calls),
            cost_usd=sum(call["cost_usd"] for call in self.calls),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a record says of it; the transcript holds the rest."""
        said = {"study": self.study, "at": self.at, "inherited": asdict(self.inherited)}
        return {**self.identity, **said}

    def conversation(self, scaffold: Scaffold) -> Conversation:
        """Return the conversation as it stood, with what it had cost."""
        messages = [Message.of(message) for message in self.messages]
        used = self.inherited
        taken = Conversation(
            messages,
            programs(messages),
            used.input_tokens,
            used.output_tokens,
            used.cost_usd,
        )
        for message in messages:
            if message.role == "assistant":
                taken.count(asked(message, scaffold.protocol).faults)
        return taken
