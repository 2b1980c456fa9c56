"""The objectives of supervised fine-tuning that reweight it, as formulas in torch.

With p_t the model's probability of target token t, sg() without gradient, and the sum over the
target tokens of a batch divided by their number:

    nll           -log p_t                           SFT
    dft           -sg(p_t) log p_t                   its gradient is that of -p_t
    dft_sequence  -sg(prod_s p_s) log p_t            the product over the tokens of the sequence
    dft_geometric -sg((prod_s p_s)^(1/n)) log p_t
    power         (1 - p_t^alpha) / alpha            alpha = 1: DFT's gradient; alpha -> 0: nll
    asft          dft + weight KL(base || model)     anchored

Production runs ``nll`` and ``dft`` through TRL's own loss; the tests hold both to these formulas.

Source: DFT and the weightings by sequence: arXiv 2508.05629. Power: the generalised cross-entropy
of arXiv 1805.07836, -p^alpha up to scale and a constant. ASFT: arXiv 2509.23753; the divergence is
taken from the base to the model, as the authors' code does (``kl_div(log model, base)``): what the
base says must stay likely, which is what an objective weighted by p gives up, and a token that the
base says and the model excludes is not tolerated.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from diagnose.training.encoding import IGNORE_INDEX


@dataclass(frozen=True)
class Targets:
    """The target tokens of a batch under a model.

    Shape: ``log_probs`` and ``mask`` (batch, length - 1), position t about token t + 1.
    """

    log_probs: Tensor  # zero where there is no target
    mask: Tensor  # where there is one


def targets(logits: Tensor, labels: Tensor) -> Targets:
    """Return the log-probabilities of labels under the logits one place before them.

    Half precision is raised to float32 first: a bfloat16 log-softmax has three digits.

    Args:
        logits: shape (batch, length, vocabulary).
        labels: shape (batch, length); ``IGNORE_INDEX`` where there is no target.
    """
    labels = labels[:, 1:]
    mask = labels != IGNORE_INDEX
    chosen = _log_softmax(logits[:, :-1]).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return Targets(chosen.masked_fill(~mask, 0), mask)


def per_token(objective: str, of: Targets, alpha: float = 1.0, kl: Tensor | None = None) -> Tensor:
    """Return an objective's loss by target token, zero where there is no target.

    Args:
        objective: one of the names above, or ``sft`` for ``nll``.
        of: what the model says of the targets.
        alpha: the exponent of ``power``; 0 is its limit.
        kl: of ``asft``: the divergence by token, weighted already (``divergence``).

    Shape: as ``of.log_probs``.

    Raises:
        ValueError: there is no such objective, or ``asft`` lacks its divergence.
    """
    log_probs = of.log_probs
    known = log_probs.detach()
    if objective in {"nll", "sft"}:
        return -log_probs
    if objective == "dft":
        return -log_probs * known.exp()
    if objective == "asft" and kl is not None:
        return -log_probs * known.exp() + kl.masked_fill(~of.mask, 0)
    if objective == "dft_sequence":
        return -log_probs * known.sum(-1, keepdim=True).exp()
    if objective == "dft_geometric":
        count = of.mask.sum(-1, keepdim=True).clamp(min=1)
        return -log_probs * (known.sum(-1, keepdim=True) / count).exp()
    if objective == "power":
        return -log_probs if alpha == 0 else -torch.expm1(alpha * log_probs) / alpha
    raise ValueError(f"no objective {objective} with what was given")


def reduced(losses: Tensor, mask: Tensor, count: Tensor | int | None = None) -> Tensor:
    """Return the sum of a batch's losses over the number of its targets, as TRL reduces them.

    Args:
        losses: by token, zero where there is no target.
        mask: where there is one.
        count: the targets of all batches whose gradients are accumulated (``num_items_in_batch``);
            of this batch alone unless given. Never less than 1: a batch without targets is zero.
    """
    number = mask.sum() if count is None else torch.as_tensor(count, device=losses.device)
    return losses.sum() / number.clamp(min=1)


def divergence(logits: Tensor, base_logits: Tensor) -> Tensor:
    """Return KL(base || model) at each place, in nats.

    Shape: that of the logits without their last axis.
    """
    base = _log_softmax(base_logits)
    return (base.exp() * (base - _log_softmax(logits))).sum(-1)


def loss(
    objective: str,
    logits: Tensor,
    labels: Tensor,
    count: Tensor | int | None = None,
    base_logits: Tensor | None = None,
    **options: Any,
) -> Tensor:
    """Return an objective's loss on a batch.

    Args:
        objective: see ``per_token``.
        logits: shape (batch, length, vocabulary).
        labels: shape (batch, length), not shifted.
        count: see ``reduced``.
        base_logits: of ``asft``, shaped as ``logits``; taken without gradient.
        options: ``alpha`` of ``power``, ``weight`` of ``asft``.

    Raises:
        ValueError: there is no such objective, or ``asft`` lacks the base's logits.
    """
    of = targets(logits, labels)
    kl = None
    if objective == "asft" and base_logits is not None:
        kl = options.pop("weight") * divergence(logits[:, :-1], base_logits[:, :-1].detach())
    return reduced(per_token(objective, of, kl=kl, **options), of.mask, count)


def _log_softmax(logits: Tensor) -> Tensor:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return log_softmax(wide, dim=-1)
