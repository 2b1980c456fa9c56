"""How many calls may be in flight: a limit that halves when the provider is busy and grows back.

Additive increase, multiplicative decrease, as TCP does it. Source: D.-M. Chiu and R. Jain,
"Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

MINUTE_S = 60.0
SETTLE_S = 1.0  # refusals within this time are one refusal: their calls were in flight together


class Gate:
    """Lets calls through to one provider. Lives in one event loop."""

    def __init__(
        self,
        concurrency: int,
        rpm: int = 0,
        tpm: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the whole limit.

        Args:
            concurrency: calls in flight at most.
            rpm: calls a minute; 0 for no limit.
            tpm: tokens a minute, by estimate before and by count after; 0 for no limit.
            clock: seconds, for tests.
        """
        self._most, self._rpm, self._tpm, self._clock = concurrency, rpm, tpm, clock
        self.limit = float(concurrency)
        self.in_flight = 0
        self.closed_until = float("-inf")
        self.paced = 0  # calls that wait for the provider to open, or for the minute to have room
        self.paced_until = 0.0  # Unix time: when one of them looks again
        self._halved_at = float("-inf")
        self._turns: deque[asyncio.Future[None]] = deque()  # who waits, first come first served
        self._recent: deque[list[float]] = deque()  # [time, tokens] of the last minute's calls

    @asynccontextmanager
    async def passing(self, tokens: int) -> AsyncIterator[Callable[[int], None]]:
        """Wait for a place; yields a function that is told the tokens really used."""
        await self._enter()
        try:
            entry = await self._paced(tokens)

            def used(count: int) -> None:
                entry[1] = count

            yield used
        finally:
            self.in_flight -= 1
            self._wake()

    async def _enter(self) -> None:
        if self._turns or self.in_flight >= int(self.limit):
            turn = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # the place was given: hand it on
                    self.in_flight -= 1
                    self._wake()
                raise
        else:
            self.in_flight += 1

    def _wake(self) -> None:
        while self._turns and self.in_flight < int(self.limit):
            turn = self._turns.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    async def _paced(self, tokens: int) -> list[float]:
        """Wait until the provider is open and the minute has room."""
        while (wait_s := self._wait_s(tokens)) > 0:
            self.paced, self.paced_until = self.paced + 1, time.time() + wait_s
            try:
                await asyncio.sleep(wait_s)
            finally:
                self.paced -= 1
        entry = [self._clock(), float(tokens)]
        self._recent.append(entry)
        return entry

    def _wait_s(self, tokens: int) -> float:
        now = self._clock()
        while self._recent and self._recent[0][0] <= now - MINUTE_S:
            self._recent.popleft()
        if now < self.closed_until:
            return self.closed_until - now
        calls_full = self._rpm and len(self._recent) >= self._rpm
        used = sum(entry[1] for entry in self._recent) if self._tpm else 0.0
        # A call above the limit by itself passes alone: no waiting would ever make room for it.
        tokens_full = self._tpm and self._recent and used + tokens > self._tpm
        return self._recent[0][0] + MINUTE_S - now if calls_full or tokens_full else 0.0

    def succeeded(self) -> None:
        """Let one more through per round of calls."""
        self.limit = min(self._most, self.limit + 1.0 / self.limit)
        self._wake()

    def refused(self, retry_after_s: float | None) -> bool:
        """Halve the limit, and let nobody through before the provider said one may come again.

        Returns whether this refusal halved it: of calls in flight together only one does.
        """
        now = self._clock()
        halves = now - self._halved_at >= SETTLE_S
        if halves:
            self._halved_at = now
            self.limit = max(1.0, self.limit / 2.0)
        if retry_after_s:
            self.closed_until = max(self.closed_until, now + retry_after_s)
        return halves
