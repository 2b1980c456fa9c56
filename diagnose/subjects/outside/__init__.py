"""Agents from outside: programs that drive themselves and act on the world by calls of tools.

A model answers when it is asked. An outside agent calls when it likes, and from another process. A
``Desk`` turns the one into the other: to the loop it is a model whose next reply is the agent's
next call, so budgets, observations, transcripts and records are those of any subject.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

from diagnose.errors import ConfigError
from diagnose.models import Model
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.loop import Conversation
from diagnose.subjects.scaffold import Scaffold
from diagnose.subjects.stage import Stage


@runtime_checkable
class Agent(Protocol):
    """A subject that drives itself."""

    @property
    def name(self) -> str:
        """The name in records and tables."""
        ...

    def seated(
        self, stage: Stage, conversation: Conversation, budgets: Budgets
    ) -> AbstractContextManager[Model]:
        """Let the agent work on ``stage``; yield what hands its calls to the loop.

        On leaving, what it cost and says of itself is added to the conversation.

        Raises:
            InfrastructureError: on leaving: the agent failed through no doing of its own.
        """
        ...


@contextmanager
def seated(
    subject: Model | Agent,
    stage: Stage,
    conversation: Conversation,
    budgets: Budgets,
    scaffold: Scaffold,
) -> Iterator[Model]:
    """Yield what the loop asks: the model itself, or the desk of an outside agent.

    Raises:
        ConfigError: an outside agent under another protocol than its own.
    """
    if not isinstance(subject, Agent):
        yield subject
        return
    if scaffold.protocol != "mcp":
        raise ConfigError("scaffold.protocol", scaffold.protocol, "an outside agent takes mcp")
    with subject.seated(stage, conversation, budgets) as desk:
        yield desk
