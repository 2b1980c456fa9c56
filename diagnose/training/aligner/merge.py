"""One token is a constant: merged, it is a bias of each layer's output projection.

The softmax over one token is one, so the term adds ``gate * V(P)`` to every position of every
sequence, and the output projection makes one vector of it.
"""

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from diagnose.errors import InputError


def mergeable(adapter: str, tokens: int) -> None:
    """Refuse an adapter of several tokens.

    Raises:
        InputError: Its term depends on the query, which no bias does.
    """
    if tokens != 1:
        remedy = (
            f"adapter {adapter!r} cannot be merged: only one token is a constant; keep the adapter "
            "beside the model (save_pretrained), or train one with num_tokens=1"
        )
        raise InputError("num_tokens", tokens, remedy)


def steering(module: Any, embedding: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    """Return what a layer's output projection makes of one token, in float64.

    Shape: (width,)

    Raises:
        InputError: The layer's projections are not plain linear layers of floating-point weights.
    """
    for projection in (module.v_proj, module.o_proj):
        if not isinstance(projection, nn.Linear) or not projection.weight.is_floating_point():
            remedy = "merging needs plain weights: load the model without quantisation"
            raise InputError("model", type(projection).__name__, remedy)
    with torch.no_grad():
        weight, bias = module.v_proj.weight, module.v_proj.bias
        token = embedding.to(weight.device).double()
        values = functional.linear(token, weight.double(), None if bias is None else bias.double())
        by_head = values.view(-1, module.head_dim).repeat_interleave(module.num_key_value_groups, 0)
        steered = (gate.to(weight.device).double()[:, None] * by_head).flatten()
        return module.o_proj.weight.double() @ steered.to(module.o_proj.weight.device)


def add_bias(projection: Any, added: torch.Tensor) -> None:
    """Add to a projection's bias, which is made if there is none."""
    weight = projection.weight
    before = 0.0 if projection.bias is None else projection.bias.detach().double()
    projection.bias = nn.Parameter((before + added).to(weight.dtype), requires_grad=False)


def declare(model: Any) -> None:
    """Have a merged model's configuration say that its attention has biases, all of it.

    Without this the file would hold the biases and the next ``from_pretrained`` would leave them
    out. Layers and projections that have none get zeros, as the configuration knows all or none.
    """
    config = model.config
    if not hasattr(config, "attention_bias"):
        warnings.warn(
            f"{config.model_type} has no bias in its output projection: the merged model is "
            "right as it stands, but from_pretrained would drop the biases of its saved weights. "
            "Keep the adapter to load it again.",
            stacklevel=4,
        )
        return
    for module in model.modules():
        if hasattr(module, "o_proj") and hasattr(module, "v_proj"):
            for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
                projection = getattr(module, name)
                if projection.bias is None:
                    zeros = torch.zeros(
                        projection.out_features,
                        dtype=projection.weight.dtype,
                        device=projection.weight.device,
                    )
                    projection.bias = nn.Parameter(zeros, requires_grad=False)
    config.attention_bias = True
