"""Before the first step: nothing is changed, gates alone learn, and parameters are as published."""

import pytest
import torch
from peft import get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from analysis.published.treatments import load_facts
from analysis.published.treatments.derived import tokens
from diagnose.training.aligner import AlignerConfig
from tests.training.aligner.tiny import HEADS, LAYERS, WIDTH, adapted, answered, base, words


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens", [1, 10])
def test_at_step_zero_the_output_is_the_base_s_to_the_bit(family, dtype, attention, tokens):
    model = base(family, dtype=dtype, attention=attention)
    before = answered(model, words())
    model = adapted(model, tokens=tokens, opened=False)
    assert torch.equal(answered(model, words()), before)


def test_at_step_zero_only_gates_receive_a_gradient(family):
    model = adapted(base(family), opened=False)
    model(input_ids=words(), labels=words()).loss.backward()
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    gates = [weight for name, weight in trained.items() if "aligner_gate" in name]
    (embedding,) = (weight for name, weight in trained.items() if "aligner_embedding" in name)
    assert len(trained) == len(gates) + 1 == LAYERS - 2 + 1
    assert not embedding.grad.any()
    assert all(gate.shape == (HEADS,) and gate.grad.all() for gate in gates)


def test_tokens_start_standard_normal_and_by_their_seed_alone():
    def start(**settings):
        torch.manual_seed(len(settings))
        model = adapted(base("llama", hidden_size=256), tokens=40, opened=False, **settings)
        return model.base_model.aligner_embedding["default"].weight.detach()

    one = start()
    assert torch.equal(one, start(seed=0))
    assert not torch.equal(one, start(seed=1))
    # 10,240 draws: five standard errors.
    assert abs(one.mean()) < 5 / one.numel() ** 0.5
    assert abs(one.var() - 1) < 5 * (2 / one.numel()) ** 0.5


PUBLISHED = {
    tokens(row.method): int(row.value)
    for row in load_facts().itertuples()
    if row.metric == "trained parameters"
}


@pytest.mark.parametrize("number", [1, 10, 100, 300])
def test_a_llama_7b_has_as_many_parameters_as_published(number):
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig())
    model = get_peft_model(model, AlignerConfig(num_tokens=number))
    trained, every = model.get_nb_trainable_parameters()
    assert trained == PUBLISHED[number] == number * 4096 + (32 - 2) * 32
    assert every - trained == 6_738_415_616


@pytest.mark.parametrize("first", [0, 3])
def test_the_count_is_the_formula(family, first):
    model = adapted(base(family), tokens=5, first_layer=first)
    assert model.get_nb_trainable_parameters()[0] == 5 * WIDTH + (LAYERS - first) * HEADS


def test_an_adapter_stays_in_float32_on_a_half_precision_base(family):
    model = adapted(base(family, dtype=torch.bfloat16))
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    assert {weight.dtype for weight in trained} == {torch.float32}
    output = model(input_ids=words(), labels=words())
    assert output.logits.dtype == torch.bfloat16
    output.loss.backward()
    assert all(weight.grad.dtype == torch.float32 and weight.grad.any() for weight in trained)


def test_it_moves_with_its_model(family):
    model = adapted(base(family))
    before = answered(model, words())
    model.to(torch.float64)
    assert {weight.dtype for weight in model.parameters()} == {torch.float64}
    assert torch.allclose(answered(model, words()), before.double(), atol=1e-4)
    model.to(torch.float32)
    assert torch.equal(answered(model, words()), before)
    model.to("meta")
    assert {weight.device.type for weight in model.parameters()} == {"meta"}
    assert model(input_ids=words().to("meta")).logits.shape == before.shape
