"""A small model in one GGUF file, written with llama.cpp's own package."""

from pathlib import Path

import torch
from gguf import MODEL_ARCH, GGUFWriter, get_tensor_name_map
from tokenizers import pre_tokenizers
from transformers import Qwen2Config, Qwen2ForCausalLM

SPECIAL = ("<|endoftext|>", "<s>", "<end>")  # the first: Qwen2's tokenizer has it always


def write_gguf(place: Path, template: str = "", layers: int = 2) -> Qwen2ForCausalLM:
    """Write a random model with a tokenizer of bytes, and return it."""
    letters = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "la"]
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(letters),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            initializer_range=0.15,
            tie_word_embeddings=False,
        )
    ).eval()
    writer = GGUFWriter(str(place), "qwen2")
    writer.add_context_length(2048)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_block_count(layers)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(letters)
    writer.add_token_types([3 if one in SPECIAL else 1 for one in letters])
    writer.add_token_merges(["l a"])
    writer.add_pad_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if template:
        writer.add_chat_template(template)
    names = get_tensor_name_map(MODEL_ARCH.QWEN2, layers)
    for name, tensor in model.state_dict().items():
        own = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert own is not None, name
        writer.add_tensor(own, tensor.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model
