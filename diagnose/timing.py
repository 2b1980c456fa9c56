"""When an episode called its model: clock times, which no record may hold."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from diagnose.models import Call, Message, Model, Reply

TimedCall = tuple[str, int, float, float]  # agent, number, seconds since the start, seconds it took
_Calls = tuple[float, list[TimedCall]]
_running: ContextVar[_Calls | None] = ContextVar("running", default=None)


@contextmanager
def timed(began: float, calls: list[TimedCall]) -> Iterator[None]:
    """Note this thread's calls in ``calls`` while the block runs.

    Args:
        began: on the monotonic clock.
        calls: grows by an entry per call, those that fail included.
    """
    before = _running.set((began, calls))
    try:
        yield
    finally:
        _running.reset(before)


@dataclass(frozen=True)
class Timed:
    """A model whose calls are noted; it answers as the model does."""

    model: Model

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self.model.name

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        since = time.monotonic()
        try:
            return self.model.reply(messages, call)
        finally:
            if noted := _running.get():
                began, calls = noted
                took_s = round(time.monotonic() - since, 6)
                calls.append((call.agent, call.number, round(since - began, 6), took_s))
