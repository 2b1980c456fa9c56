"""TRL's supervised trainer with the objectives that TRL does not have."""

from typing import Any

import torch
from trl import SFTTrainer

from diagnose.training.objectives import Targets, divergence, per_token, reduced, targets
from diagnose.training.statistics import Reference


class WeightedTrainer(SFTTrainer):  # type: ignore[misc]  # untyped
    """Everything of ``SFTTrainer`` but the loss.

    Log-probabilities of the targets come from TRL's fused head, as for its own losses; only ASFT,
    whose divergence is over the whole vocabulary, asks the model and its base for logits.
    """

    def __init__(
        self, *arguments: Any, objective: str, options: dict[str, Any], **named: Any
    ) -> None:
        self.objective = objective
        self.options = options
        self.reference: Reference | None = None  # of asft; given once the model is wrapped
        super().__init__(*arguments, **named)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch, as a part of those that a step accumulates."""
        given = {**inputs, "use_cache": False}
        if self.objective == "asft":
            labels = given.pop("labels")
            outputs = model(**given)
            of = targets(outputs.logits, labels)
            if self.reference is None:
                raise RuntimeError("asft before its base was given")
            base = self.reference.logits(given)
            apart = divergence(outputs.logits[:, :-1][of.mask], base[:, :-1][of.mask])
            kl = torch.zeros_like(of.log_probs).masked_scatter(of.mask, apart)
            losses = per_token("asft", of, kl=self.options["weight"] * kl)
        else:
            outputs = model(**given, fused_lm_head=True)
            of = Targets(outputs.log_probs, outputs.label_mask)
            losses = per_token(self.objective, of, **self.options)
        loss = reduced(losses, of.mask, num_items_in_batch)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # ranks' gradients are averaged after
        return (loss, outputs) if return_outputs else loss
