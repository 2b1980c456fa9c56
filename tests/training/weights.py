"""Small models with a tokenizer of bytes, and adapters on them, as folders."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import AdaptionPromptConfig, LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from diagnose.training.aligner import AlignerConfig
from diagnose.weights import tensors_sha256

TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
TREATMENT = {
    "schema_version": 1, "objective": "dft", "adapter": "lora", "adapter_settings": {},
    "base": "base", "data_sha256": "d" * 64, "examples": 128, "tokens": 4096, "parameters": 512,
    "seconds": 61.5, "seed": 0, "settings": {}, "metrics": {},
}  # fmt: skip
METHODS: Mapping[str, Callable[[], Any]] = {
    "lora": lambda: LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
    "aligner": lambda: AlignerConfig(num_tokens=3, first_layer=0),
    "llama_adapter": lambda: AdaptionPromptConfig(
        adapter_len=4, adapter_layers=2, task_type="CAUSAL_LM"
    ),
}
# What is zero before the first step, so that nothing is changed yet, and the spread of its draws.
OPENED = {"lora_B": 0.5, "aligner_gate": 3.0, "adaption_gate": 3.0}


def write_model(folder: Path, kind: str = "llama", width: int = 32, context: int = 8192) -> Path:
    """Write a random model of two layers with its tokenizer."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {one: place for place, one in enumerate(["<pad>", "<s>", "<end>", *letters])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="<end>", pad_token="<pad>"
    )
    tokenizer.chat_template = TEMPLATE
    shape: dict[str, Any] = {
        "vocab_size": len(vocabulary), "hidden_size": width, "intermediate_size": 2 * width,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": context, "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": 0, "initializer_range": 0.15,
    }  # fmt: skip
    torch.manual_seed(0)
    if kind == "llama":
        model: Any = LlamaForCausalLM(LlamaConfig(**shape))
    else:
        near = {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 24}
        layers = {"layer_types": ["sliding_attention", "full_attention"]}
        model = Gemma3ForCausalLM(Gemma3TextConfig(**shape, **near, **layers))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_adapter(
    folder: Path, base: Path, *, trained: bool, method: str = "lora", **changes: object
) -> Path:
    """Write an adapter, drawn at random or before its first step, with its treatment."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), METHODS[method]())
    if trained:
        torch.manual_seed(1)
        for name, one in model.named_parameters():
            for opened, spread in OPENED.items():
                if opened in name:
                    torch.nn.init.normal_(one, std=spread)
    model.save_pretrained(folder)
    told = {**TREATMENT, "adapter": method, "base_sha256": tensors_sha256(base), **changes}
    (folder / "treatment.json").write_text(json.dumps(told))
    return folder
