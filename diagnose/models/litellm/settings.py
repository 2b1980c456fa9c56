"""What a language model is asked for, and how: ``conf/subject/litellm.yaml``, checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnose.errors import ConfigError

OUTPUT_UNKNOWN = 8192  # tokens reserved for an answer where neither max_tokens nor the map says
_SECRET_NAMES = ("key", "token", "secret", "password", "authorization")

# What says how, not what: it changes no answer, so it is no part of an episode's identity and is
# in no record. ``api_base`` is where a model is, and a local server may move.
OPERATIONAL = frozenset(
    "api_base api_key_env api_key_file attempts backoff_s concurrency exchanges longest_backoff_s "
    "price rpm stream timeout_s tpm".split()
)


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens, for a model that the price list does not know."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float

    def __post_init__(self) -> None:
        """Check the prices."""
        for name, value in vars(self).items():
            _amount(f"subject.price.{name}", value, 0.0)


@dataclass(frozen=True)
class Settings:
    """One model at one provider.

    Raises:
        ConfigError: a value cannot be meant, or is a secret, which records would keep.
    """

    model: str  # as litellm names it: openai/gpt-4o-mini, ollama_chat/qwen2.5-coder:1.5b
    temperature: float | None = None  # None = the provider's own
    top_p: float | None = None  # None = the provider's own
    max_tokens: int = 4096  # of one answer; 0 = the provider's own
    seed: bool = True  # whether calls carry a seed, drawn per call and shared by the cells
    extra: Mapping[str, Any] = field(default_factory=dict)  # further fields of the request's body
    api_base: str = ""  # the server's address; empty = the provider's own
    api_key_env: str = ""  # environment variable with the key; empty = the provider's own
    api_key_file: str = ""  # file with the key
    price: Price | None = None  # None = litellm's list
    concurrency: int = 8  # calls in flight at most; fewer while the provider says so
    rpm: int = 0  # calls a minute at most; 0 = no limit of ours
    tpm: int = 0  # tokens a minute at most; 0 = no limit of ours
    timeout_s: float = 600.0  # of one attempt, from sending to the last byte
    attempts: int = 10  # of one call, while infrastructure fails
    backoff_s: float = 1.0  # longest wait before the second attempt; it doubles
    longest_backoff_s: float = 60.0
    stream: bool = False  # have answers streamed: a cut one is then always seen
    exchanges: str = ""  # folder of a study whose answers are replayed where requests are the same

    def __post_init__(self) -> None:
        """Check every value."""
        model: object = self.model
        if not isinstance(model, str) or not model:
            remedy = "name one, such as subject.model=openai/gpt-4o-mini"
            raise ConfigError("subject.model", self.model, remedy)
        for name in ("api_base", "api_key_env", "api_key_file", "exchanges"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"subject.{name}", getattr(self, name), "give a text, or nothing")
        for name, most in (("temperature", 2.0), ("top_p", 1.0)):
            if getattr(self, name) is not None:
                _amount(f"subject.{name}", getattr(self, name), 0.0, most)
        for name in ("seed", "stream"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"subject.{name}", getattr(self, name), "give true or false")
        for name, least in (
            ("max_tokens", 0),
            ("concurrency", 1),
            ("rpm", 0),
            ("tpm", 0),
            ("attempts", 1),
        ):
            value = getattr(self, name)
            if type(value) is not int or not least <= value < 2**31:
                raise ConfigError(f"subject.{name}", value, f"give a whole number, {least} or more")
        for name in ("timeout_s", "backoff_s", "longest_backoff_s"):
            _amount(f"subject.{name}", getattr(self, name), 0.0)
        if not self.timeout_s:
            raise ConfigError("subject.timeout_s", self.timeout_s, "give more than 0")
        _check_extra(self.extra)

    def sampling(self, seed: int) -> dict[str, Any]:
        """Return what a request says of sampling, ``seed`` being the call's own."""
        chosen: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens or None,
            "seed": seed if self.seed else None,
        }
        asked = {name: value for name, value in chosen.items() if value is not None}
        return {**asked, "extra": dict(self.extra)} if self.extra else asked


def _amount(name: str, value: object, least: float, most: float = math.inf) -> None:
    number = type(value) is int or type(value) is float
    if not number or not least <= float(str(value)) <= most or math.isinf(float(str(value))):
        upto = "or more" if math.isinf(most) else f"to {most:g}"
        raise ConfigError(name, value, f"give {least:g} {upto}")


def _check_extra(extra: object) -> None:
    if not isinstance(extra, Mapping):
        raise ConfigError("subject.extra", extra, "give names with values")
    for name in extra:
        if any(part in str(name).lower().split("_") for part in _SECRET_NAMES):
            remedy = "a configuration is kept in records; name an environment variable instead"
            raise ConfigError(f"subject.extra.{name}", "(not shown)", f"{remedy} (api_key_env)")
