"""What the tests of training share: no network, one thread, tiny models and a tiny tokeniser."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from typing import Any

import pytest

SPECIAL = ("<pad>", "<unk>", "<|im_start|>", "<|im_end|>")
WORDS = (
    *"system user assistant lamp dust repeater comparator button torch lever place".split(),
    *"connect press the a on off is to of and light lit at tick delay set".split(),
    *"run hint note sketch answer yes no".split(),
    *"zero one two three four five six seven eight nine left right up down north south".split(),
    *"0123456789",
    *". , : ; ( ) [ ] { } = + - * / < >".split(),
)
# With generation tags, as chat templates of today have them: what an assistant says is a target,
# and so is the token that ends its turn.
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|> ' + message['role'] + ' ' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + ' <|im_end|>' }}{% endgeneration %}{{ ' ' }}"
    "{% else %}{{ message['content'] + ' <|im_end|> ' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
)
ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3")


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Any:
    """Words apart by spaces, about eighty of them, with a chat template in the ChatML form."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate((*SPECIAL, *WORDS))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        padding_side="right",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@pytest.fixture(scope="session")
def tiny_model(tiny_tokenizer: Any) -> Callable[..., Any]:
    """``tiny_model("llama", seed=0, num_hidden_layers=2, ...)``: a new model, the same each time.

    Two layers of width 32, four query heads on two key and value heads, head width 8, a context of
    256; whatever the architecture's configuration takes may be given by name.
    """
    import torch
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

    classes = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
        "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM),
    }

    def build(architecture: str = "llama", seed: int = 0, **given: Any) -> Any:
        configuration, model = classes[architecture]
        values: dict[str, Any] = {
            "vocab_size": len(tiny_tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 256,
            "pad_token_id": tiny_tokenizer.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tiny_tokenizer.eos_token_id,
            "tie_word_embeddings": architecture == "gemma3",
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built = model(configuration(**{**values, **given}))
        return built.eval()

    return build


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    """Each architecture in turn."""
    return str(request.param)
