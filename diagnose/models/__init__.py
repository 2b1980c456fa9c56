"""What answers: one protocol for a language model, a replayed transcript and a reference policy.

A model gets the whole conversation and returns one message. It holds no state between calls that
is not in the messages, so an episode can be replayed, resumed and forked from its transcript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool as the provider handed it on; ``arguments`` is JSON text, not yet read."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """One chat message. ``tool_call_id`` names the call that a message of role ``tool`` answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the form kept in transcripts, without what is empty."""
        kept: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            kept["tool_calls"] = [asdict(call) for call in self.tool_calls]
        if self.tool_call_id:
            kept["tool_call_id"] = self.tool_call_id
        return kept


@dataclass(frozen=True)
class Tool:
    """A tool that a model may call; ``parameters`` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class CallUsage:
    """Tokens and dollars of one call."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Reply:
    """A model's answer. ``log`` is what a subject says of itself; only synthetic subjects do."""

    text: str
    usage: CallUsage = field(default_factory=CallUsage)
    log: Mapping[str, Any] = field(default_factory=dict)
    tool_calls: tuple[ToolCall, ...] = ()
    dropped: tuple[str, ...] = ()  # settings asked for that the provider does not take


@dataclass(frozen=True)
class Call:
    """Where a call stands: what a model may need besides the messages.

    ``seed_path`` is the episode's branch of the seed tree (study seed, task, run): cells share it.
    ``episode_id`` and ``agent`` are the call's place in the log of exchanges, and nothing to answer
    by: they tell the cell.
    """

    seed_path: tuple[str | int, ...]
    number: int  # 0 for the agent's first call of the episode
    episode_id: str = ""
    agent: str = "subject"  # or a sub-agent: "scientist/0"
    tools: tuple[Tool, ...] = ()  # none: the model answers in text


class Model(Protocol):
    """Messages in, message and usage out.

    Raises:
        InfrastructureError: provider, network or quota; the episode is then not observed.
        SubjectError: the model cannot answer for a reason of its own (its context is full, its
            content is refused): an outcome.
        ConfigError: the study must stop (a missing key, an unknown model name).
    """

    @property
    def name(self) -> str:
        """The name in records and tables, for example ``reference/frontier``."""
        ...

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """Answer the conversation."""
        ...
