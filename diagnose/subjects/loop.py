"""The agent loop: ask the model, run its code, show it what came of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from diagnose.errors import NoReplyError, SubjectError
from diagnose.models import Call, Message, Model, Reply
from diagnose.records import StopReason, Usage
from diagnose.sandbox import Sandbox
from diagnose.subjects.briefing import Standing, observation
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.fences import python_of
from diagnose.subjects.host import Host


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
    host: Host,
    sandbox: Sandbox,
    observers: Sequence[Callable[[int], str]],
    budgets: Budgets,
    first: Call,
) -> StopReason:
    """Let the model work until it passes, stops or has used up a budget; return which.

    A reply without code is a used turn. A reply that the model cannot give for a reason of its own
    (its context is full, its content is refused) ends the episode as stopped.

    Args:
        conversation: opened with the system prompt and the first message; it grows.
        model: who answers.
        host: the world and its functions.
        sandbox: runs the code.
        observers: each returns what to add to the observation after a turn, or nothing.
        budgets: of the episode.
        first: the first call's place; later ones count on from it.

    Raises:
        InfrastructureError: the provider, the sandbox or the engine failed.
    """
    started_s = time.monotonic()
    silent = 0
    while True:
        if over := _spent(conversation, budgets, started_s):
            return over
        turn = host.turn = len(conversation.replies)
        try:
            reply = model.reply(tuple(conversation.messages), replace(first, number=turn))
        except SubjectError as error:
            conversation.log["no_reply"] = str(error)
            if isinstance(error, NoReplyError):
                conversation.log["no_reply_cause"] = error.cause
            return "stopped"
        code = python_of(conversation.take(reply))
        ran = sandbox.run(code, host.functions, host.refused) if code else None
        if host.ended:
            return host.ended
        silent = 0 if code else silent + 1
        if silent == budgets.silent_turns:
            return "stopped"
        notes = [note for observe in observers if (note := observe(turn))]
        standing = Standing(len(host.world.blocks), tuple(host.popped), host.trials)
        host.popped.clear()
        text = observation(turn, ran, standing, budgets, notes)
        conversation.messages.append(Message("user", text))


def _spent(conversation: Conversation, budgets: Budgets, started_s: float) -> StopReason | None:
    """Return the budget that is used up, if any."""
    if len(conversation.replies) >= budgets.turns:
        return "turns"
    tokens = conversation.input_tokens + conversation.output_tokens
    if budgets.tokens and tokens >= budgets.tokens:
        return "tokens"
    if budgets.seconds and time.monotonic() - started_s >= budgets.seconds:
        return "seconds"
    return None
