"""From a request to an answer: replayed, or asked for until it comes, and then written down.

Lives in one event loop: the gateway's, or one of this process's own where no study is served.
"""

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diagnose.errors import (
    ConfigError,
    DiagnoseError,
    InfrastructureError,
    NoReplyError,
    StoppedError,
)
from diagnose.journal import tell
from diagnose.models import Caps
from diagnose.models.litellm.answers import Answers
from diagnose.models.litellm.exchanges import Exchanges, Key, spent_on
from diagnose.models.litellm.faults import FaultError
from diagnose.models.litellm.limits import Gate
from diagnose.models.litellm.provider import Provider
from diagnose.models.litellm.retry import Backoff
from diagnose.models.litellm.settings import Settings
from diagnose.models.litellm.spending import Spending, Spent

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # events are for a journal; without one, for nobody


class Service(Answers):
    """Answers the calls of one study."""

    def __init__(self, settings: Settings, folder: Path | None, caps: Caps) -> None:
        """Open the log and load the client.

        Raises:
            ConfigError: a setting is wrong, the key is missing, or a cap in dollars has no price.
            StoreError: the log cannot be used.
        """
        self._settings = settings
        super().__init__(Exchanges(folder, settings.exchanges))
        self._provider = Provider(settings)
        self._spending = Spending(caps, self._log.before)
        self._gate = Gate(settings.concurrency, settings.rpm, settings.tpm)
        self._backoff = Backoff(settings.attempts, settings.backoff_s, settings.longest_backoff_s)
        self._chance = random.Random()  # of waiting times alone: nothing recorded hangs on it
        self._reached = self._log.count > 0  # whether the provider has ever been
        self._began_s = time.monotonic()
        self._waited_s = 0.0
        self._waits: dict[Key, tuple[str, float]] = {}  # what for, and until when on the clock
        if caps.usd and not self._provider.priced:
            raise ConfigError(
                "caps.usd",
                caps.usd,
                f"no price of {settings.model} is known to count by; give subject.price, such as "
                "'subject.price={input_usd_per_mtok:0.15,output_usd_per_mtok:0.6}', or cap tokens",
            )

    async def _asked(self, key: Key, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make attempts until one is answered, and write the answer down."""
        began_s = time.monotonic()
        faults: Counter[str] = Counter()
        lost = Spent()
        waited_s = 0.0
        answer: dict[str, Any] = {}
        emptied = False
        attempt = 0
        try:
            while True:
                attempt += 1
                try:
                    answer = await self._attempt(request)
                    if answer["finish"] == "content_filter" and _is_silent(answer):
                        lost += spent_on(answer)
                        answer = _no_reply("content_refused")
                        break
                    if _is_empty(answer) and not emptied:
                        emptied = True  # once more; what this one cost is lost
                        lost += spent_on(answer)
                        faults["empty"] += 1
                        continue
                    break
                except FaultError as fault:
                    faults[fault.cause] += 1
                    if fault.kind == "outcome":
                        answer = _no_reply(fault.cause)
                        break
                    lost += self._lost(fault, request)
                    self._judge(fault, attempt)
                    wait_s = self._backoff.wait_s(attempt, fault.retry_after_s, self._chance)
                    waited_s += wait_s
                    self._told_fault(key, fault, attempt, wait_s)
                    self._waits[key] = fault.cause, time.time() + wait_s
                    await asyncio.sleep(wait_s)
        except DiagnoseError as error:
            tell(_log, logging.ERROR, "call_failed", **_at(key), detail=str(error))
            if lost != Spent():
                self._log.add_lost(self._wall(began_s, attempt, waited_s, faults, lost))
            raise
        finally:
            self._waits.pop(key, None)
            self._counts["retried"] += attempt - 1
            self._waited_s += waited_s
        self._counts["answered"] += 1
        kept: Mapping[str, Any] = self._provider.redactor.tree(answer)
        wall = self._wall(began_s, attempt, waited_s, faults, lost)
        self._log.add(key, self._provider.redactor.tree(request), kept, wall)
        return kept

    async def _attempt(self, request: Mapping[str, Any]) -> dict[str, Any]:
        most = self._provider.bound(request)
        async with self._gate.passing(most.tokens) as used:
            await self._spending.reserve(most)
            really = Spent()
            try:
                answer = await self._provider.call(request)
                really = spent_on(answer)
                used(really.tokens)
            except FaultError as fault:
                really = self._lost(fault, request)
                if fault.kind == "busy" and self._gate.refused(fault.retry_after_s):
                    why = {"cause": fault.cause, "limit": int(self._gate.limit)}
                    tell(_log, logging.WARNING, "limit_halved", **why)
                raise
            finally:
                self._spending.settle(most, really)
        self._gate.succeeded()
        self._reached = True
        return answer if answer["finish"] or not _is_empty(answer) else _unfinished()

    def _told_fault(self, key: Key, fault: FaultError, attempt: int, wait_s: float) -> None:
        """Log a fault that is waited out."""
        detail = self._provider.redactor.error(fault.detail)[:300]
        wait = {"attempt": attempt, "wait_s": round(wait_s, 3)}
        why = {"cause": fault.cause, "detail": detail}
        tell(_log, logging.WARNING, "provider_fault", **_at(key), **why, **wait)

    def waiting(self) -> dict[str, Any]:
        """Return what calls wait for now: causes with their numbers, and when the first goes on.

        Unit: seconds of Unix time; 0 where nobody waits.
        """
        causes = Counter(cause for cause, _ in self._waits.values())
        if paced := self._gate.paced:
            causes["pace"] = paced
        until = [at for _, at in self._waits.values()] + ([self._gate.paced_until] if paced else [])
        return {"causes": dict(causes), "until_s": round(min(until, default=0.0), 1)}

    def _lost(self, fault: FaultError, request: Mapping[str, Any]) -> Spent:
        """Return what a failed attempt is booked as: an answer lost on its way was made."""
        made = fault.cause in {"timeout", "truncated_response", "malformed_response"}
        return self._provider.unanswered(request) if made else Spent()

    def _judge(self, fault: FaultError, attempt: int) -> None:
        """Raise what a fault comes to unless the call is to be made again."""
        detail = self._provider.redactor.error(fault.detail)[:300]
        if fault.kind == "config":
            value = self._settings.model
            if fault.field == "subject.api_key_env":
                value = self._settings.api_key_env or "(the provider's own variable)"
            raise ConfigError(fault.field, value, f"{fault.remedy} ({detail})")
        if fault.kind == "stop":
            raise StoppedError(
                f"the account is used up ({detail}); every finished episode is recorded; top it up "
                "and the same command continues"
            )
        if fault.kind == "unreachable" and not self._reached:
            raise ConfigError(
                "subject.api_base",
                self._settings.api_base or "(the provider's own address)",
                f"nobody answers there; start the server, or give its address ({detail})",
            )
        if attempt >= self._backoff.attempts:
            raise InfrastructureError(fault.cause, f"after {attempt} attempts: {detail}")

    def _wall(
        self,
        began_s: float,
        attempts: int,
        waited_s: float,
        faults: Mapping[str, int],
        lost: Spent,
    ) -> dict[str, Any]:
        now_s = time.monotonic()
        return {
            "at_s": round(now_s - self._began_s, 3),
            "took_s": round(now_s - began_s, 3),
            "waited_s": round(waited_s, 3),
            "attempts": attempts,
            "faults": dict(faults),
            "lost_usd": lost.usd,
            "lost_tokens": lost.tokens,
        }

    def summary(self) -> list[str]:
        """Return what to tell at the end of a run."""
        total = self._spending.total
        counts = self._counts
        counted = (
            f"{counts['answered']} calls answered, {counts['replayed']} replayed, "
            f"{counts['retried']} attempts repeated after {self._waited_s:.1f} s of waiting; "
            f"spent by all runs of this study: ${total.usd:.4f}, {total.tokens} tokens"
        )
        lines = [counted]
        if not self._provider.priced:
            lines.append(
                f"warning: costs count as 0: no price of {self._settings.model} is known; give "
                "subject.price to have them counted"
            )
        return lines


def _at(key: Key) -> dict[str, Any]:
    """Return where a line of the log belongs."""
    return {"episode_id": key[0], "agent": key[1], "number": key[2]}


def _is_silent(answer: Mapping[str, Any]) -> bool:
    return not answer["text"].strip() and not answer["tool_calls"]


def _is_empty(answer: Mapping[str, Any]) -> bool:
    """Whether an answer says nothing though the model had room to."""
    return _is_silent(answer) and answer["finish"] != "length"


def _unfinished() -> dict[str, Any]:
    raise FaultError("retry", "empty_response", "an empty answer without a finish")


def _no_reply(cause: str) -> dict[str, Any]:
    return {
        "no_reply": cause,
        "text": "",
        "tool_calls": [],
        "finish": cause,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
        "model": "",
        "dropped": [],
    }


def packed(error: BaseException) -> dict[str, Any]:
    """Return an error as it crosses to a worker."""
    if isinstance(error, InfrastructureError | NoReplyError):
        kind = "no_reply" if isinstance(error, NoReplyError) else "infrastructure"
        return {"error": kind, "content": [error.cause, error.detail]}
    if isinstance(error, ConfigError):
        return {"error": "config", "content": [error.field, error.received, error.remedy]}
    if isinstance(error, DiagnoseError):
        return {"error": "stopped", "content": [str(error)]}
    return {"error": "bug", "content": [f"{type(error).__name__}: {error}"]}


def unpacked(raw: bytes) -> Mapping[str, Any]:
    """Return the answer that crossed, or raise the error that did."""
    answer: Mapping[str, Any] = json.loads(raw)
    if "error" not in answer:
        return answer
    content = answer["content"]
    match answer["error"]:
        case "infrastructure":
            raise InfrastructureError(*content)
        case "no_reply":
            raise NoReplyError(*content)
        case "config":
            raise ConfigError(*content)
        case "stopped":
            raise StoppedError(*content)
        case _:
            raise RuntimeError(f"the gateway failed: {content[0]}")
