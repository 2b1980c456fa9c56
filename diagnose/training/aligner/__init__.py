"""Aligner (arXiv 2312.05503): a handful of global tokens that steer a frozen model.

Importing the package registers the method with PEFT, so that ``get_peft_model``,
``PeftModel.from_pretrained`` and every trainer that takes a PEFT configuration know it.
"""

from importlib.util import find_spec

from diagnose.errors import ConfigError

if not all(find_spec(name) for name in ("torch", "transformers", "peft")):
    raise ConfigError("aligner", "no torch, transformers or peft", 'pip install -e ".[train]"')

from diagnose.training.aligner.registration import register

register()

from diagnose.training.aligner.checkpoints import Released, load, read, write
from diagnose.training.aligner.config import AlignerConfig
from diagnose.training.aligner.model import AlignerModel

__all__ = ["AlignerConfig", "AlignerModel", "Released", "load", "read", "write"]
