"""``diagnose train``: a Hydra application over conf/train.yaml; ends with a small table."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diagnose.cli.configure import CONF
from diagnose.cli.main import OK
from diagnose.errors import ConfigError, DiagnoseError

if TYPE_CHECKING:
    from diagnose.training.treatment import Treatment

ROWS = (
    ("mean_token_probability", "mean probability of a target token", "{:.3f}"),
    ("share_below_0_1", "share of targets below 0.1", "{:.3f}"),
    ("share_above_0_9", "share of targets above 0.9", "{:.3f}"),
    ("nll", "negative log-likelihood, nats a token", "{:.3f}"),
    ("kl_to_base", "KL(base || model), nats a token", "{:.4f}"),
)


def run(arguments: Sequence[str]) -> int:
    """Compose the configuration, train (or, with ``-m``, each of a sweep), and say what it did.

    Raises:
        ConfigError: an override or a value is wrong, or the extra is not installed.
    """
    import hydra
    from hydra.errors import HydraException
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    from diagnose.cli.run import explained
    from diagnose.training.extra import require_train

    if not {"--help", "-h", "--cfg", "-c"} & set(arguments):
        require_train()
    refused: list[DiagnoseError] = []

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
    def job(config: DictConfig) -> None:
        if refused:
            return  # a sweep ends with its first bad job
        try:
            _job(config)
        except DiagnoseError as error:  # kept from Hydra, which would print it a second time
            refused.append(error)

    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["diagnose train", *arguments]
    try:
        job()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, arguments, "train") from error
    if refused:
        raise refused[0]
    return OK


def _job(config: Any) -> None:
    from omegaconf import OmegaConf

    from diagnose.training.settings import TrainSettings
    from diagnose.training.trainer import train

    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(key, "???", f"it must be given: add {key}=... to the command")
    plain: Any = OmegaConf.to_container(config, resolve=True)
    rates, metric = plain.pop("grid"), plain.pop("grid_metric")
    plain.pop("recipe", None)
    settings = TrainSettings.of(plain)
    if not rates:
        print(table(train(settings, _say), settings.out))
        return
    if not isinstance(rates, list) or not all(type(one) in {int, float} for one in rates):
        raise ConfigError("grid", rates, "give learning rates, as in grid=[1e-5,1e-4]")
    from diagnose.training.grid import grid

    tried = grid(settings, rates, metric, _say)
    for name, made in tried.treatments.items():
        score = made.metrics["validation"]["after"][metric]
        print(f"{name:<12} validation {metric} {score:.4g}{'  chosen' * (name == tried.chosen)}")
    print(table(tried.best, f"{settings.out}/{tried.chosen}"))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(made: "Treatment", folder: str) -> str:
    """Return a treatment as a few lines: what was measured before and after, by split."""
    splits = list(made.metrics)
    lines = [" " * 40 + "".join(f"{split:>20}" for split in splits)] if splits else []
    for key, name, shape in ROWS:
        cells = [
            f"{shape.format(values['before'][key])} → {shape.format(values['after'][key])}"
            for values in made.metrics.values()
            if key in values["after"]
        ]
        if cells:
            lines.append(f"{name:<40}" + "".join(f"{cell:>20}" for cell in cells))
    lines.append(
        f"{made.objective} by {made.adapter}: {made.parameters:,} parameters, "
        f"{made.examples} examples, {made.tokens} target tokens, {made.seconds:.1f} s: {folder}"
    )
    return "\n".join(lines)
