"""The attention itself: what a layer's heads read, plus what they read off the global tokens.

    y = SDPA(q, k, v) + gate * SDPA(q, K(P), V(P))

The second term has a softmax of its own, no mask, no position and no dropout. It comes in between a
layer's rotated queries and its output projection, which is where transformers calls an attention
function by name. An adapted layer's module sees its configuration through :class:`Named`, which
says this name and nothing else; the model's own configuration, and with it its masks, stay as they
were, and no state is kept outside a layer.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from diagnose.errors import InputError

IMPLEMENTATION = "aligner"
UNDER = ("sdpa", "eager")


class Named:
    """A configuration that names this module's attention and is another's in everything else."""

    _attn_implementation = IMPLEMENTATION

    def __init__(self, config: Any) -> None:
        self.config = config

    def __getattr__(self, name: str) -> Any:
        # While a copy or a pickle is made there is no configuration yet.
        if name == "config":
            raise AttributeError(name)
        return getattr(self.config, name)


@dataclass(frozen=True, eq=False)
class Prefix:
    """One adapter's tokens as one layer's heads see them.

    Attributes:
        keys: Of the tokens. Shape: (heads, tokens, head width). None for one token, whose weight
            in a softmax is one whatever the query.
        values: Of the tokens, times the heads' gates. Shape: (heads, tokens, head width).
    """

    keys: torch.Tensor | None
    values: torch.Tensor


def prefix(module: Any, embedding: torch.Tensor, gate: torch.Tensor) -> Prefix:
    """Return the tokens through a layer's frozen projections.

    The gates go into the values, which are few, instead of into what is read off them.

    Args:
        module: The layer's attention.
        embedding: Shape: (tokens, width).
        gate: Shape: (heads,).
    """
    weight = module.v_proj.weight
    dtype = weight.dtype if weight.is_floating_point() else embedding.dtype
    tokens = embedding.to(device=weight.device, dtype=dtype)
    by_head = (tokens.shape[0], -1, module.head_dim)
    groups = module.num_key_value_groups

    def heads(states: torch.Tensor) -> torch.Tensor:
        return states.transpose(0, 1).repeat_interleave(groups, dim=0)

    values = heads(module.v_proj(tokens).view(by_head)) * gate.to(weight.device)[:, None, None]
    if tokens.shape[0] == 1:
        return Prefix(None, values)
    keys = module.k_proj(tokens).view(by_head)
    if hasattr(module, "k_norm"):
        keys = module.k_norm(keys)
    return Prefix(heads(keys), values)


def steer(query: torch.Tensor, one: Prefix, scaling: float) -> torch.Tensor:
    """Return what the queries read off the tokens.

    Shape: (batch, length, heads, head width), or what broadcasts to it.
    """
    values = one.values.to(query.dtype)
    if one.keys is None:
        return values.transpose(0, 1)
    batch, heads, length, width = query.shape
    # One sequence of all queries: the tokens have no batch, and there is no mask to keep apart.
    flat = query.transpose(1, 2).reshape(1, batch * length, heads, width).transpose(1, 2)
    keys = one.keys.to(query.dtype)
    read = functional.scaled_dot_product_attention(flat, keys[None], values[None], scale=scaling)
    return read.transpose(1, 2).reshape(batch, length, heads, width)


def beneath(module: Any) -> Callable[..., tuple[torch.Tensor, torch.Tensor | None]]:
    """Return the attention that the model itself asked for.

    Raises:
        InputError: It is one that an Aligner was not tried on.
    """
    name = module.config.config._attn_implementation
    if name not in UNDER:
        raise InputError("attn_implementation", name, f"an Aligner needs {' or '.join(UNDER)}")
    eager = sys.modules[type(module).__module__].eager_attention_forward
    found: Callable[..., tuple[torch.Tensor, torch.Tensor | None]]
    found = ALL_ATTENTION_FUNCTIONS.get_interface(name, eager)
    return found


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    prefixes: tuple[Prefix, ...] = (),
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attend as the model would, and add what the tokens say; transformers' attention interface."""
    output, weights = beneath(module)(module, query, key, value, attention_mask, **kwargs)
    for one in prefixes:
        output = output + steer(query, one, kwargs["scaling"])
    return output, weights
