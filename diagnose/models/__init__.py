"""What answers: one protocol for a language model, a replayed transcript and a reference policy.

A model gets the whole conversation and returns one message. It holds no state between calls that
is not in the messages, so an episode can be replayed, resumed and forked from its transcript.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeGuard, get_args, runtime_checkable

from diagnose.errors import ConfigError, InputError

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool as the provider handed it on; ``arguments`` is JSON text, not yet read."""

    id: str
    name: str
    arguments: str

    @classmethod
    def of(cls, recorded: object) -> "ToolCall":
        """Return the call that a transcript holds; empty fields where it holds none."""
        call = recorded if isinstance(recorded, Mapping) else {}
        return cls(*(str(call.get(key) or "") for key in ("id", "name", "arguments")))

    @property
    def given(self) -> dict[str, Any] | None:
        """The arguments by name; None where they are no JSON object."""
        try:
            read = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return None
        return read if isinstance(read, dict) else None

    @property
    def code(self) -> str | None:
        """The program among the arguments, fit to be written; None where there is none."""
        code = (self.given or {}).get("code")
        return written(code) if isinstance(code, str) else None


def written(text: str) -> str:
    """Return a text in which what no file can hold (half a surrogate pair) is a question mark."""
    return text.encode("utf-8", "replace").decode()


def _is_role(value: object) -> TypeGuard[Role]:
    return value in get_args(Role)


@dataclass(frozen=True)
class Message:
    """One chat message. ``tool_call_id`` names the call that a message of role ``tool`` answers."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> "Message":
        """Return the message that a transcript holds.

        Raises:
            InputError: it is of no role, or its content no text.
        """
        role, content = recorded.get("role"), recorded.get("content")
        listed = recorded.get("tool_calls") or ()
        if not _is_role(role) or not isinstance(content, str):
            roles = ", ".join(get_args(Role))
            raise InputError("message", str(recorded)[:80], f"a role, one of {roles}, and a text")
        calls = tuple(map(ToolCall.of, listed if isinstance(listed, list | tuple) else ()))
        return cls(role, content, calls, str(recorded.get("tool_call_id") or ""))

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
    finish: str = ""  # why the model ended, in the provider's word: stop, length, tool_calls


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
        SubjectError: the model cannot answer for a reason of its own: an outcome. Language models
            raise NoReplyError, which names it (their context is full, their content is refused).
        ConfigError: the study must stop (a missing key, an unknown model name).
        StoppedError: the study must stop with nothing wrong in it (a cap is reached).
    """

    @property
    def name(self) -> str:
        """The name in records and tables, for example ``reference/frontier``."""
        ...

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """Answer the conversation."""
        ...


@dataclass(frozen=True)
class Caps:
    """Hard limits on a whole study, earlier runs of its folder included; 0 = none.

    Raises:
        ConfigError: a cap is negative.
    """

    usd: float = 0.0  # dollars
    tokens: int = 0  # input and output together
    seconds: float = 0.0  # clock time of the study's runs together

    def __post_init__(self) -> None:
        """Check the caps."""
        for name, value in vars(self).items():
            plain = type(value) is int or (name != "tokens" and type(value) is float)
            if not plain or not 0 <= value < math.inf:
                raise ConfigError(f"caps.{name}", value, "give 0 or more; 0 = none")

    def shared_by(self, processes: int) -> "Caps":
        """Return what each of several processes may use, so that all of them stay within these."""
        if processes == 1:
            return self
        tokens = max(1, self.tokens // processes) if self.tokens else 0
        return Caps(self.usd / processes, tokens, self.seconds)


@runtime_checkable
class Served(Model, Protocol):
    """A model whose calls leave this machine: they are logged, counted, capped and run at once."""

    operational: ClassVar[frozenset[str]]  # its settings that say how, not what: not identity

    @property
    def concurrency(self) -> int:
        """How many calls may be in flight."""
        ...

    def serving(
        self, folder: Path, caps: Caps, say: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """Serve a study from here on; enter it before workers are forked.

        Args:
            folder: the study's, where exchanges are logged.
            caps: what all its runs together may use.
            say: told at the end what it took.
        """
        ...
