"""Padding, caches and checkpointing change how a sequence is worked on, not what comes out."""

import copy

import pytest
import torch
from transformers import DynamicCache, StaticCache

from tests.training.aligner.tiny import adapted, answered, base, open_gates, words

LENGTHS = (5, 9, 7)


def padded(side):
    """Return three sequences of unequal length as one batch, and each by itself."""
    alone = [words(1, length, seed=length) for length in LENGTHS]
    batch = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.long)
    mask = torch.zeros_like(batch)
    for row, one in enumerate(alone):
        where = slice(-one.shape[1], None) if side == "left" else slice(0, one.shape[1])
        batch[row, where] = one[0]
        mask[row, where] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return alone, {"input_ids": batch, "attention_mask": mask, "position_ids": positions}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("tokens", [1, 3])
def test_padding_changes_nothing(family, side, tokens, attention):
    model = adapted(base(family, attention=attention), tokens=tokens)
    alone, batch = padded(side)
    with torch.no_grad():
        together = model(**batch).logits
    for row, one in enumerate(alone):
        there = together[row][batch["attention_mask"][row].bool()]
        assert torch.allclose(there, answered(model, one)[0], atol=2e-5)


@pytest.mark.parametrize("tokens", [1, 3])
def test_sdpa_and_eager_say_the_same(family, tokens):
    said = [
        answered(adapted(base(family, attention=attention), tokens=tokens), words())
        for attention in ("sdpa", "eager")
    ]
    assert torch.allclose(*said, atol=2e-5)


def test_the_attention_beneath_may_be_changed_later(family):
    model = adapted(base(family))
    before = answered(model, words())
    model.get_base_model().set_attn_implementation("eager")
    changed = answered(model, words(), output_attentions=True)
    assert torch.allclose(changed, before, atol=2e-5)


def test_attention_weights_are_those_over_words(family):
    model = adapted(base(family, attention="eager"))
    with torch.no_grad():
        weights = model(input_ids=words(), output_attentions=True).attentions
    assert len(weights) == 4
    for one in weights:
        assert torch.allclose(one.sum(-1), torch.ones(one.shape[:-1]))


@pytest.mark.parametrize("tokens", [1, 3])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"num_beams": 3},
        {"cache_implementation": "static"},
        {"do_sample": True, "top_k": 20},
    ],
    ids=["greedy", "beams", "static", "drawn"],
)
def test_generation_with_a_cache_is_generation_without(family, tokens, how):
    model = adapted(base(family), tokens=tokens)
    _, batch = padded("left")
    given = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    given |= {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False} | how
    bare = {name: value for name, value in given.items() if name != "cache_implementation"}
    torch.manual_seed(1)
    cached = model.generate(**given, use_cache=True)
    torch.manual_seed(1)
    assert torch.equal(cached, model.generate(**bare, use_cache=False))
    # It is the adapter that speaks: the base says something else.
    with model.disable_adapter():
        torch.manual_seed(1)
        assert not torch.equal(cached, model.generate(**given, use_cache=True))


def token_by_token(model, tokens, cache):
    with torch.no_grad():
        return torch.cat(
            [
                model(input_ids=tokens[:, at : at + 1], past_key_values=cache).logits
                for at in range(tokens.shape[1])
            ],
            dim=1,
        )


def test_logits_token_by_token_are_those_of_the_whole(family):
    model = adapted(base(family))
    cache = DynamicCache(config=model.config)
    whole = answered(model, words())
    assert torch.allclose(token_by_token(model, words(), cache), whole, atol=2e-5)


def test_a_cache_used_again_holds_no_prefix_of_before(family):
    model = adapted(base(family))
    cache = StaticCache(config=model.config, max_cache_len=16)
    token_by_token(model, words(), cache)
    open_gates(model, seed=8)
    cache.reset()
    again = token_by_token(model, words(), cache)
    assert torch.allclose(again, answered(model, words()), atol=2e-5)


def test_adapters_may_take_turns_over_one_cache(family):
    model = adapted(base(family))
    model.add_adapter("other", copy.deepcopy(model.peft_config["default"]))
    open_gates(model, "other", seed=8)
    cache = DynamicCache(config=model.config)
    with torch.no_grad():
        model(input_ids=words()[:, :4], past_key_values=cache)
        model.set_adapter("other")
        kept = copy.deepcopy(cache)
        turned = model(input_ids=words()[:, 4:5], past_key_values=cache).logits
        model.delete_adapter("default")
        alone = model(input_ids=words()[:, 4:5], past_key_values=kept).logits
    assert torch.equal(turned, alone)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("tokens", [1, 3])
def test_gradients_are_the_same_with_checkpoints(family, reentrant, tokens):
    def gradients(model):
        model.train()
        model(input_ids=words(), labels=words()).loss.backward()
        return {name: one.grad for name, one in model.named_parameters() if one.requires_grad}

    plain = gradients(adapted(base(family), tokens=tokens))
    model = base(family)
    model.activation_checkpointing_enable({"use_reentrant": reentrant})
    checkpointed = gradients(adapted(model, tokens=tokens))
    late = adapted(base(family), tokens=tokens)
    late.activation_checkpointing_enable({"use_reentrant": reentrant})
    late.enable_input_require_grads()
    assert model.is_activation_checkpointing
    assert late.is_activation_checkpointing
    for other in (checkpointed, gradients(late)):
        assert plain.keys() == other.keys()
        for name, gradient in plain.items():
            assert gradient.any()
            assert torch.allclose(gradient, other[name], rtol=1e-4, atol=1e-6)
