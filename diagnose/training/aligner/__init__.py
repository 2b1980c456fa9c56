"""Aligner (arXiv 2312.05503): a handful of global tokens that steer a frozen model.

Importing the package registers the method with PEFT, so that ``get_peft_model``,
``PeftModel.from_pretrained`` and every trainer that takes a PEFT configuration know it.
"""

from diagnose.errors import ConfigError

try:
    from diagnose.training.aligner.checkpoints import Released, load, read, write
    from diagnose.training.aligner.config import AlignerConfig
    from diagnose.training.aligner.model import AlignerModel
    from diagnose.training.aligner.registration import register
except ModuleNotFoundError as error:
    if error.name in ("torch", "transformers", "peft"):
        raise ConfigError("aligner", f"no {error.name}", 'pip install -e ".[train]"') from error
    raise

register()

__all__ = ["AlignerConfig", "AlignerModel", "Released", "load", "read", "write"]
