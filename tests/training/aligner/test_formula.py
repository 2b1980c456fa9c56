"""One layer against the formula, written out anew in numpy, one position and one head at a time."""

import numpy as np
import pytest
import torch

from diagnose.training.aligner.layer import AlignerLayer
from tests.training.aligner.tiny import LAYERS, WIDTH, WINDOW, adapted, base

LENGTH = 7


def array(tensor):
    return tensor.detach().double().numpy()


def linear(projection, x):
    y = x @ array(projection.weight).T
    return y if projection.bias is None else y + array(projection.bias)


def normed(norm, x, family):
    """Gemma's norm weights are written from one."""
    scale = array(norm.weight) + (1 if family == "gemma3" else 0)
    epsilon = norm.eps if family == "gemma3" else norm.variance_epsilon
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * scale


class Exact(torch.nn.Module):
    def __init__(self, norm, family):
        super().__init__()
        self.scale = norm.weight.detach() + (1 if family == "gemma3" else 0)

    def forward(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * self.scale


def softmax(scores):
    weights = np.exp(scores - max(scores))
    return weights / weights.sum()


def rotated(x, cos, sin):
    half = len(x) // 2
    return x * cos + np.concatenate([-x[half:], x[:half]]) * sin


def by_hand(layer, family, window, x, cos, sin, embedding, gate):
    """Return one attention's output for one sequence; the slow way."""
    attention = layer.base_layer
    width = attention.head_dim
    heads, groups = attention.config.num_attention_heads, attention.config.num_key_value_heads
    scale = (20 if family == "gemma3" else width) ** -0.5

    def split(y):
        return y.reshape(len(y), -1, width)

    q, k, v = (split(linear(getattr(attention, f"{name}_proj"), x)) for name in "qkv")
    prefix_k = split(linear(attention.k_proj, embedding))
    prefix_v = split(linear(attention.v_proj, embedding))
    if family in ("qwen3", "gemma3"):
        q = normed(attention.q_norm, q, family)
        k = normed(attention.k_norm, k, family)
        prefix_k = normed(attention.k_norm, prefix_k, family)
    output = np.zeros((len(x), heads, width))
    for at in range(len(x)):
        first = max(0, at - window + 1) if window else 0
        for head in range(heads):
            group = head // (heads // groups)
            query = rotated(q[at, head], cos[at], sin[at])
            seen = range(first, at + 1)
            scores = [scale * query @ rotated(k[i, group], cos[i], sin[i]) for i in seen]
            own = sum(w * v[i, group] for w, i in zip(softmax(scores), seen, strict=True))
            scores = [scale * query @ one for one in prefix_k[:, group]]
            told = sum(w * one for w, one in zip(softmax(scores), prefix_v[:, group], strict=True))
            output[at, head] = own + gate[head] * told
    return linear(attention.o_proj, output.reshape(len(x), -1))


def masked(window):
    at = torch.arange(LENGTH)
    seen = at[:, None] >= at
    if window:
        seen &= at[:, None] - at < window
    return seen


def setting(family, tokens, at, attention="sdpa"):
    model = adapted(base(family, attention=attention), tokens=tokens).double()
    layer = model.base_model.model.model.layers[at].self_attn
    assert isinstance(layer, AlignerLayer)
    windowed = family != "llama" and at % 2 == 1
    draw = torch.Generator().manual_seed(11)
    x = torch.randn(1, LENGTH, WIDTH, generator=draw, dtype=torch.float64)
    angle = torch.outer(torch.arange(LENGTH), 0.3 ** torch.arange(layer.base_layer.head_dim // 2))
    angle = torch.cat([angle, angle], -1).double()
    mask = masked(WINDOW if windowed else 0)[None, None]
    if attention == "eager":
        mask = torch.zeros(mask.shape).double().masked_fill(~mask, -1e30)
    given = {
        "hidden_states": x,
        "position_embeddings": (angle.cos()[None], angle.sin()[None]),
        "attention_mask": mask,
    }
    return model, layer, given, WINDOW if windowed else 0


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("tokens", [1, 3])
@pytest.mark.parametrize("at", [2, LAYERS - 1])
def test_a_layer_is_the_formula(family, tokens, at, attention):
    model, layer, given, window = setting(family, tokens, at, attention)
    embedding = model.base_model.aligner_embedding["default"].weight
    gate = layer.aligner_gate["default"].weight
    cos, sin = (array(one[0]) for one in given["position_embeddings"])
    with torch.no_grad():
        output, _ = layer(**given)
    expected = by_hand(
        layer,
        family,
        window,
        array(given["hidden_states"][0]),
        cos,
        sin,
        array(embedding),
        array(gate),
    )
    # Eager attention takes its softmax, and these families their norms, in float32.
    single = attention == "eager" or family in ("qwen3", "gemma3")
    tolerance = 1e-6 if single else 1e-12
    assert np.abs(output[0].numpy() - expected).max() < tolerance
    # The tokens do count: without them the layer says something else.
    layer.enable_adapters(enabled=False)
    with torch.no_grad():
        assert np.abs(layer(**given)[0][0].numpy() - expected).max() > 0.01


@pytest.mark.parametrize("tokens", [1, 2])
def test_the_gradients_are_the_finite_differences(family, tokens):
    model, layer, given, _ = setting(family, tokens, 3)
    if family in ("qwen3", "gemma3"):
        # The families' own norms calculate in float32, too coarse for differences.
        for name in ("q_norm", "k_norm"):
            setattr(layer.base_layer, name, Exact(getattr(layer.base_layer, name), family))
    embedding = model.base_model.aligner_embedding["default"].weight
    gate = layer.aligner_gate["default"].weight
    weights = torch.randn(LENGTH, WIDTH, generator=torch.Generator().manual_seed(5)).double()

    def value(*_):
        return (layer(**given)[0][0] * weights).sum()

    assert torch.autograd.gradcheck(value, (embedding, gate), eps=1e-6, atol=1e-7, rtol=1e-5)
