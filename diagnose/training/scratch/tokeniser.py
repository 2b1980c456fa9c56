"""A tokeniser of a corpus: numbers whole, and everything between two of them in few pieces.

The host's texts are the same few sentences over and over, so byte pairs are merged across words up
to whole lines: a prompt of four hundred words takes about a hundred tokens, and training is short.
Bytes are the alphabet, so every text can be written and read back.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as Decoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

PAD, END = "<|pad|>", "<|end|>"
ROLES = ("system", "user", "assistant")
_PIECES = r"\d{1,2}|[^\d\n]*\n+|[^\d\n]+"
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% else %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def trained(
    texts: Iterable[str], vocabulary: int, context: int, whole: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """Return a tokeniser with a chat template, learnt from ``texts``.

    Args:
        texts: what messages say.
        vocabulary: how many tokens it may have; 256 bytes and five marks are always among them.
        context: tokens that its model can read.
        whole: sentences of which no token is part of something else.
    """
    tokenizer = Tokenizer(BPE())
    apart = [Split(Regex(re.escape(sentence)), "isolated") for sentence in whole]
    pieces = Split(Regex(_PIECES), "isolated")
    tokenizer.pre_tokenizer = InTurn(
        [*apart, pieces, ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = Decoder()
    marks = [PAD, END, *(f"<|{role}|>" for role in ROLES)]
    trainer = BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=marks,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        chat_template=TEMPLATE,
        model_max_length=context,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def loaded(folder: Path) -> PreTrainedTokenizerFast:
    """Return the tokeniser saved in ``folder``."""
    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
