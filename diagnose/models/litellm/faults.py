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
    r"context (length|size|window)|maximum context|too many tokens|prompt is too long", re.I
)
_NO_KEY = re.compile(r"missing credentials|missing [\w .-]*api key|api_key client option", re.I)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|credit balance is too low|billing", re.I
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
}


def fault_of(error: BaseException) -> FaultError:
    """Return what an error raised by litellm means. Reads class names: litellm stays unloaded."""
    names = {kind.__name__ for kind in type(error).__mro__}
    beneath = list(_chain(error))
    detail = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    status = getattr(error, "status_code", None)
    if "ContextWindowExceededError" in names:
        return FaultError("outcome", "context_window", detail)
    if "ContentPolicyViolationError" in names:
        return FaultError("outcome", "content_refused", detail)
    if _NO_KEY.search(str(error)):
        remedy = "the key is missing: export the provider's environment variable, or name one here"
        return FaultError("config", "no_key", detail, field="subject.api_key_env", remedy=remedy)
    if any(isinstance(one, ImportError) for one in beneath):
        remedy = "litellm wants a package that is not installed"
        return FaultError("config", "no_package", detail, field="subject.model", remedy=remedy)
    if any(isinstance(one, ConnectionRefusedError | socket.gaierror) for one in beneath):
        return FaultError("unreachable", "unreachable", detail)
    if "BadRequestError" in names and _TOO_LONG.search(str(error)):
        return FaultError("outcome", "context_window", detail)
    if "PaymentRequiredError" in names or ("RateLimitError" in names and _QUOTA.search(detail)):
        return FaultError("stop", "quota", detail)
    if "RateLimitError" in names:
        return FaultError("busy", "rate_limit", detail, _retry_after_s(error))
    for name, remedy_of in _CONFIG.items():
        if name in names:
            return FaultError(
                "config", name, detail, field=remedy_of.field, remedy=remedy_of.text
            )
    if "ServiceUnavailableError" in names and "MidStreamFallbackError" not in names:
        return FaultError("busy", "unavailable", detail, _retry_after_s(error))
    if status in _BUSY:
        return FaultError("busy", "unavailable", detail, _retry_after_s(error))
    if "UnprocessableEntityError" in names:
        return FaultError("config", "unprocessable", detail, remedy=_CONFIG["BadRequestError"].text)
    return FaultError("retry", _passing_cause(names, beneath, status), detail)


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
