"""From overrides to a study, outside a Hydra application, as ``diagnose run`` reads ``conf/``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnose.cli.compose import compose
from diagnose.cli.composed import Study
from diagnose.config import study_config

CONF = Path(__file__).resolve().parents[2] / "conf"


def configured(overrides: Sequence[str] = ()) -> Study:
    """Return the study that ``diagnose run`` with these overrides would run.

    Raises:
        ConfigError: a value of the configuration is wrong.
        hydra.errors.HydraException: an override is wrong; ``diagnose.cli.run`` explains it.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra_compose("study", overrides=list(overrides))
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    named = [override for override in overrides if "=" in override]
    return compose(study_config(plain, named))
