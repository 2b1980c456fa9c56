"""Models of the language: a base, its treatments, and what they then answer."""

import math
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.claims.world import PAD, VOCABULARY, WIDTH, Lines
from diagnose.training import objectives

BATCH = 32


def fresh(seed: int, width: int = 48, layers: int = 4) -> LlamaForCausalLM:
    """Return an untrained model: about 100 thousand parameters at width 48."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=WIDTH,
            tie_word_embeddings=True,
            pad_token_id=PAD,
        )
    )


def batch(lines: Lines) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens, and labels: those of the answers."""
    tokens = torch.from_numpy(lines.tokens)
    kept = torch.from_numpy(lines.answer)
    return tokens, tokens.masked_fill(~kept, objectives.IGNORE_INDEX)


def _rate(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of a step: a tenth of warm-up, then a cosine, as DFT's authors."""
    warm = max(1, steps // 10)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _optimised(model: Any, rate: float, steps: int) -> Any:
    trained = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0, fused=True)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, steps, rate)
        yield step
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()


def pretrained(model: Any, draw: Any, steps: int, rate: float = 2e-3) -> None:
    """Train a base on what ``draw(count)`` gives, a fresh batch each step."""
    model.train()
    for _ in _optimised(model, rate, steps):
        tokens, labels = batch(draw(BATCH))
        objectives.loss("nll", model(tokens).logits, labels).backward()


def treated(
    model: Any,
    lines: Lines,
    objective: str,
    rate: float,
    steps: int,
    draws: np.random.Generator,
    weight: float = 0.1,
) -> None:
    """Train a model on demonstrations by an objective, epoch by epoch in drawn orders.

    Args:
        model: what is trained, an adapter's parameters alone where it has one.
        lines: the demonstrations.
        objective: a name of ``diagnose.training.objectives``.
        rate: the highest learning rate.
        steps: of 32 lines each.
        draws: the order.
        weight: of ``asft``'s anchor.
    """
    base: list[torch.Tensor] = []
    tokens, labels = batch(lines)
    model.eval()  # nothing here drops out; the flag is for what PEFT does
    if objective == "asft":
        with torch.no_grad():
            base = [model(part).logits for part in tokens.split(512)]
    anchors = torch.cat(base) if base else None
    order: list[int] = []
    for _ in _optimised(model, rate, steps):
        if len(order) < BATCH:
            order += draws.permutation(len(lines)).tolist()
        chosen, order = order[:BATCH], order[BATCH:]
        extra: dict[str, Any] = {}
        if anchors is not None:
            extra = {"base_logits": anchors[chosen], "weight": weight}
        logits = model(tokens[chosen]).logits
        objectives.loss(objective, logits, labels[chosen], **extra).backward()


def log_probabilities(model: Any, lines: Lines) -> torch.Tensor:
    """Return the log-probability of each line's answer. Shape: (lines,)."""
    tokens, labels = batch(lines)
    return objectives.targets(model(tokens).logits, labels).log_probs.sum(-1)


def preferred(
    model: Any,
    chosen: Lines,
    rejected: Lines,
    rate: float,
    steps: int,
    draws: np.random.Generator,
    beta: float = 0.1,
) -> None:
    """Train a model by direct preference optimisation on pairs of answers.

    -log sigmoid(beta (log pi(c)/pi0(c) - log pi(r)/pi0(r))), pi0 the model before.

    Source: arXiv 2305.18290.
    """
    with torch.no_grad():
        before = log_probabilities(model, chosen) - log_probabilities(model, rejected)
    order: list[int] = []
    for _ in _optimised(model, rate, steps):
        if len(order) < BATCH:
            order += draws.permutation(len(chosen)).tolist()
        now, order = order[:BATCH], order[BATCH:]
        rows = np.array(now)
        margin = log_probabilities(model, chosen.take(rows))
        margin = margin - log_probabilities(model, rejected.take(rows)) - before[now]
        (-torch.nn.functional.logsigmoid(beta * margin)).mean().backward()


@torch.no_grad()
def exact(model: Any, lines: Lines) -> float:
    """Return the share of lines whose whole answer is the most likely one, token by token.

    A greedy answer equals the line's exactly if each token is the likeliest after those before it,
    so no generation is needed.
    """
    tokens, labels = batch(lines)
    likeliest = model(tokens).logits.argmax(-1)[:, :-1]
    wanted = labels[:, 1:]
    right = (likeliest == wanted) | (wanted == objectives.IGNORE_INDEX)
    return float(right.all(-1).double().mean())


@torch.no_grad()
def first_probability(model: Any, lines: Lines) -> float:
    """Return the mean probability of the first token of the lines' answers."""
    tokens, labels = batch(lines)
    of = objectives.targets(model(tokens).logits, labels)
    first = of.mask.int().argmax(-1, keepdim=True)
    return float(of.log_probs.gather(-1, first).exp().mean())
