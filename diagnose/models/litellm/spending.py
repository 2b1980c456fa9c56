"""What a study has spent, and its caps: checked before each call, calls in flight included.

A call is let through when what is spent, what the calls in flight may spend at most and what it may
spend itself stay within the caps. At most it may spend its request's bytes as input tokens (a
token is a byte or more) and ``max_tokens`` as output. So dollars and tokens end below their caps,
up to what a provider counts beyond that bound (its own wrapping of messages is allowed for) and to
answers that never arrived, which count as their input at four bytes a token. The clock is looked
at before each call, so ``seconds`` may be exceeded by the calls then in flight.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from diagnose.errors import StoppedError
from diagnose.models import Caps


@dataclass(frozen=True)
class Spent:
    """Dollars, tokens and seconds."""

    usd: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.usd + other.usd, self.tokens + other.tokens, self.seconds + other.seconds)


class Spending:
    """One study's account. Lives in one event loop."""

    def __init__(
        self, caps: Caps, before: Spent, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin a run.

        Args:
            caps: of the whole study.
            before: what earlier runs of its folder spent.
            clock: seconds, for tests.
        """
        self._caps, self._before, self._clock = caps, before, clock
        self._began_s = clock()
        self._now = Spent()
        self._reserved: list[Spent] = []
        self._freed = asyncio.Event()

    @property
    def total(self) -> Spent:
        """What is spent, earlier runs included."""
        return self._before + self._now + Spent(seconds=self._clock() - self._began_s)

    async def reserve(self, most: Spent) -> None:
        """Set ``most`` aside for a call, waiting for calls in flight where there is no room yet.

        Raises:
            StoppedError: a cap is reached: the call might exceed it, and nothing is in flight.
        """
        while (full := self._full(most)) and self._reserved and not full.startswith("seconds"):
            self._freed.clear()
            await self._freed.wait()
        if full:
            raise StoppedError(self._told(full))
        self._reserved.append(most)

    def settle(self, most: Spent, really: Spent) -> None:
        """Book what a call really used in place of what was set aside."""
        self._reserved.remove(most)
        self._now += really
        self._freed.set()

    def _full(self, most: Spent) -> str:
        """Return the cap that has no room for a call, as what is spent of it; empty for none."""
        spent, caps = self.total, self._caps
        if caps.seconds and spent.seconds >= caps.seconds:
            return f"seconds: {spent.seconds:.0f} of {caps.seconds:g} seconds"
        usd = spent.usd + sum(one.usd for one in self._reserved)
        if caps.usd and usd + most.usd > caps.usd:
            return f"usd: {spent.usd:.4f} of {caps.usd:g} dollars"
        tokens = spent.tokens + sum(one.tokens for one in self._reserved)
        if caps.tokens and tokens + most.tokens > caps.tokens:
            return f"tokens: {spent.tokens} of {caps.tokens} tokens"
        return ""

    @staticmethod
    def _told(full: str) -> str:
        name, _, used = full.partition(": ")
        return (
            f"caps.{name} is reached: {used} are spent and the next call might exceed it; every "
            f"finished episode is recorded; raise caps.{name} and the same command continues"
        )
