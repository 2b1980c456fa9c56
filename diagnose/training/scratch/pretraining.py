"""Pretraining: a small Llama from random weights, on replies of a corpus, a little on the rest."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from diagnose.seeds import seed_of, stream

NOTHING = -100


@dataclass(frozen=True)
class Size:
    """Of the transformer."""

    width: int = 192
    layers: int = 4
    heads: int = 3
    context: int = 768


@dataclass(frozen=True)
class Pretraining:
    """How a model is trained from nothing."""

    size: Size = Size()
    steps: int = 1400
    batch_tokens: int = 2048  # padding included
    learning_rate: float = 4e-3
    warm_up: float = 0.05  # share of the steps
    weight_decay: float = 0.01
    prompt_weight: float = 0.02  # of a token that is no reply's, against a reply's; see padded
    prompt_share: float = 0.25  # of those tokens, drawn anew each time: the others cost no logits
    bfloat16: bool = True  # products of matrices; the weights stay as they are


@dataclass(frozen=True)
class Encoded:
    """One conversation: its tokens, and from where on they are the last reply's."""

    ids: tuple[int, ...]
    reply: int


def encoded(tokenizer: PreTrainedTokenizerFast, messages: Sequence[dict[str, str]]) -> Encoded:
    """Return a conversation that ends with a reply as tokens."""
    head = tokenizer.apply_chat_template(
        list(messages[:-1]), tokenize=False, add_generation_prompt=True
    )
    whole = tokenizer.apply_chat_template(list(messages), tokenize=False)
    first = tokenizer(head, add_special_tokens=False)["input_ids"]
    return Encoded(tuple(tokenizer(whole, add_special_tokens=False)["input_ids"]), len(first))


def made(tokenizer: PreTrainedTokenizerFast, size: Size, seed: int) -> LlamaForCausalLM:
    """Return a model with weights drawn by seed."""
    torch.manual_seed(seed_of(seed, "weights") % 2**63)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.width,
            intermediate_size=3 * size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            max_position_embeddings=size.context,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
            attn_implementation="eager",  # for so few tokens faster than the fused kernel
        )
    )


def pretrained(
    model: LlamaForCausalLM,
    examples: Sequence[Encoded],
    settings: Pretraining,
    seed: int,
    say: Callable[[str], None] = print,
) -> float:
    """Train a model; return the seconds that it took."""
    began = time.monotonic()
    optimizers = _optimizers(model, settings)
    draws = torch.Generator().manual_seed(seed_of(seed, "prompts") % 2**63)
    warm = max(1, round(settings.warm_up * settings.steps))
    model.train()
    feed = batches(examples, settings.batch_tokens, seed)
    for step in range(settings.steps):
        progress = max(0.0, (step - warm) / max(1, settings.steps - warm))
        rate = min(1.0, (step + 1) / warm) * (
            0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
        )
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * settings.learning_rate
        batch = next(feed)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            loss = weighted_loss(model, batch, settings.prompt_weight, settings.prompt_share, draws)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        model.zero_grad(set_to_none=True)
        if step % 50 == 0 or step + 1 == settings.steps:
            say(f"step {step} loss {loss.item():.3f} after {time.monotonic() - began:.0f} s")
    model.eval()
    return time.monotonic() - began


def _optimizers(model: LlamaForCausalLM, settings: Pretraining) -> list[torch.optim.Optimizer]:
    """Return Muon for the layers' matrices, and AdamW for the rest, at one learning rate.

    On this corpus Muon took half of the steps that AdamW takes alone.
    """
    inner = [one for one in model.model.layers.parameters() if one.ndim == 2]
    known = {id(one) for one in inner}
    rest = [one for one in model.parameters() if id(one) not in known]
    return [
        torch.optim.Muon(
            inner,
            settings.learning_rate,
            settings.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(
            rest,
            settings.learning_rate,
            (0.9, 0.98),
            weight_decay=settings.weight_decay,
            fused=True,
        ),
    ]


def batches(examples: Sequence[Encoded], tokens: int, seed: int) -> Iterator[list[Encoded]]:
    """Yield batches of alike lengths without end, in an order drawn by seed, epoch by epoch."""
    epoch = 0
    while True:
        rng = stream(seed, "batches", epoch)
        noise = rng.uniform(0.9, 1.1, len(examples))
        order = np.argsort([len(one.ids) * noise[n] for n, one in enumerate(examples)])
        formed: list[list[Encoded]] = [[]]
        longest = 0
        for index in order:
            one = examples[int(index)]
            longest = max(longest, len(one.ids))
            if formed[-1] and longest * (len(formed[-1]) + 1) > tokens:
                formed.append([])
                longest = len(one.ids)
            formed[-1].append(one)
        for index in rng.permutation(len(formed)):
            yield formed[int(index)]
        epoch += 1


def weighted_loss(
    model: LlamaForCausalLM,
    batch: Sequence[Encoded],
    prompt_weight: float,
    prompt_share: float = 1.0,
    draws: torch.Generator | None = None,
) -> torch.Tensor:
    """Return the mean loss of a batch, each token with its weight.

    Args:
        model: whose loss.
        batch: conversations.
        prompt_weight: of a token that is no reply's, against a reply's; see ``padded``.
        prompt_share: how many of those tokens count, each with its weight over this share.
        draws: which.
    """
    ids, weights = padded(batch, prompt_weight)
    # Pads come last: nothing before them sees them.
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    aims, weights = ids[:, 1:], weights[:, 1:].clamp(min=0)
    starts = torch.tensor([one.reply - 1 for one in batch])[:, None]
    prompts = torch.arange(aims.shape[1])[None] < starts
    if prompt_share < 1:
        left_out = prompts & (torch.rand(weights.shape, generator=draws) >= prompt_share)
        weights = torch.where(prompts, weights / prompt_share, weights).masked_fill(left_out, 0)
    told = weights > 0
    losses = cross_entropy(model.lm_head(hidden[told]).float(), aims[told], reduction="none")
    return (losses * weights[told]).sum() / weights.sum()


def padded(batch: Sequence[Encoded], prompt_weight: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens and weights, padded on the right with weight -1. Shape: batch, longest.

    A reply's tokens weigh one over the root of its length: a short one, which says what was found,
    is not lost beside a long one, which says where blocks stand.
    """
    longest = max(len(one.ids) for one in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    weights = torch.full((len(batch), longest), -1.0)
    for row, one in enumerate(batch):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        weights[row, : one.reply] = prompt_weight
        weights[row, one.reply : len(one.ids)] = (len(one.ids) - one.reply) ** -0.5
    return ids, weights
