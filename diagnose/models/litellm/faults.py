"""What an error of litellm's means: ours to retry, the model's outcome, or the configuration's.

Two of its errors mislead: a refused connection and a missing key come as InternalServerError (or
APIConnectionError) on some routes. What lies beneath an error is looked at first.
"""

import email.utils
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["retry", "busy", "unreachable", "outcome", "config", "stop"]

# Words of servers that litellm does not translate (llama.cpp, vLLM and their like).
_TOO_LONG = re.compile(
    r"(?i)context (length|size|window)|maximum context|too many tokens|prompt is too long"
)
_NO_KEY = re.compile(r"(?i)missing credentials|missing [\w .-]*api key|api_key client option")
_QUOTA = re.compile(
    r"(?i)insufficient_quota|exceeded your current quota|credit balance is too low|billing"
)
_BUSY = (503, 529)
_PASSING = (408, 409, 425)
OUTCOMES: Mapping[str, str] = {
    "context_window": "the conversation is longer than the model's context",
    "content_refused": "the provider refused the content",
}


class FaultError(Exception):
    """A call that brought no answer."""

    def __init__(
        self,
        kind: Kind,
        cause: str,
        detail: str = "",
        retry_after_s: float | None = None,
        field: str = "subject",
        remedy: str = "",
    ) -> None:
        """Name it.

        Args:
            kind: ``retry``, ``busy`` (retry, and slow down), ``unreachable`` (nobody listens),
                ``outcome`` (the model's own), ``config``, or ``stop`` (the account is used up).
            cause: a short stable word.
            detail: the provider's text, secrets included: redact it.
            retry_after_s: what the provider asked for.
            field: which setting is wrong, of a ``config`` fault.
            remedy: what to do about it.
        """
        super().__init__(cause)
        self.kind, self.cause, self.detail = kind, cause, detail
        self.retry_after_s, self.field, self.remedy = retry_after_s, field, remedy


@dataclass(frozen=True)
class _Remedy:
    field: str
    text: str


_CONFIG: Mapping[str, _Remedy] = {
    "AuthenticationError": _Remedy("subject.api_key_env", "the provider refuses the key"),
    "PermissionDeniedError": _Remedy(
        "subject.api_key_env", "the provider does not let this key use the model"
    ),
    "NotFoundError": _Remedy(
        "subject.model", "the provider knows no such model (or no such path: see api_base)"
    ),
    "UnsupportedParamsError": _Remedy("subject", "the provider does not take a setting"),
    "BadRequestError": _Remedy("subject", "the provider refuses the request as it is"),
    "UnprocessableEntityError": _Remedy("subject", "the provider refuses the request as it is"),
}


class _Seen:
    """An error of litellm's as the rules look at it: by class names, so litellm stays unloaded."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.names = {kind.__name__ for kind in type(error).__mro__}
        self.beneath = list(_chain(error))
        self.text = str(error)
        first = self.text.splitlines()[0] if self.text else ""
        self.detail = f"{type(error).__name__}: {first}"
        self.status = getattr(error, "status_code", None)


def fault_of(error: BaseException) -> FaultError:
    """Return what an error raised by litellm means."""
    seen = _Seen(error)
    for rule in (_outcome, _misleading, _account, _configuration, _busy):
        if fault := rule(seen):
            return fault
    cause = _passing_cause(seen.names, seen.beneath, seen.status)
    return FaultError("retry", cause, seen.detail)


def _outcome(seen: _Seen) -> FaultError | None:
    untranslated = "BadRequestError" in seen.names and _TOO_LONG.search(seen.text)
    if "ContextWindowExceededError" in seen.names or untranslated:
        return FaultError("outcome", "context_window", seen.detail)
    if "ContentPolicyViolationError" in seen.names:
        return FaultError("outcome", "content_refused", seen.detail)
    return None


def _misleading(seen: _Seen) -> FaultError | None:
    """Return what comes in the clothes of a server's error and is none."""
    if _NO_KEY.search(seen.text):
        remedy = "the key is missing: export the provider's environment variable, or name one here"
        field = "subject.api_key_env"
        return FaultError("config", "no_key", seen.detail, field=field, remedy=remedy)
    if any(isinstance(one, ImportError) for one in seen.beneath):
        remedy = "litellm wants a package that is not installed"
        return FaultError("config", "no_package", seen.detail, field="subject.model", remedy=remedy)
    if any(isinstance(one, ConnectionRefusedError | socket.gaierror) for one in seen.beneath):
        return FaultError("unreachable", "unreachable", seen.detail)
    return None


def _account(seen: _Seen) -> FaultError | None:
    spent = "RateLimitError" in seen.names and _QUOTA.search(seen.text)
    if "PaymentRequiredError" in seen.names or spent:
        return FaultError("stop", "quota", seen.detail)
    return None


def _configuration(seen: _Seen) -> FaultError | None:
    for name, wrong in _CONFIG.items():
        if name in seen.names:
            return FaultError("config", name, seen.detail, field=wrong.field, remedy=wrong.text)
    return None


def _busy(seen: _Seen) -> FaultError | None:
    if "RateLimitError" in seen.names:
        return FaultError("busy", "rate_limit", seen.detail, _retry_after_s(seen.error))
    if seen.status in _BUSY and "MidStreamFallbackError" not in seen.names:
        return FaultError("busy", "unavailable", seen.detail, _retry_after_s(seen.error))
    return None


def _passing_cause(names: set[str], beneath: list[BaseException], status: object) -> str:
    """Name an infrastructure fault that neither a limit nor an outage explains."""
    kinds = {kind.__name__ for one in beneath for kind in type(one).__mro__}
    if "Timeout" in names or kinds & {"TimeoutError", "TimeoutException", "APITimeoutError"}:
        return "timeout"
    if "APIResponseValidationError" in names or any(
        isinstance(one, json.JSONDecodeError) for one in beneath
    ):
        return "malformed_response"
    if kinds & {"ClientPayloadError", "RemoteProtocolError", "ReadError"}:
        return "truncated_response"
    if kinds & {"ConnectionError", "NetworkError", "ClientConnectionError", "APIConnectionError"}:
        return "connection_lost"
    return "server_error" if isinstance(status, int) and status not in _PASSING else "provider"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def _retry_after_s(error: BaseException) -> float | None:
    """Return the seconds of a retry-after header, which is a number or a date."""
    sources: list[Any] = [
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    ]
    for headers in sources:
        value = headers.get("retry-after") if hasattr(headers, "get") else None
        if value is None:
            continue
        try:
            return float(value)
        except ValueError:
            with_date = email.utils.parsedate_to_datetime(str(value))
            return max(0.0, with_date.timestamp() - time.time())
    return None
