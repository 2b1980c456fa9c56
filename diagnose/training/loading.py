"""A base model, its tokeniser and an adapter to start from, refused before they could do harm."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from diagnose.errors import ConfigError, InputError
from diagnose.training.encoding import with_template
from diagnose.training.settings import TrainSettings
from diagnose.training.treatment import NAME, Treatment, weights_sha256
from diagnose.weights import UNREADABLE, named

PICKLES = ("pytorch_model*.bin", "adapter_model*.bin")  # what transformers and PEFT would open


def located(base: str) -> Path:
    """Return where a base is on this machine: a folder, a GGUF file, or a hub's model by its name.

    Raises:
        ConfigError: there is none.
    """
    if Path(base).exists():
        return Path(base)
    if base.count("/") != 1 or base.startswith((".", "~")):
        raise ConfigError("base", base, "there is no such folder; name one, or a hub's model")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(base))
    except (OSError, ValueError) as error:  # the hub's own errors are one of the two
        remedy = f"no folder, and the hub does not give it: {type(error).__name__}"
        raise ConfigError("base", base, remedy) from error


def tensors_only(folder: Path) -> None:
    """Refuse weights that are a pickle of more than tensors: to load one is to run its code.

    Raises:
        InputError: a file that would be loaded is one, or is broken.
    """
    if any(folder.glob("*.safetensors")):
        return  # these are preferred, and hold nothing else
    for path in sorted(one for pattern in PICKLES for one in folder.glob(pattern)):
        try:
            with warnings.catch_warnings():  # what torch thinks of a foreign pickle's protocol
                warnings.simplefilter("ignore", UserWarning)
                torch.load(path, map_location="meta", weights_only=True)
        except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError) as error:
            remedy = "the pickle needs more than tensors, or is broken; give safetensors"
            raise InputError("weights", str(path), remedy) from error


def load_tokenizer(home: Path, template: str) -> Any:
    """Return a base's tokeniser with the chat template to train in.

    Raises:
        ConfigError: there is none, or no template.
    """
    try:
        made = AutoTokenizer.from_pretrained(**named(home))
    except UNREADABLE as error:
        raise ConfigError("base", str(home), f"its tokeniser cannot be read: {error}") from error
    with_template(made, template)
    made.padding_side = "right"
    return made


def load_model(home: Path, settings: TrainSettings) -> Any:
    """Return a base model; its weights in float32 where they are themselves trained.

    Raises:
        ConfigError: transformers cannot read it.
        InputError: its weights are a pickle of more than tensors.
    """
    if home.is_dir():
        tensors_only(home)
    # All of it trained in bfloat16 is trained in mixed precision: small steps would round to none.
    half = settings.dtype == "bfloat16" and settings.adapter != "full"
    dtype = torch.bfloat16 if half else torch.float32
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": settings.attention}
    if home.is_file():
        from transformers import GgufConfig

        options["quantization_config"] = GgufConfig(dequantize=True)
    try:
        made = AutoModelForCausalLM.from_pretrained(**named(home), **options)
    except UNREADABLE as error:
        raise ConfigError("base", str(home), f"transformers cannot read it: {error}") from error
    if home.is_file():  # PEFT would look for settings beside it, and then ask a hub
        made.name_or_path = made.config.name_or_path = ""
    return made


def matched(tokenizer: Any, model: Any, home: Path) -> None:
    """Refuse a tokeniser that is not the model's.

    Raises:
        InputError: it has more tokens than the model has embeddings.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        told = f"{len(tokenizer)} tokens, {rows} embeddings"
        raise InputError("base", told, f"the tokeniser in {home} is another model's")


def with_start(model: Any, tokenizer: Any, home: Path, settings: TrainSettings) -> Any:
    """Return the model with the adapter that training goes on from.

    Raises:
        ConfigError: it is of another kind than the adapter to train.
        InputError: it was made for another base, another width or another tokeniser, or is a
            pickle of more than tensors.
    """
    from peft import PeftConfig, PeftModel

    start = Path(settings.start)
    if not (start / "adapter_config.json").is_file():
        remedy = "name a folder that holds an adapter (adapter_config.json)"
        raise InputError("start", settings.start, remedy)
    tensors_only(start)
    if (start / NAME).is_file():
        before = Treatment.read(start)
        if before.adapter != settings.adapter:
            raise ConfigError("start", before.adapter, f"give adapter={before.adapter}")
        if before.base_sha256 != weights_sha256(home):
            told = f"made for {before.base}"
            raise InputError("start", told, "give the base that it was made for")
    if any(start.glob("tokenizer*.json")):
        own = AutoTokenizer.from_pretrained(str(start))
        if own.get_vocab() != tokenizer.get_vocab():
            told = f"a tokeniser of {len(own)} tokens, the base's has {len(tokenizer)}"
            raise InputError("start", told, "its tokens are not the base's: give its own base")
    if settings.adapter == "aligner":
        import diagnose.training.aligner  # noqa: F401  # registers its kind with PEFT
    try:
        PeftConfig.from_pretrained(str(start))
        return PeftModel.from_pretrained(model, str(start), is_trainable=True)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        remedy = f"it does not fit this base, of width {model.config.hidden_size}: {error}"
        raise InputError("start", settings.start, " ".join(remedy.split())[:400]) from error
