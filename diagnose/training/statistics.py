"""What a model thinks of the tokens it is to learn: the measurements that every training logs.

DFT weighs a token by its probability, so what it can learn is read off beforehand: the mean
probability, the share of targets below 0.1 (which it hardly moves) and above 0.9 (which it keeps).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from diagnose.training.encoding import IGNORE_INDEX, Encoded

LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True)
class Reference:
    """The base that divergences are taken from: a copy of its own, or the model without adapter."""

    model: Any
    copy: Any = None

    def logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the base's logits, without gradient."""
        if self.copy is not None:
            with torch.no_grad():
                return self.copy(**inputs).logits
        off: AbstractContextManager[Any] = self.model.disable_adapter()
        with torch.no_grad(), off:
            return self.model(**inputs).logits


def measured(
    model: Any, reference: Reference | None, encoded: Sequence[Encoded], pad: int, batch: int
) -> dict[str, float]:
    """Return what a model says of the target tokens, and how far it is from its base.

    Args:
        model: called in evaluation mode, and left as it was.
        reference: the base; None measures no divergence.
        encoded: conversations; of each one every target counts once.
        pad: the padding token.
        batch: conversations at once.

    Returns:
        ``tokens``, ``mean_token_probability``, ``share_below_0_1``, ``share_above_0_9``, ``nll``
        (nats a token) and, with a reference, ``kl_to_base``: KL(base || model), nats a token.
    """
    sums = torch.zeros(5, dtype=torch.float64)
    count, training = 0, model.training
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        for inputs, labels in _batches(encoded, pad, batch):
            placed = {key: value.to(device) for key, value in inputs.items()}
            chosen = (labels[:, 1:] != IGNORE_INDEX).to(device)
            target = labels[:, 1:].to(device)[chosen]
            said = _log_probs(model(**placed).logits[:, :-1][chosen])
            known = said.gather(-1, target[:, None])[:, 0].double()
            p = known.exp()
            apart = torch.zeros((), dtype=torch.float64)
            if reference is not None:
                base = _log_probs(reference.logits(placed)[:, :-1][chosen])
                apart = (base.exp() * (base - said)).sum().double()
            parts = [p.sum(), (p < LOW).sum(), (p > HIGH).sum(), -known.sum(), apart]
            sums += torch.stack([one.double().cpu() for one in parts])
            count += len(target)
    model.train(training)
    names = ("mean_token_probability", "share_below_0_1", "share_above_0_9", "nll", "kl_to_base")
    means = (sums / max(count, 1)).tolist()
    told: dict[str, float] = {"tokens": count, **dict(zip(names, means, strict=True))}
    if reference is None:
        del told["kl_to_base"]
    return told


def _log_probs(logits: Tensor) -> Tensor:
    return log_softmax(logits if logits.dtype == torch.float64 else logits.float(), dim=-1)


def _batches(
    encoded: Sequence[Encoded], pad: int, batch: int
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """Yield padded batches, those of a length together."""
    ordered = sorted(encoded, key=lambda one: len(one.input_ids))
    for first in range(0, len(ordered), batch):
        part = ordered[first : first + batch]
        width = max(len(one.input_ids) for one in part)
        ids = torch.full((len(part), width), pad)
        labels = torch.full((len(part), width), IGNORE_INDEX)
        mask = torch.zeros((len(part), width), dtype=torch.long)
        for row, one in enumerate(part):
            ids[row, : len(one.input_ids)] = torch.tensor(one.input_ids)
            labels[row, : len(one.labels)] = torch.tensor(one.labels)
            mask[row, : len(one.input_ids)] = 1
        yield {"input_ids": ids, "attention_mask": mask}, labels
