"""From a folder to a model in memory: tensors alone are read, never code and never a pickle."""

import copy
import json
import warnings
from pathlib import Path
from typing import Any

from diagnose.errors import ConfigError, InputError
from diagnose.templates import lay_out
from diagnose.weights import ADAPTER, UNREADABLE, is_adapter, is_gguf, named

EXTRA = 'the weights of a model need PyTorch: pip install -e ".[train]"'
# Methods whose layers stand in the model's own, so that a call of the model is all there is to it.
METHODS = ("LORA", "ALIGNER", "ADAPTION_PROMPT")


def torch_of() -> Any:
    """Return torch.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        import peft  # noqa: F401
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise ConfigError("subject", "local", f"{EXTRA} ({error})") from error
    return torch


def tokenizer_of(folder: str, template: str = "own") -> Any:
    """Return a model's tokenizer with the chat template to ask it in.

    Args:
        folder: of the model, or its GGUF file.
        template: ``own``, ``plain``, or a file of Jinja.

    Raises:
        ConfigError: there is none, or it has no template of its own and is given none.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            **named(Path(folder)), local_files_only=True, trust_remote_code=False
        )
    except UNREADABLE as error:
        raise ConfigError("subject.model", folder, f"no tokenizer can be read ({error})") from error
    lay_out(tokenizer, "subject.template", template)
    return tokenizer


def model_of(folder: str, dtype: str, device: str) -> Any:
    """Return a causal language model, ready to answer.

    Raises:
        ConfigError: it cannot be read, or it needs code of its own.
    """
    torch = torch_of()
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"use_safetensors": True}
    if is_gguf(Path(folder)):
        from transformers import GgufConfig

        options = {"quantization_config": GgufConfig(dequantize=True)}
    elif "auto_map" in json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")):
        remedy = "it needs code from its folder, which is never run; take a model of transformers"
        raise ConfigError("subject.model", folder, remedy)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            **named(Path(folder)),
            dtype=getattr(torch, dtype),
            local_files_only=True,
            trust_remote_code=False,
            **options,
        )
        return model.to(device).eval()
    except UNREADABLE as error:
        raise ConfigError("subject.model", folder, f"no model can be read ({error})") from error
    except SafetensorError as error:
        raise ConfigError("subject.model", folder, f"its tensors are broken ({error})") from error


def adapted(base: Any, folder: str, dtype: str, device: str) -> Any:
    """Return a model with the weights of ``folder``: an adapter on ``base``, or a whole model.

    ``base`` stays as it is; what an adapter leaves alone is shared with it and not held twice.

    Raises:
        ConfigError: the adapter is for another model, or of a method that is not taken.
    """
    if not is_adapter(Path(folder)):
        return model_of(folder, dtype, device)
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    method = json.loads((Path(folder) / ADAPTER).read_text(encoding="utf-8")).get("peft_type")
    if method not in METHODS:
        raise ConfigError("adapter", folder, f"its method is {method}; {', '.join(METHODS)} do")
    if method == "ALIGNER":
        _register_aligner()
    files = sorted(Path(folder).glob("adapter_model*.safetensors"))
    if not files:
        raise ConfigError("adapter", folder, "it holds no adapter_model.safetensors")
    shared = {id(one): one for one in (*base.parameters(), *base.buffers())}
    try:
        own = copy.deepcopy(base, shared)
        with warnings.catch_warnings():  # of what is refused below
            warnings.filterwarnings("ignore", "Found missing adapter keys", UserWarning)
            model = PeftModel.from_pretrained(own, folder, local_files_only=True)
        held: set[str] = set()
        for path in files:
            with safe_open(path, "pt") as tensors:
                held |= set(tensors.keys())
        # PEFT goes on without what a file lacks, and answers would come of what it drew instead.
        lacking = set(get_peft_model_state_dict(model, save_embedding_layers=False)) - held
        if lacking:
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
        return model.to(device).eval()
    except (
        OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, InputError,
    ) as error:  # fmt: skip
        remedy = f"it does not fit subject.model ({' '.join(str(error).split())[:300]})"
        raise ConfigError("adapter", folder, remedy) from error


def _register_aligner() -> None:
    from importlib import import_module

    try:
        import_module("diagnose.training.aligner")  # importing it tells PEFT of the method
    except ImportError as error:
        remedy = "this version has no Aligner"
        raise ConfigError("adapter", "ALIGNER", f"{remedy} ({error})") from error
