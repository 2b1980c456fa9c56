"""From a request to an answer of weights on this machine: replayed, or written once and kept."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diagnose.errors import ConfigError
from diagnose.models import Caps
from diagnose.models.litellm.answers import Answers
from diagnose.models.litellm.exchanges import Exchanges, Key, spent_on
from diagnose.models.litellm.spending import Spending, Spent
from diagnose.models.local.loading import torch_of
from diagnose.models.local.sampling import Sampler
from diagnose.models.local.settings import Settings

FULL = "context_window"


def opened(settings: Mapping[str, Any], folder: str | None, caps: Mapping[str, Any]) -> "Service":
    """Return the service that plain values describe."""
    return Service(Settings(**settings), Path(folder) if folder else None, Caps(**caps))


class Service(Answers):
    """Answers the calls of one study, in one event loop; the arithmetic has its own thread."""

    def __init__(self, settings: Settings, folder: Path | None, caps: Caps) -> None:
        """Open the log and load the model.

        Raises:
            ConfigError: the model cannot be read, or a cap in dollars is set.
            StoreError: the log cannot be used.
        """
        if caps.usd:
            raise ConfigError("caps.usd", caps.usd, "weights of one's own cost no dollars: leave 0")
        torch_of()
        from diagnose.models.local.engine import Engine

        self._settings = settings
        super().__init__(Exchanges(folder, settings.exchanges))
        self._spending = Spending(caps, self._log.before)
        self._engine = Engine(settings)
        self._began_s = time.monotonic()

    async def _asked(self, key: Key, request: Mapping[str, Any]) -> Mapping[str, Any]:
        began_s = time.monotonic()
        try:
            ids = self._engine.encoded(list(request["messages"]))
        except Exception as error:  # a template raises what it likes
            told = " ".join(str(error).split())[:200]
            remedy = f"its chat template refuses these messages ({type(error).__name__}: {told})"
            raise ConfigError("subject.model", self._settings.model, remedy) from error
        left = self._engine.context - len(ids)
        answer = _answer(no_reply=FULL, finish=FULL) if left < 1 else await self._made(ids, request)
        now_s = time.monotonic()
        wall = {
            "at_s": round(now_s - self._began_s, 3),
            "took_s": round(now_s - began_s, 3),
            "lost_usd": 0.0,
            "lost_tokens": 0,
        }
        self._counts["answered"] += 1
        self._log.add(key, request, answer, wall)
        return answer

    async def _made(self, ids: list[int], request: Mapping[str, Any]) -> dict[str, Any]:
        from diagnose.models.local.engine import Job

        asked = request["sampling"]
        most = min(int(asked["max_new_tokens"]), self._engine.context - len(ids))
        sampler = Sampler(asked["temperature"], asked["top_p"], asked["seed"])
        job = Job(ids, str(request["weights"]), sampler, most, tuple(asked["stop"]))
        room = Spent(tokens=len(ids) + most)
        await self._spending.reserve(room)
        answer: dict[str, Any] = {}
        try:
            done = await asyncio.wrap_future(self._engine.submit(job))
            answer = _answer(done.text, done.finish, len(ids), len(done.made))
        finally:
            self._spending.settle(room, spent_on(answer) if answer else Spent())
        return answer

    def summary(self) -> list[str]:
        """Return what to tell at the end of a run."""
        total = self._spending.total
        counted = (
            f"{self._counts['answered']} calls answered, {self._counts['replayed']} replayed; "
            f"{total.tokens} tokens by all runs of this study"
        )
        lines = [counted]
        if self._engine.rows < self._settings.batch:
            lines.append(
                "warning: answers were written one by one: on this machine an answer's arithmetic "
                "depends on what stands beside it; subject.dtype=float64 may differ"
            )
        return lines

    async def close(self, grace_s: float) -> None:
        """See ``Answers.close``; the weights go too."""
        await super().close(grace_s)
        self._engine.close()


def _answer(
    text: str = "", finish: str = "", read: int = 0, made: int = 0, no_reply: str = ""
) -> dict[str, Any]:
    """Return an answer as the log of exchanges keeps one."""
    return {
        "text": text,
        "tool_calls": [],
        "finish": finish,
        "input_tokens": read,
        "output_tokens": made,
        "cost_usd": 0.0,
        "dropped": [],
        **({"no_reply": no_reply} if no_reply else {}),
    }
