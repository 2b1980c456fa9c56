"""Requests answered once: from the log, by a call that runs for them already, or by a new one."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Any

from diagnose.errors import InfrastructureError, NoReplyError
from diagnose.models.litellm.exchanges import Exchanges, Key, request_sha256
from diagnose.models.litellm.faults import OUTCOMES


class Answers(ABC):
    """What a gateway serves, whoever makes the answers: a provider, or weights of one's own."""

    def __init__(self, log: Exchanges) -> None:
        """Serve from ``log``, and keep new answers in it."""
        self._log = log
        self._running: dict[Key, asyncio.Task[Mapping[str, Any]]] = {}
        self._counts: Counter[str] = Counter()
        self._closing = False

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a request at its place.

        Raises:
            InfrastructureError: the answer cannot be had now.
            NoReplyError: the model gives none, for a reason of its own.
            ConfigError: the configuration is wrong.
            StoppedError: a cap is reached, or the account is used up.
        """
        place = str(request["episode_id"]), str(request["agent"]), int(request["number"])
        key: Key = (*place, request_sha256(request))
        known = self._log.find(key)
        if known is not None:
            self._counts["replayed"] += 1
        else:
            task = self._running.get(key)
            if task is None and self._closing:  # whoever asks is gone: nobody would write it down
                raise InfrastructureError("gateway_died", "the study has ended")
            if task is None:  # an episode tried again waits for its first try's call
                task = asyncio.create_task(self._asked(key, request))
                self._running[key] = task
                task.add_done_callback(lambda _: self._running.pop(key, None))
            known = await asyncio.shield(task)
        if cause := known.get("no_reply"):
            raise NoReplyError(cause, OUTCOMES[cause])
        return known

    @abstractmethod
    async def _asked(self, key: Key, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have an answer made, and write it down."""

    async def close(self, grace_s: float) -> None:
        """Begin no more calls, wait for those in flight, for they are paid for; close the log."""
        self._closing = True
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace_s)
        for task in list(self._running.values()):
            task.cancel()
        self._log.close()
