"""The agent loop: ask the model, run its code, show it what came of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from diagnose.errors import NoReplyError, SubjectError
from diagnose.models import Call, Message, Model, Reply
from diagnose.records import StopReason, Usage
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.context import view
from diagnose.subjects.host import Host
from diagnose.subjects.protocol import answers, asked, cleaned, programs, tools_of
from diagnose.subjects.scaffold import STANDARD, Scaffold
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
    helpers: list["Conversation"] = field(default_factory=list)  # of sub-agents: the same bill
    started_s: float = field(default_factory=time.monotonic)
    pinned: str = ""  # what an intervention said that joined on the way: it stays in sight

    def join(self, text: str) -> None:
        """Add a text to the pending message, the one that the model answers next."""
        if text:
            self.messages[-1] = replace(self.messages[-1], content=self.messages[-1].content + text)
            self.pinned = text

    def take(self, reply: Reply) -> Message:
        """Add a reply and return its message, which from here on is valid Unicode."""
        message = cleaned(reply)
        self.messages.append(message)
        self.replies.extend(programs([message]))
        self.input_tokens += reply.usage.input_tokens
        self.output_tokens += reply.usage.output_tokens
        self.cost_usd += reply.usage.cost_usd
        self.log.update(reply.log)
        return message

    def unanswered(self, error: SubjectError) -> None:
        """Note why the model could not answer."""
        self.log["no_reply"] = str(error)
        if isinstance(error, NoReplyError):
            self.log["no_reply_cause"] = error.cause

    def count(self, faults: Sequence[str]) -> None:
        """Count tool calls that could not be carried out, by what was wrong with them."""
        for fault in filter(None, faults):
            counts = self.log.setdefault("wrong_tool_calls", {})
            counts[fault] = counts.get(fault, 0) + 1

    def spent(self, budgets: Budgets) -> StopReason | None:
        """Return the budget of the model's own that is used up, if any."""
        bill = (self, *self.helpers)
        tokens = sum(one.input_tokens + one.output_tokens for one in bill)
        if budgets.tokens and tokens >= budgets.tokens:
            return "tokens"
        if budgets.seconds and time.monotonic() - self.started_s >= budgets.seconds:
            return "seconds"
        return None

    def usage(self, host: Host) -> Usage:
        """Return what the episode consumed, the tokens and dollars of its sub-agents included."""
        bill = (self, *self.helpers)
        return Usage(
            turns=len(self.replies),
            trials=host.trials,
            host_calls=len(host.calls),
            input_tokens=sum(one.input_tokens for one in bill),
            output_tokens=sum(one.output_tokens for one in bill),
            cost_usd=sum(one.cost_usd for one in bill),
        )


def converse(
    conversation: Conversation,
    model: Model,
    stage: Stage,
    budgets: Budgets,
    first: Call,
    scaffold: Scaffold = STANDARD,
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
        scaffold: how programs are handed over, and what of the conversation the model sees.

    Raises:
        InfrastructureError: the provider, the sandbox or the engine failed.
    """
    tools = stage.tools if scaffold.protocol == "mcp" else tools_of(scaffold.protocol)
    first = replace(first, tools=tools)
    while True:
        if over := stage.over() or conversation.spent(budgets):
            return over
        try:
            shown = view(conversation.messages, scaffold, conversation.pinned)
            reply = model.reply(shown, replace(first, number=stage.turn))
        except SubjectError as error:
            conversation.unanswered(error)
            return conversation.spent(budgets) or "stopped"
        request = asked(conversation.take(reply), scaffold.protocol)
        conversation.count(request.faults)
        observed = stage.run(request.code)
        if observed is not None:
            conversation.messages.extend(answers(request, observed))
