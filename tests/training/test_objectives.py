"""The objectives against closed forms worked out by hand, in loss and in gradient."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diagnose.training import objectives

NAMES = ("nll", "dft", "dft_sequence", "dft_geometric", "power", "asft")


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def closed_form(name, logits, labels, alpha, weight, base):
    """Loss and gradient by logits, in numpy: d log p_y / dz = onehot(y) - p, times a factor."""
    total, gradient = 0.0, np.zeros_like(logits)
    count = int((labels[:, 1:] != -100).sum())
    for row in range(len(logits)):
        places = [t for t in range(1, labels.shape[1]) if labels[row, t] != -100]
        p = softmax(logits[row])
        chosen = [p[t - 1, labels[row, t]] for t in places]
        product = math.prod(chosen)
        for t, p_t in zip(places, chosen, strict=True):
            factor = {
                "nll": 1.0,
                "dft": p_t,
                "asft": p_t,
                "dft_sequence": product,
                "dft_geometric": product ** (1 / len(places)),
                "power": p_t**alpha,
            }[name]
            onehot = np.eye(logits.shape[-1])[labels[row, t]]
            gradient[row, t - 1] -= factor * (onehot - p[t - 1])
            if name == "power":
                total += (1 - p_t**alpha) / alpha if alpha else -math.log(p_t)
            else:
                total -= factor * math.log(p_t)
            if name == "asft":
                q = softmax(base[row, t - 1])
                total += weight * float((q * np.log(q / p[t - 1])).sum())
                gradient[row, t - 1] += weight * (p[t - 1] - q)  # d KL(q || p) / dz = p - q
    return total / max(count, 1), gradient / max(count, 1)


@st.composite
def batches(draw):
    rows, length, words = (draw(st.integers(*size)) for size in ((1, 3), (2, 6), (2, 7)))
    seed = draw(st.integers(0, 2**32 - 1))
    scale = draw(st.sampled_from([0.1, 1.0, 8.0]))
    generator = np.random.default_rng(seed)
    logits, base = (scale * generator.standard_normal((rows, length, words)) for _ in range(2))
    labels = generator.integers(0, words, (rows, length))
    labels[generator.random((rows, length)) < draw(st.sampled_from([0, 0.3, 1.0]))] = -100
    return logits, labels, base


@pytest.mark.parametrize("name", NAMES)
@given(batch=batches(), alpha=st.sampled_from([0, 1e-3, 0.5, 1, 2]), weight=st.floats(0, 2))
def test_loss_and_gradient_are_the_closed_form(name, batch, alpha, weight):
    logits, labels, base = batch
    options = {"power": {"alpha": alpha}, "asft": {"weight": weight}}.get(name, {})
    free = torch.tensor(logits, requires_grad=True)
    loss = objectives.loss(
        name, free, torch.tensor(labels), base_logits=torch.tensor(base), **options
    )
    loss.backward()
    wanted, gradient = closed_form(name, logits, labels, alpha, weight, base)
    assert loss.item() == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(free.grad.numpy(), gradient, rtol=0, atol=1e-9)


@given(batch=batches())
def test_dft_s_gradient_is_that_of_minus_p_and_power_s_limit_is_nll(batch):
    logits, labels, _ = batch

    def gradient(name, **options):
        free = torch.tensor(logits, requires_grad=True)
        objectives.loss(name, free, torch.tensor(labels), **options).backward()
        return free.grad

    torch.testing.assert_close(gradient("dft"), gradient("power", alpha=1.0), rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient("nll"), gradient("power", alpha=0), rtol=0, atol=0)
    torch.testing.assert_close(gradient("nll"), gradient("power", alpha=1e-9), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@given(batch=batches(), cut=st.integers(0, 3))
def test_accumulated_gradients_are_the_whole_batch_s(name, batch, cut):
    logits, labels, base = (torch.tensor(one) for one in batch)
    options = {"power": {"alpha": 0.5}, "asft": {"weight": 0.3}}.get(name, {})
    count = (labels[:, 1:] != -100).sum()

    def gradient(pieces):
        free = logits.clone().requires_grad_()
        for piece in pieces:
            objectives.loss(
                name, free[piece], labels[piece], count, base[piece], **options
            ).backward()
        return free.grad

    parts = [slice(None, cut), slice(cut, None)]
    pieces = [one for one in parts if len(logits[one])]
    torch.testing.assert_close(gradient(pieces), gradient([slice(None)]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_extreme_logits_stay_finite(name, dtype):
    logits = torch.tensor([[[0, 3e4], [-3e4, 0], [0.0, 0.0], [0, 0]]], dtype=dtype)
    labels = torch.tensor([[1, 0, 0, 1]])  # probabilities 0, 0 and one half
    free = logits.clone().requires_grad_()
    options = {"power": {"alpha": 0.5}, "asft": {"weight": 0.1}}.get(name, {})
    loss = objectives.loss(name, free, labels, base_logits=torch.zeros_like(logits), **options)
    loss.backward()
    assert loss.isfinite()
    assert free.grad.isfinite().all()
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    half = {"nll": 2e4 + math.log(2) / 3, "dft": math.log(2) / 6}.get(name)
    if half:
        assert loss.item() == pytest.approx(half, rel=2e-3)


def test_bfloat16_logits_lose_nothing_beyond_their_own_rounding():
    logits = torch.randn(4, 9, 50, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.randint(0, 50, (4, 9), generator=torch.Generator().manual_seed(1))
    for name in ("nll", "dft", "dft_sequence", "dft_geometric"):
        wide = objectives.loss(name, logits.double(), labels)
        assert objectives.loss(name, logits, labels).item() == pytest.approx(wide.item(), rel=1e-5)


def test_an_objective_unknown_or_without_its_base_is_refused():
    logits, labels = torch.zeros(1, 3, 4), torch.zeros(1, 3, dtype=torch.long)
    for name in ("ppo", "asft"):
        with pytest.raises(ValueError, match=f"no objective {name}"):
            objectives.loss(name, logits, labels)


@pytest.mark.parametrize("name", NAMES)
def test_padding_on_either_side_and_the_tokens_under_a_mask_change_nothing(name, tiny_model):
    model = tiny_model("llama", seed=3).double()
    other = tiny_model("llama", seed=4).double()
    tokens = torch.tensor([[5, 9, 14, 22, 8, 3, 17]])
    labels = tokens.clone()
    labels[:, :3] = -100
    options = {"power": {"alpha": 0.5}, "asft": {"weight": 0.3}}.get(name, {})

    def gradients(left, right, filler):
        inputs = torch.nn.functional.pad(tokens, (left, right), value=filler)
        mask = torch.nn.functional.pad(torch.ones_like(tokens), (left, right))
        given = {
            "input_ids": inputs,
            "attention_mask": mask,
            "position_ids": (mask.cumsum(-1) - 1).clamp(min=0),
        }
        padded = torch.nn.functional.pad(labels, (left, right), value=-100)
        model.zero_grad()
        with torch.no_grad():
            base = other(**given).logits
        loss = objectives.loss(name, model(**given).logits, padded, base_logits=base, **options)
        loss.backward()
        return loss.detach(), [one.grad.clone() for one in model.parameters()]

    plain = gradients(0, 0, 0)
    for left, right, filler in ((4, 0, 0), (0, 4, 0), (2, 3, 11)):
        torch.testing.assert_close(gradients(left, right, filler), plain, rtol=0, atol=1e-9)


def test_the_gradient_of_sft_is_a_policy_gradient_with_reward_one_over_the_policy():
    """arXiv 2508.05629, by exact enumeration of all sequences.

    With the demonstration y*: -grad log pi(y*) = -E_{y ~ pi}[1{y = y*} / pi(y) grad log pi(y)], and
    for a demonstrator q: the importance-weighted expectation over pi of q / pi grad log pi.
    DFT's per-token form takes the reward's 1/pi away: E[1{y_t = y*_t} grad log pi(y_t)], token by
    token.
    """
    words, horizon = 3, 3
    generator = torch.Generator().manual_seed(7)
    tree = {
        prefix: torch.randn(words, generator=generator, dtype=torch.float64).requires_grad_()
        for n in range(horizon)
        for prefix in itertools.product(range(words), repeat=n)
    }
    parameters = list(tree.values())
    sequences = list(itertools.product(range(words), repeat=horizon))

    def log_pi(y):
        return sum(torch.log_softmax(tree[y[:t]], -1)[y[t]] for t in range(horizon))

    def gradient(value):
        found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
        return torch.cat([torch.zeros(words) if one is None else one for one in found])

    scores = {y: gradient(log_pi(y)) for y in sequences}
    pi = {y: log_pi(y).exp().item() for y in sequences}
    assert sum(pi.values()) == pytest.approx(1, abs=1e-12)
    for star in sequences:
        policy = sum(pi[y] * ((y == star) / pi[y]) * scores[y] for y in sequences)
        torch.testing.assert_close(-policy, gradient(-log_pi(star)), rtol=0, atol=1e-12)
        logits = torch.stack([tree[star[:t]] for t in range(horizon)])[None]
        logits = torch.cat([logits, torch.zeros(1, 1, words)], 1)
        labels = torch.tensor([[0, *star]])
        by_token = torch.zeros_like(policy)
        for t in range(horizon):
            step = torch.log_softmax(tree[star[:t]], -1)
            for word in range(words):  # the reward is an indicator: nothing is divided by
                by_token += step[word].exp().item() * (word == star[t]) * gradient(step[word])
        dft = gradient(horizon * objectives.loss("dft", logits, labels))
        torch.testing.assert_close(-by_token, dft, rtol=0, atol=1e-12)
    weights = torch.rand(len(sequences), generator=generator, dtype=torch.float64)
    q = dict(zip(sequences, (weights / weights.sum()).tolist(), strict=True))
    supervised = gradient(-sum(q[y] * log_pi(y) for y in sequences))
    weighted = -sum(pi[y] * (q[y] / pi[y]) * scores[y] for y in sequences)
    torch.testing.assert_close(weighted, supervised, rtol=0, atol=1e-12)
