"""Learning rates tried alike, and the one that the validation split prefers.

A comparison of objectives or adapters is fair where each had the same rates to choose from and
chose on data that neither training nor the comparison uses. Every one tried is recorded.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diagnose.errors import ConfigError, InputError
from diagnose.training.settings import TrainSettings
from diagnose.training.trainer import Say, train
from diagnose.training.treatment import Treatment

NAME = "grid.json"
METRICS = {"nll": -1, "mean_token_probability": 1}  # and whether more of it is better


@dataclass(frozen=True)
class Grid:
    """What was tried, by folder, and which was chosen."""

    metric: str
    chosen: str  # the name of its folder
    treatments: dict[str, Treatment]

    @property
    def best(self) -> Treatment:
        """Return the chosen one."""
        return self.treatments[self.chosen]


def grid(settings: TrainSettings, rates: Sequence[float], metric: str, say: Say) -> Grid:
    """Train once for each learning rate, in folders below ``settings.out``; write ``grid.json``.

    Args:
        settings: of every one; its own learning rate is not used.
        rates: learning rates, each once.
        metric: what decides, on the validation split after training; a tie goes to the smaller.
        say: takes one line of text at a time.

    Raises:
        ConfigError: the rates or the metric cannot be meant.
        InputError: there is no validation split to choose on; or as ``train``.
    """
    if metric not in METRICS:
        raise ConfigError("grid_metric", metric, f"choose one of {', '.join(METRICS)}")
    if len(set(rates)) != len(rates) or len(rates) < 2:
        raise ConfigError("grid", list(rates), "give two or more learning rates, each once")
    if not settings.measure_examples:
        raise ConfigError("measure_examples", 0, "a grid is decided by what is measured: give some")
    every = {f"lr-{rate:g}": replace(settings, learning_rate=rate) for rate in sorted(rates)}
    _validated(settings)
    home = Path(settings.out)
    treatments: dict[str, Treatment] = {}
    for name, one in every.items():
        say(f"learning rate {one.learning_rate:g}")
        treatments[name] = train(replace(one, out=str(home / name)), say)
    scores = {
        name: made.metrics["validation"]["after"][metric] for name, made in treatments.items()
    }
    sign = METRICS[metric]
    chosen = max(scores, key=lambda name: (sign * scores[name], -every[name].learning_rate))
    text = {
        "metric": f"{metric} on the validation split, after training",
        "chosen": chosen,
        "tried": {
            name: {"learning_rate": every[name].learning_rate, metric: scores[name]}
            for name in every
        },
    }
    (home / NAME).write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
    return Grid(metric, chosen, treatments)


def _validated(settings: TrainSettings) -> None:
    """Refuse data without a validation split before anything is trained."""
    from diagnose.training.dataset import Dataset

    data = Dataset.read(settings.data)
    held = data.pairs("validation") if settings.objective == "dpo" else data.examples("validation")
    if not held:
        remedy = "a learning rate is chosen on it: collect with --validation"
        raise InputError("data", "no validation split", remedy)
