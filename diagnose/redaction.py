"""Secrets: which environment variables hold one, and texts without them."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

_NAMES = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)(_|$)", re.IGNORECASE)
SHORTEST = 8  # characters; a shorter value would be found in ordinary words
HIDDEN = "[secret]"
# Keys as the large providers shape them: also those that are in no variable of ours, because an
# error may show another account's.
_SHAPED = re.compile(
    r"\b(sk|rk|gsk|xai|AIza|hf|r8)[-_][A-Za-z0-9_\-*.]{12,}|\bBearer\s+\S{8,}"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"  # a name and password in an address
)
_HEADERS = re.compile(r"^OTEL_EXPORTER_OTLP_(TRACES_)?HEADERS$")  # name=value,...: values are keys


def is_secret(name: str) -> bool:
    """Whether a variable, or a setting, by its name holds a secret."""
    return bool(_NAMES.search(name))


def secret_variables(also: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment's variables that by their names hold secrets."""
    chosen = set(filter(is_secret, os.environ)) | set(also)
    return {name: os.environ[name] for name in chosen if name in os.environ}


def secret_values(also: Iterable[str] = ()) -> list[str]:
    """Return the texts that the environment keeps secret, headers of exporters included."""
    headers = (text for name, text in os.environ.items() if _HEADERS.match(name))
    parts = (part.partition("=")[2].strip() for text in headers for part in text.split(","))
    return [*secret_variables(also).values(), *parts]


class Redactor:
    """Removes known secrets from what leaves the gateway."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Know ``secrets``; values too short to be one are left out."""
        known = {secret for secret in secrets if len(secret) >= SHORTEST}
        longest_first = sorted(known, key=lambda secret: (-len(secret), secret))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def text(self, text: str) -> str:
        """Return ``text`` with each known secret replaced."""
        return self._known.sub(HIDDEN, text) if self._known else text

    def error(self, text: str) -> str:
        """Return an error's text without known secrets and without what is shaped like one."""
        return _SHAPED.sub(HIDDEN, self.text(text))

    def tree(self, value: Any) -> Any:
        """Return JSON data with every text redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.tree(inner) for key, inner in value.items()}
        return [self.tree(inner) for inner in value] if isinstance(value, list | tuple) else value
