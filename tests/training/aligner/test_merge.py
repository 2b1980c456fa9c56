"""One token is a constant, so a merged model says what the adapted one did; more are none."""

import warnings

import pytest
import torch
from transformers import AutoModelForCausalLM

from diagnose.errors import InputError
from diagnose.training.aligner import AlignerConfig
from tests.training.aligner.tiny import adapted, answered, base, open_gates, words


def merged(model, family, **how):
    if family != "qwen2":
        return model.merge_and_unload(**how)
    with pytest.warns(UserWarning, match="no bias in its output projection"):
        return model.merge_and_unload(**how)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("safe", [False, True])
def test_merged_it_says_the_same(family, attention, safe):
    model = adapted(base(family, attention=attention, dtype=torch.float64), tokens=1)
    before = answered(model, words())
    alone = merged(model, family, safe_merge=safe)
    assert not any("aligner" in name for name in alone.state_dict())
    difference = (answered(alone, words()) - before).abs().max()
    # Norms and eager attention calculate in float32 whatever the model is in.
    assert difference < 2e-5


def test_merged_in_float64_an_attention_is_exact(family):
    model = adapted(base(family, dtype=torch.float64), tokens=1)
    layers = model.base_model.model.model.layers
    x = torch.randn(2, 6, 32, generator=torch.Generator().manual_seed(2)).double()
    where = torch.ones(1, 6, layers[0].self_attn.head_dim).double()
    given = {"hidden_states": x, "position_embeddings": (where, 0 * where), "attention_mask": None}
    with torch.no_grad():
        before = [layers[at].self_attn(**given)[0] for at in (2, 3)]
        alone = merged(model, family).model.layers
        after = [alone[at].self_attn(**given)[0] for at in (2, 3)]
    for one, other in zip(before, after, strict=True):
        assert (one - other).abs().max() < 1e-13


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_merged_in_other_precisions_it_is_the_same_to_rounding(family, dtype):
    model = adapted(base(family, dtype=dtype), tokens=1)
    before = answered(model, words()).double()
    after = answered(merged(model, family), words()).double()
    # Relative to the spread of the logits, some roundings of this type.
    assert (after - before).abs().max() < 30 * torch.finfo(dtype).eps * before.std()


def test_a_merged_model_is_saved_and_loaded_by_transformers_alone(family, tmp_path):
    if family == "qwen2":  # its configuration has no word for the bias: it warns, tested above
        return
    model = merged(adapted(base(family), tokens=1), family)
    model.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.config.attention_bias
    assert torch.equal(answered(again, words()), answered(model, words()))


def test_a_bias_that_was_there_is_added_to():
    model = base("llama", attention_bias=True)
    assert model.model.layers[2].self_attn.o_proj.bias.any()
    model = adapted(model, tokens=1)
    before = answered(model, words())
    assert torch.allclose(answered(model.merge_and_unload(), words()), before, atol=2e-5)


@pytest.mark.parametrize("biased", [False, True])
def test_merged_in_place_it_can_be_taken_back_to_the_bit(biased):
    model = base("llama", attention_bias=biased)
    bare = answered(model, words())
    keys = set(model.state_dict())
    model = adapted(model, tokens=1)
    steered = answered(model, words())
    model.merge_adapter(safe_merge=True)
    assert torch.allclose(answered(model, words()), steered, atol=2e-5)
    with pytest.warns(UserWarning, match="already merged"):
        model.merge_adapter()
    model.unmerge_adapter()
    assert torch.equal(answered(model, words()), steered)
    model.merge_adapter()
    with model.disable_adapter():
        assert torch.equal(answered(model, words()), bare)
    assert torch.equal(answered(model, words()), steered)
    model.merge_adapter()
    alone = model.unload()
    assert torch.equal(answered(alone, words()), bare)
    assert set(alone.state_dict()) == keys


def test_two_merged_are_two_in_use():
    model = adapted(base("llama"), tokens=1)
    model.add_adapter("second", AlignerConfig(first_layer=1, seed=4))
    open_gates(model, "second", seed=8)
    model.base_model.set_adapter(["default", "second"])
    before = answered(model, words())
    alone = model.merge_and_unload(adapter_names=["default", "second"])
    assert torch.allclose(answered(alone, words()), before, atol=2e-5)


@pytest.mark.parametrize("how", ["merge_and_unload", "merge_adapter"])
def test_more_tokens_are_refused_and_nothing_is_changed(how):
    model = adapted(base("llama"), tokens=2)
    model.add_adapter("one", AlignerConfig())
    before = answered(model, words())
    for names in (None, ["one", "default"]):
        with pytest.raises(InputError, match="only one token") as refused:
            getattr(model, how)(adapter_names=names)
        assert (refused.value.field, refused.value.received) == ("num_tokens", 2)
    with pytest.raises(InputError, match="the model has default, one"):
        getattr(model, how)(adapter_names=["three"])
    assert torch.equal(answered(model, words()), before)


def test_weights_that_are_not_finite_are_refused_by_a_safe_merge():
    model = adapted(base("llama"), tokens=1)
    with torch.no_grad():
        model.base_model.aligner_embedding["default"].weight[0, 0] = torch.inf
    with pytest.raises(InputError, match="not finite"):
        model.merge_and_unload(safe_merge=True)
