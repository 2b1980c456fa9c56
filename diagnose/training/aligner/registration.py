"""The one place that reaches into PEFT's list of methods, which is an enumeration that is closed.

``register_peft_method`` refuses a name outside ``PeftType``, so a member is added to it here. What
Python makes of an enumeration's members is checked after the addition rather than believed.
"""

from typing import Any

from peft.utils import register_peft_method
from peft.utils.peft_types import PeftType
from transformers import AttentionInterface

from diagnose.errors import ConfigError

NAME = "aligner"
PREFIX = "aligner_"
MEMBER = NAME.upper()


def member() -> Any:
    """Return ``PeftType.ALIGNER``, added on the first call.

    Raises:
        ConfigError: This Python's enumerations do not take the member.
    """
    if MEMBER not in PeftType.__members__:
        added = str.__new__(PeftType, MEMBER)
        added._name_ = MEMBER
        added._value_ = MEMBER
        added.__objclass__ = PeftType
        added._sort_order_ = len(PeftType._member_names_)
        type.__setattr__(PeftType, MEMBER, added)
        PeftType._member_map_[MEMBER] = added
        PeftType._member_names_.append(MEMBER)
        PeftType._value2member_map_[MEMBER] = added
    found = PeftType.__members__[MEMBER]
    if PeftType(MEMBER) is not found or found not in list(PeftType) or found != MEMBER:
        raise ConfigError("peft", "PeftType did not take a new member", "use peft 0.21")
    return found


def register() -> None:
    """Make the method known to PEFT and its attention to transformers; again is harmless.

    Raises:
        ConfigError: Another package has registered a method of this name.
    """
    member()
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

    from diagnose.training.aligner.attention import IMPLEMENTATION, attend
    from diagnose.training.aligner.config import AlignerConfig
    from diagnose.training.aligner.model import AlignerModel

    known = PEFT_TYPE_TO_TUNER_MAPPING.get(member())
    if known is None:
        register_peft_method(
            name=NAME, config_cls=AlignerConfig, model_cls=AlignerModel, prefix=PREFIX
        )
    elif known is not AlignerModel:
        raise ConfigError(
            "aligner", known.__module__, "two packages register it with PEFT; use one"
        )
    AttentionInterface.register(IMPLEMENTATION, attend)
