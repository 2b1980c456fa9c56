"""What a training is told, checked before anything is loaded. No torch."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Self

from diagnose.errors import ConfigError

# What each objective and adapter may be told, with its default.
OBJECTIVES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "sft": {"label_smoothing": 0.0},
        "dft": {},
        "dft_sequence": {},
        "dft_geometric": {},
        "power": {"alpha": 0.5},
        "asft": {"weight": 0.1},
        "dpo": {"beta": 0.1, "label_smoothing": 0.0},
    }
)
ADAPTERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "full": {},
        "lora": {"r": 8, "alpha": 16, "dropout": 0.0, "target_modules": "all-linear"},
        "aligner": {"num_tokens": 1, "first_layer": 2},
        "llama_adapter": {"tokens": 10, "layers": 0},
    }
)
KINDS = ("own", "gold", "corpus")
SCHEDULES = ("cosine", "linear", "constant", "constant_with_warmup")
DTYPES = ("float32", "bfloat16")
OVERLONG = ("refuse", "drop", "truncate")
DEVICES = ("auto", "cpu", "cuda")
ATTENTION = ("sdpa", "eager")
UNTRAINED, PERMUTED = "untrained", "permuted"
PLACEBOS = ("none", UNTRAINED, PERMUTED)
_AT_LEAST = {
    "examples": 0, "tokens": 0, "steps": 0, "batch_size": 1, "micro_batch_size": 1,
    "max_tokens": 0, "seed": 0, "checkpoint_every": 0, "measure_examples": 0, "measure_times": 0,
}  # fmt: skip
_CHOICES = {
    "schedule": SCHEDULES, "dtype": DTYPES, "overlong": OVERLONG, "device": DEVICES,
    "attention": ATTENTION, "placebo": PLACEBOS,
}  # fmt: skip


@dataclass(frozen=True)
class TrainSettings:
    """One training. Every field is a key of conf/train.yaml, which says what it means."""

    base: str
    data: str
    out: str
    objective: str = "dft"
    objective_settings: Mapping[str, Any] = field(default_factory=dict)
    adapter: str = "lora"
    adapter_settings: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    kinds: tuple[str, ...] = KINDS
    examples: int = 0
    tokens: int = 0
    epochs: float = 1.0
    steps: int = 0
    batch_size: int = 8
    micro_batch_size: int = 8
    learning_rate: float = 1e-4
    schedule: str = "cosine"
    warmup: float = 0.1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    dtype: str = "float32"
    attention: str = "sdpa"
    gradient_checkpointing: bool = False
    device: str = "auto"
    max_tokens: int = 0
    overlong: str = "refuse"
    template: str = "own"
    placebo: str = "none"
    seed: int = 0
    checkpoint_every: int = 0
    measure_examples: int = 64
    measure_times: int = 4

    def __post_init__(self) -> None:
        """Check every value, and fill in what the objective and the adapter were not told.

        Raises:
            ConfigError: a value cannot be meant.
        """
        for name in ("base", "data", "out", "template"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ConfigError(name, getattr(self, name), "give a text")
        if not isinstance(self.start, str):
            raise ConfigError("start", self.start, "give a folder, or nothing")
        for name, least in _AT_LEAST.items():
            _whole(name, getattr(self, name), least)
        for name, choices in _CHOICES.items():
            _choice(name, getattr(self, name), choices)
        for name in ("epochs", "learning_rate", "max_grad_norm"):
            _real(name, getattr(self, name), above=0)
        _real("weight_decay", self.weight_decay)
        _real("warmup", self.warmup, below=1)
        if not isinstance(self.gradient_checkpointing, bool):
            raise ConfigError(
                "gradient_checkpointing", self.gradient_checkpointing, "true or false"
            )
        if not self.kinds or not isinstance(self.kinds, tuple | list):
            raise ConfigError("kinds", self.kinds, f"give a list of {', '.join(KINDS)}")
        for kind in self.kinds:
            _choice("kinds", kind, KINDS)
        object.__setattr__(self, "kinds", tuple(self.kinds))
        if self.batch_size % self.micro_batch_size:
            remedy = f"give a divisor of batch_size ({self.batch_size})"
            raise ConfigError("micro_batch_size", self.micro_batch_size, remedy)
        for group, known in (("objective", OBJECTIVES), ("adapter", ADAPTERS)):
            name, given = getattr(self, group), getattr(self, f"{group}_settings")
            _choice(group, name, tuple(known))
            object.__setattr__(self, f"{group}_settings", _options(group, name, known[name], given))

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Return the settings that a resolved configuration holds.

        Args:
            config: plain containers; ``objective`` and ``adapter`` are sections with a ``name``
                and their options.

        Raises:
            ConfigError: a value cannot be meant, or nothing is called so.
        """
        values = dict(config)
        for key in values:
            _called("", key, [one.name for one in fields(cls)])
        for group in ("objective", "adapter"):
            section = values.get(group)
            if isinstance(section, Mapping):
                options = dict(section)
                values[group] = options.pop("name", None)
                values[f"{group}_settings"] = options
        for name in ("base", "data", "out"):
            if name not in values:
                raise ConfigError(name, None, f"it must be given: add {name}=... to the command")
        return cls(**values)

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON holds them."""
        made = {one.name: getattr(self, one.name) for one in fields(self)}
        made["kinds"] = list(self.kinds)
        for group in ("objective_settings", "adapter_settings"):
            made[group] = dict(made[group])
        return made


def _options(
    group: str, name: str, defaults: Mapping[str, Any], given: object
) -> Mapping[str, Any]:
    """Return an objective's or an adapter's options, filled in and checked."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{group}_settings", given, "give its options by name")
    if group == "objective" and "label_smoothing" in given and "label_smoothing" not in defaults:
        remedy = f"{name} has no smoothed form, and TRL would ignore it in silence: leave it out"
        raise ConfigError("objective.label_smoothing", given["label_smoothing"], remedy)
    for key in given:
        if name != "aligner":  # its configuration knows more, and checks it itself
            _called(f"{group}.", key, list(defaults))
    made = {**defaults, **given}
    for key, value in made.items():
        where = f"{group}.{key}"
        if key == "target_modules":
            listed = isinstance(value, list | tuple) and all(isinstance(o, str) for o in value)
            if not (listed and value) and not (isinstance(value, str) and value):
                raise ConfigError(where, value, "give names of modules, or all-linear")
        elif key in {"dropout", "label_smoothing"}:
            _real(where, value, below=1)
        elif key == "alpha" and group == "objective":
            _real(where, value)
        elif key in {"weight", "beta", "alpha"}:
            _real(where, value, above=0)
        elif key in {"r", "num_tokens", "first_layer", "tokens", "layers"}:
            _whole(where, value, 0 if key in {"first_layer", "layers"} else 1)
    return MappingProxyType(made)


def _called(where: str, key: object, known: list[str]) -> None:
    if key not in known:
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known) or 'none'}"
        raise ConfigError(f"{where}{key}", key, f"nothing is called so; {hint}")


def _choice(field: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(field, value, f"choose one of {', '.join(choices)}")


def _whole(field: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(field, value, f"give a whole number, {least} or more")


def _real(field: str, value: object, above: float | None = None, below: float = math.inf) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        enough = value >= 0 if above is None else value > above
        if enough and value < below:
            return
    least = "0 or more" if above is None else f"above {above:g}"
    most = f", below {below:g}" if below < math.inf else ""
    raise ConfigError(field, value, f"give a number {least}{most}")
