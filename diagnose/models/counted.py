"""A model with its calls counted: what each call of an episode used, whoever made it."""

from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.errors import NoReplyError
from diagnose.models import Call, CallUsage, Message, Model, Reply


class Counted:
    """One episode's view of a model. ``calls`` grows by an entry per call, sub-agents' included."""

    def __init__(self, model: Model, before: Sequence[Mapping[str, Any]] = ()) -> None:
        """Count from here on.

        Args:
            model: who answers.
            before: the entries of calls made already, in an episode that is taken up again.
        """
        self._model = model
        self.calls: list[dict[str, Any]] = [dict(entry) for entry in before]

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self._model.name

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        try:
            reply = self._model.reply(messages, call)
        except NoReplyError as error:
            self._count(call, CallUsage(), error.cause, ())
            raise
        self._count(call, reply.usage, reply.finish, reply.dropped)
        return reply

    def _count(self, call: Call, usage: CallUsage, finish: str, dropped: Sequence[str]) -> None:
        entry: dict[str, Any] = {
            "agent": call.agent,
            "number": call.number,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": usage.cost_usd,
        }
        if finish:
            entry["finish"] = finish
        if dropped:
            entry["dropped"] = list(dropped)
        self.calls.append(entry)
