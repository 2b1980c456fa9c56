"""Weights on this machine and how they are asked: ``conf/subject/local.yaml``, checked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.errors import ConfigError

# What says how, not what: where weights and templates lie (their content is identity), how many
# calls wait, what memory prompts that begin alike may save, whose answers are replayed.
OPERATIONAL = frozenset("model adapter template concurrency prefix_cache_mb exchanges".split())
DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True)
class Settings:
    """One model, with or without an adapter.

    Raises:
        ConfigError: a value cannot be meant.
    """

    model: str  # folder of a causal language model, as save_pretrained writes it; or a GGUF file
    adapter: str = ""  # folder of a PEFT adapter, or of the whole model tuned; empty = none
    template: str = "own"  # the model's chat template; plain, or a file of Jinja
    name: str = ""  # in tables; empty = local-HASH
    temperature: float = 0.7  # 0 = the likeliest token always
    top_p: float = 1.0
    max_new_tokens: int = 512
    stop: Sequence[str] = ()  # texts that end an answer, besides the model's own end
    context: int = 0  # tokens of prompt and answer together; 0 = the model's own
    dtype: str = "float32"
    device: str = "cpu"
    batch: int = 32  # answers written side by side
    threads: int = 1  # of the arithmetic on a CPU
    concurrency: int = 64  # calls that may wait or be written
    prefix_cache_mb: int = 512  # for the beginnings that prompts share; 0 = none kept
    exchanges: str = ""  # folder of a study whose answers are replayed where requests are the same

    def __post_init__(self) -> None:
        """Check every value."""
        for name in ("model", "adapter", "template", "name", "device", "exchanges"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"subject.{name}", getattr(self, name), "give a text, or nothing")
        if not self.model:
            remedy = "name the folder of a model, such as subject.model=checkpoints/base"
            raise ConfigError("subject.model", self.model, remedy)
        for name, most in (("temperature", 2.0), ("top_p", 1.0)):
            value = getattr(self, name)
            if type(value) not in {int, float} or not 0 <= value <= most or math.isnan(value):
                raise ConfigError(f"subject.{name}", value, f"give 0 to {most:g}")
        if not self.top_p:
            raise ConfigError("subject.top_p", self.top_p, "give more than 0; 1 takes every token")
        for name, least in (("max_new_tokens", 1), ("context", 0), ("batch", 1), ("threads", 1),
                            ("concurrency", 1), ("prefix_cache_mb", 0)):  # fmt: skip
            value = getattr(self, name)
            if type(value) is not int or not least <= value < 2**31:
                raise ConfigError(f"subject.{name}", value, f"give a whole number, {least} or more")
        if self.dtype not in DTYPES:
            raise ConfigError("subject.dtype", self.dtype, f"choose one of {', '.join(DTYPES)}")
        stops: object = self.stop
        listed = list(stops) if isinstance(stops, list | tuple) else [None]
        if not all(isinstance(one, str) and one for one in listed):
            raise ConfigError("subject.stop", stops, 'give a list of texts, such as ["END"]')

    def sampling(self, seed: int) -> dict[str, Any]:
        """Return what a request says of sampling, ``seed`` being the call's own."""
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_new_tokens": self.max_new_tokens,
            "stop": list(self.stop),
            "seed": seed,
        }
