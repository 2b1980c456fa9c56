"""What an Aligner is: its tokens, the layers that read them, and the model it was made for."""

from dataclasses import dataclass, field
from typing import Any

from peft.config import PeftConfig
from peft.utils.peft_types import TaskType

from diagnose.errors import InputError
from diagnose.training.aligner.registration import member

SUPPORTED = ("llama", "qwen2", "qwen3", "gemma3_text")


def _count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(name, value, f"give a whole number from {least} on")


@dataclass
class AlignerConfig(PeftConfig):
    """An Aligner's configuration, saved beside its weights as ``adapter_config.json``.

    The last three fields are filled in when a model takes the adapter, and compared when another
    does: an adapter of another model's shape is refused before anything is run.

    Attributes:
        num_tokens: Global tokens N, shared by all layers.
        first_layer: First layer that attends to them, counted from 0. The authors leave out two.
        seed: Of the embedding's start, N(0, 1).
        hidden_size: The model's width d.
        num_layers: The model's layers L, those left out among them.
        num_heads: Its query heads H: an adapter has N d + (L - first_layer) H parameters.

    Raises:
        InputError: A field is no count.
    """

    task_type: Any = field(default=TaskType.CAUSAL_LM, metadata={"help": "The type of task."})
    num_tokens: int = field(default=1, metadata={"help": "Global tokens, shared by all layers."})
    first_layer: int = field(default=2, metadata={"help": "First layer that attends to them."})
    seed: int = field(default=0, metadata={"help": "Seed of the embedding's start, N(0, 1)."})
    hidden_size: int | None = field(default=None, metadata={"help": "The model's width."})
    num_layers: int | None = field(default=None, metadata={"help": "The model's layers."})
    num_heads: int | None = field(default=None, metadata={"help": "The model's query heads."})

    # PEFT reads it of every method; which of these modules is a matter of `first_layer`.
    target_modules = "self_attn"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = member()
        _count("num_tokens", self.num_tokens, 1)
        _count("first_layer", self.first_layer, 0)
        _count("seed", self.seed, 0)
        for name in ("hidden_size", "num_layers", "num_heads"):
            if getattr(self, name) is not None:
                _count(name, getattr(self, name), 1)


def fitted(config: AlignerConfig, model: dict[str, object]) -> dict[str, int]:
    """Return the three fields that ``config`` takes from a transformers configuration.

    Raises:
        InputError: The model is of an unknown kind, has no layer from ``first_layer`` on, or is not
            of the shape that the adapter was made for.
    """
    kind = model.get("model_type")
    if kind not in SUPPORTED:
        raise InputError("model_type", kind, f"an Aligner is for {', '.join(SUPPORTED)}")
    shape = {
        "hidden_size": int(str(model["hidden_size"])),
        "num_layers": int(str(model["num_hidden_layers"])),
        "num_heads": int(str(model["num_attention_heads"])),
    }
    for name, value in shape.items():
        made_for = getattr(config, name)
        if made_for not in (None, value):
            raise InputError(
                name,
                made_for,
                f"the model has {value}: load the adapter on the model it was made for",
            )
    if config.first_layer >= shape["num_layers"]:
        raise InputError(
            "first_layer",
            config.first_layer,
            f"the model has {shape['num_layers']} layers, numbered from 0: give a smaller number",
        )
    return shape
