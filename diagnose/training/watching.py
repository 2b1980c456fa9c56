"""What a training leaves behind while it runs: ``training_log.jsonl``, and a line to whom asks.

A line of the log is a step with its loss, or a measurement of a split. Nothing in it depends on
the clock, so that a training that was interrupted leaves the log of one that was not.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from diagnose.errors import ConfigError
from diagnose.progress import duration
from diagnose.records import canonical_json

LOG = "training_log.jsonl"
KEPT = ("loss", "grad_norm", "learning_rate", "epoch", "rewards/margins", "rewards/accuracies")
SAID_EVERY_S = 2.0
Measure = Callable[[], Mapping[str, Mapping[str, float]]]


class Log:
    """The file; begun anew, or cut back to the step that a training resumes at."""

    def __init__(self, folder: Path, step: int | None = None) -> None:
        self._path = folder / LOG
        kept: list[str] = []
        if step is not None and self._path.is_file():
            lines = self._path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _step(line) <= step]
        self._path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(canonical_json(dict(line)) + "\n")


def _step(line: str) -> float:
    """Return a line's step; a line that was cut off has none and is not kept."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


class Watch(TrainerCallback):  # type: ignore[misc]  # untyped
    """Logs losses and measurements along the way, and says how far a training is.

    Args:
        log: where lines go.
        measure: what is measured, by split.
        times: how often along the way, evenly, apart from before and after.
        say: takes one line of text.
    """

    def __init__(self, log: Log, measure: Measure, times: int, say: Callable[[str], None]) -> None:
        self._log = log
        self._measure = measure
        self._times = times
        self._say = say
        self._said_at = float("-inf")
        self._loss, self._rate = "", 0.0
        self.aside_s = 0.0  # spent on measuring

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Note where it begins, and at which steps to measure."""
        self._rate = args.learning_rate
        self._began_at, self._first = time.monotonic(), state.global_step
        whole = state.max_steps
        parts = range(1, self._times + 1)
        self._due = {round(whole * part / (self._times + 1)) for part in parts} - {0, whole}

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **given: Any) -> None:
        """Keep of a step's figures those that the clock has no part in."""
        line = {key: logs[key] for key in KEPT if key in (logs or {})}
        if "loss" in line:
            if not math.isfinite(line["loss"]):
                remedy = (
                    f"the loss is {line['loss']} at step {state.global_step}; give a smaller one"
                )
                raise ConfigError("learning_rate", args.learning_rate, remedy)
            self._loss = f"  loss {line['loss']:.4g}"
            self._log.append({"step": state.global_step, **line})

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Measure where that is due; say how far it is."""
        step, whole, now = state.global_step, state.max_steps, time.monotonic()
        if step in self._due:
            self.record(step)
        if now - self._said_at >= SAID_EVERY_S or step == whole:
            self._said_at = now
            left = (now - self._began_at) / max(step - self._first, 1) * (whole - step)
            self._say(f"step {step}/{whole}{self._loss}  {duration(left)} left")

    def record(self, step: int) -> Mapping[str, Mapping[str, float]]:
        """Measure, log and return what was measured."""
        began_s = time.monotonic()
        found = self._measure()
        for split, values in found.items():
            if not all(math.isfinite(one) for one in values.values()):
                told = f"at step {step} the model's probabilities are no numbers"
                raise ConfigError("learning_rate", self._rate, f"{told}; give less")
            self._log.append({"step": step, "split": split, **values})
        self.aside_s += time.monotonic() - began_s
        return found
