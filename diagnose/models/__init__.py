"""What answers: one protocol for a language model, a replayed transcript and a reference policy.

A model gets the whole conversation and returns one message. It holds no state between calls that
is not in the messages, so an episode can be replayed, resumed and forked from its transcript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


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


@dataclass(frozen=True)
class Call:
    """Where a call stands: what a model may need besides the messages, and nothing of the cell.

    ``seed_path`` is the episode's branch of the seed tree (study seed, task, run): cells share it.
    """

    seed_path: tuple[str | int, ...]
    number: int  # 0 for the episode's first call


class Model(Protocol):
    """Messages in, message and usage out.

    Raises:
        InfrastructureError: provider, network or quota; the episode is then not observed.
        ConfigError: the study must stop (a missing key, an unknown model name).
    """

    @property
    def name(self) -> str:
        """The name in records and tables, for example ``reference/frontier``."""
        ...

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """Answer the conversation."""
        ...
