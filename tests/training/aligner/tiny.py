"""Tiny models of the four families, with weights that let nothing hide: norms, biases, windows."""

import torch
from peft import get_peft_model
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from diagnose.training.aligner import AlignerConfig

VOCABULARY = 61
LAYERS, WIDTH, HEADS, GROUPS = 4, 32, 4, 2
WINDOW = 4
FAMILIES = ("llama", "qwen2", "qwen3", "gemma3")

_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
# Where a family may have windows, one adapted layer has one and the other has none.
_WINDOWS = {
    "sliding_window": WINDOW,
    "layer_types": ["full_attention", "sliding_attention"] * 2,
}


def base(family, *, dtype=torch.float32, attention="sdpa", seed=1, **changes):
    """Return a model whose every weight is drawn, biases and norms among them."""
    match family:
        case "llama":
            kind, config = LlamaForCausalLM, LlamaConfig(**(_COMMON | changes))
        case "qwen2":
            config = Qwen2Config(**(_COMMON | _WINDOWS | {"use_sliding_window": True} | changes))
            kind = Qwen2ForCausalLM
        case "qwen3":
            more = _WINDOWS | {"use_sliding_window": True, "head_dim": 12}
            kind, config = Qwen3ForCausalLM, Qwen3Config(**(_COMMON | more | changes))
        case "gemma3":
            more = _WINDOWS | {"head_dim": 12, "query_pre_attn_scalar": 20}
            kind, config = Gemma3ForCausalLM, Gemma3TextConfig(**(_COMMON | more | changes))
    config._attn_implementation = attention
    model = kind(config)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=draw)
            if "norm" in name:
                weight.copy_(weight + 0.2 * noise)
            else:
                weight.copy_(noise * (0.4 if weight.dim() == 1 else weight.shape[-1] ** -0.5))
    return model.to(dtype).eval()


def adapted(model, *, tokens=3, opened=True, name="default", **settings):
    """Return the model with an Aligner, its gates drawn unless ``opened`` is false."""
    model = get_peft_model(model, AlignerConfig(num_tokens=tokens, **settings), adapter_name=name)
    if opened:
        open_gates(model, name)
    return model


def open_gates(model, name="default", seed=7):
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if key.endswith(f"aligner_gate.{name}.weight"):
                weight.copy_(torch.randn(weight.shape, generator=draw))


def words(batch=2, length=9, seed=3):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(3, VOCABULARY, (batch, length), generator=draw)


def answered(model, tokens, **more):
    with torch.no_grad():
        return model(input_ids=tokens, **more).logits
