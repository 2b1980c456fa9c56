"""The agent loop: ask the model, run its code, show it what came of it."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

from diagnose.errors import SubjectError
from diagnose.models import Call, Message, Model, Reply
from diagnose.records import StopReason, Usage
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.host import Host
from diagnose.subjects.stage import Stage


@dataclass
class Conversation:
    """An episode as it grows: the messages, what they cost, and what the subject says of itself."""

    messages: list[Message]
    replies: list[str] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    log: dict[str, Any] = field(default_factory=dict)

    def take(self, reply: Reply) -> str:
        """Add a reply and return its text, which from here on is valid Unicode."""
        text = reply.text.encode("utf-8", "replace").decode()
        self.messages.append(Message("assistant", text))
        self.replies.append(text)
        self.input_tokens += reply.usage.input_tokens
        self.output_tokens += reply.usage.output_tokens
        self.cost_usd += reply.usage.cost_usd
        self.log.update(reply.log)
        return text

    def usage(self, host: Host) -> Usage:
        """Return what the episode consumed."""
        return Usage(
            turns=len(self.replies),
            trials=host.trials,
            host_calls=len(host.calls),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
        )


def converse(
    conversation: Conversation,
    model: Model,
    stage: Stage,
    budgets: Budgets,
    first: Call,
) -> StopReason:
    """Let the model work until it passes, stops or has used up a budget; return which.

    A reply without code is a used turn. A reply that the model cannot give for a reason of its own
    (its context is full, its content is refused) ends the episode as stopped.

    Args:
        conversation: opened with the stage's messages; it grows.
        model: who answers.
        stage: what it acts on.
        budgets: of the episode.
        first: the first call's place; later ones count on from it.

    Raises:
        InfrastructureError: the provider, the sandbox or the engine failed.
    """
    started_s = time.monotonic()
    while True:
        if over := stage.over() or _spent(conversation, budgets, started_s):
            return over
        try:
            reply = model.reply(tuple(conversation.messages), replace(first, number=stage.turn))
        except SubjectError as error:
            conversation.log["no_reply"] = str(error)
            return "stopped"
        shown = stage.take(conversation.take(reply))
        if shown is not None:
            conversation.messages.append(Message("user", shown))


def _spent(conversation: Conversation, budgets: Budgets, started_s: float) -> StopReason | None:
    """Return the budget of the model's own that is used up, if any."""
    tokens = conversation.input_tokens + conversation.output_tokens
    if budgets.tokens and tokens >= budgets.tokens:
        return "tokens"
    if budgets.seconds and time.monotonic() - started_s >= budgets.seconds:
        return "seconds"
    return None
