"""What PEFT promises of an adapter: saved and loaded, several at once, switched, off, gone."""

import copy
import io
import multiprocessing
import pickle

import peft
import pytest
import torch
from peft import PeftConfig, PeftModel, get_peft_model
from peft.utils.peft_types import PeftType
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from diagnose.errors import ConfigError, InputError
from diagnose.training.aligner import AlignerConfig, AlignerModel
from diagnose.training.aligner.registration import member, register
from tests.training.aligner.tiny import WIDTH, adapted, answered, base, open_gates, words


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("safe", [True, False])
def test_saved_and_loaded_it_is_the_same_to_the_bit(family, tmp_path, safe, low):
    model = adapted(base(family))
    before = answered(model, words())
    model.save_pretrained(tmp_path, safe_serialization=safe)
    assert isinstance(PeftConfig.from_pretrained(tmp_path), AlignerConfig)
    again = PeftModel.from_pretrained(base(family), tmp_path, low_cpu_mem_usage=low)
    assert torch.equal(answered(again, words()), before)
    assert again.peft_config["default"].num_tokens == 3
    assert not any(weight.requires_grad for weight in again.parameters())
    trainable = PeftModel.from_pretrained(base(family), tmp_path, is_trainable=True)
    wanted = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert wanted == {name for name, weight in trainable.named_parameters() if weight.requires_grad}


def test_the_file_holds_the_tokens_once_and_a_gate_a_layer(tmp_path):
    adapted(base("llama")).save_pretrained(tmp_path)
    held = load_file(tmp_path / "adapter_model.safetensors")
    assert {name: tuple(one.shape) for name, one in held.items()} == {
        "base_model.aligner_embedding.weight": (3, WIDTH),
        "base_model.model.model.layers.2.self_attn.aligner_gate.weight": (4,),
        "base_model.model.model.layers.3.self_attn.aligner_gate.weight": (4,),
    }


def test_several_adapters_are_switched_saved_and_deleted(family, tmp_path):
    model = adapted(base(family))
    first = answered(model, words())
    model.add_adapter("second", AlignerConfig(num_tokens=1, first_layer=1, seed=4))
    open_gates(model, "second", seed=8)
    assert torch.equal(answered(model, words()), first)
    alone = adapted(base(family), tokens=1, opened=False, first_layer=1, seed=4)
    open_gates(alone, seed=8)
    second = answered(alone, words())
    model.set_adapter("second")
    assert torch.equal(answered(model, words()), second)
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trained) == 4
    assert all(name.endswith(".second.weight") for name in trained)
    model.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(base(family), tmp_path)
    again.load_adapter(tmp_path / "second", "another")
    assert torch.equal(answered(again, words()), first)
    again.set_adapter("another")
    assert torch.equal(answered(again, words()), second)
    with pytest.warns(UserWarning, match="default is now"):
        model.delete_adapter("second")
    assert torch.equal(answered(model, words()), first)
    assert not any("second" in name for name in model.state_dict())


def test_two_in_use_at_once_add_up_in_each_layer():
    model = adapted(base("llama"), first_layer=3)
    model.add_adapter("second", AlignerConfig(num_tokens=2, first_layer=3, seed=4))
    open_gates(model, "second", seed=8)
    layer = model.base_model.model.model.layers[3].self_attn
    heard = []
    layer.register_forward_hook(lambda *given: heard.append(given[2][0]))
    for names in (["default"], ["second"], ["default", "second"]):
        model.base_model.set_adapter(names)
        answered(model, words())
    with model.disable_adapter():
        answered(model, words())
    first, second, both, none = heard
    assert torch.allclose(both - none, (first - none) + (second - none), atol=1e-5)


def test_off_it_is_the_base_to_the_bit_and_on_again_itself(family):
    model = base(family)
    before = answered(model, words())
    model = adapted(model)
    steered = answered(model, words())
    assert not torch.allclose(steered, before, atol=1e-2)
    wanted = {name for name, weight in model.named_parameters() if weight.requires_grad}
    with model.disable_adapter():
        assert torch.equal(answered(model, words()), before)
        assert not any(weight.requires_grad for weight in model.parameters())
    assert torch.equal(answered(model, words()), steered)
    assert {name for name, weight in model.named_parameters() if weight.requires_grad} == wanted


def test_unloaded_the_base_is_what_it_was(family):
    model = base(family)
    before, config, keys = answered(model, words()), model.config.to_dict(), set(model.state_dict())
    kinds = [type(module) for module in model.modules()]
    bare = adapted(model).unload()
    assert bare is model
    assert torch.equal(answered(bare, words()), before)
    assert bare.config.to_dict() == config
    assert set(bare.state_dict()) == keys
    assert [type(module) for module in bare.modules()] == kinds
    assert all(
        module.config is model.config for module in bare.modules() if hasattr(module, "q_proj")
    )


def test_models_know_nothing_of_one_another():
    one, bare = base("llama"), base("llama", seed=2)
    # Two models may even share one configuration object.
    for module in bare.modules():
        if hasattr(module, "config"):
            module.config = one.config
    before = answered(bare, words())
    one = adapted(one)
    other = adapted(base("llama"), tokens=2)
    said = answered(one, words())
    with other.disable_adapter():
        assert torch.equal(answered(one, words()), said)
    assert torch.equal(answered(bare, words()), before)
    assert not torch.equal(answered(other, words()), said)
    assert one.config._attn_implementation == "sdpa"


def test_one_configuration_serves_models_of_several_sizes():
    config = AlignerConfig()
    small = get_peft_model(base("llama"), config)
    wide = get_peft_model(base("llama", hidden_size=48, num_hidden_layers=3), config)
    assert config.hidden_size is None
    assert small.peft_config["default"].hidden_size == 32
    assert wide.peft_config["default"].hidden_size == 48


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch"])
def test_a_copy_is_whole_and_apart(family, how):
    model = adapted(base(family))
    before = answered(model, words())
    match how:
        case "deepcopy":
            twin = copy.deepcopy(model)
        case "pickle":
            twin = pickle.loads(pickle.dumps(model))
        case "torch":
            held = io.BytesIO()
            torch.save(model, held)
            held.seek(0)
            twin = torch.load(held, weights_only=False)
    open_gates(model, seed=8)
    with torch.no_grad():
        model.base_model.aligner_embedding["default"].weight.zero_()
    assert torch.equal(answered(twin, words()), before)
    assert not torch.equal(answered(model, words()), before)
    # The copy's layers read the copy's tokens.
    with torch.no_grad():
        twin.base_model.aligner_embedding["default"].weight.zero_()
    assert not torch.equal(answered(twin, words()), before)


def _in_a_worker(pickled, tokens, out):
    torch.set_num_threads(1)
    out.put(answered(pickle.loads(pickled), tokens).numpy())


@pytest.mark.slow
def test_a_worker_takes_a_model_by_pickle():
    model = adapted(base("qwen3"))
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    worker = context.Process(target=_in_a_worker, args=(pickle.dumps(model), words(), out))
    worker.start()
    there = torch.from_numpy(out.get(timeout=600))
    worker.join()
    assert torch.allclose(there, answered(model, words()), atol=1e-5)


def test_peft_knows_the_method_as_one_of_its_own():
    assert member() is PeftType("ALIGNER") is PeftType.ALIGNER
    assert list(PeftType).count("ALIGNER") == 1
    assert pickle.loads(pickle.dumps(PeftType.ALIGNER)) is PeftType.ALIGNER
    register()
    assert peft.mapping.PEFT_TYPE_TO_TUNER_MAPPING["ALIGNER"] is AlignerModel
    assert PeftType.LORA in list(PeftType)


def test_a_second_package_of_the_name_is_refused(monkeypatch):
    monkeypatch.setitem(peft.mapping.PEFT_TYPE_TO_TUNER_MAPPING, member(), PeftModel)
    with pytest.raises(ConfigError, match="two packages"):
        register()


@pytest.mark.parametrize(
    ("changes", "field", "received"),
    [
        ({"hidden_size": 48}, "hidden_size", 32),
        ({"num_hidden_layers": 5}, "num_layers", 4),
        ({"num_attention_heads": 8}, "num_heads", 4),
    ],
)
def test_an_adapter_for_another_model_is_refused_untouched(tmp_path, changes, field, received):
    adapted(base("llama")).save_pretrained(tmp_path)
    other = base("llama", **changes)
    before = [type(module) for module in other.modules()]
    with pytest.raises(InputError, match="made for") as refused:
        PeftModel.from_pretrained(other, tmp_path)
    assert (refused.value.field, refused.value.received) == (field, received)
    assert [type(module) for module in other.modules()] == before


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"num_tokens": 0}, "num_tokens"),
        ({"num_tokens": "many"}, "num_tokens"),
        ({"num_tokens": True}, "num_tokens"),
        ({"first_layer": -1}, "first_layer"),
        ({"seed": 0.5}, "seed"),
        ({"num_heads": 0}, "num_heads"),
    ],
)
def test_a_configuration_is_of_counts(settings, field):
    with pytest.raises(InputError, match="whole number") as refused:
        AlignerConfig(**settings)
    assert refused.value.field == field


def test_what_cannot_be_adapted_is_refused():
    tiny = GPT2Config(n_layer=3, n_embd=8, n_head=2, vocab_size=11)
    with pytest.raises(InputError, match="llama, qwen2, qwen3, gemma3_text"):
        get_peft_model(GPT2LMHeadModel(tiny), AlignerConfig())
    with pytest.raises(InputError, match="4 layers") as refused:
        get_peft_model(base("llama"), AlignerConfig(first_layer=4))
    assert refused.value.field == "first_layer"


def test_an_attention_it_was_not_tried_on_is_refused():
    model = adapted(base("llama"))
    model.get_base_model().config._attn_implementation = "flash_attention_2"
    with pytest.raises(InputError, match="sdpa or eager"):
        model.base_model.model.model.layers[2].self_attn(
            torch.zeros(1, 2, WIDTH), position_embeddings=(torch.ones(1, 2, 8),) * 2
        )


@pytest.mark.parametrize("fault", ["missing", "extra", "shape", "tokens"])
def test_a_file_that_does_not_hold_the_adapter_is_refused(tmp_path, fault):
    adapted(base("llama")).save_pretrained(tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    held = load_file(file)
    gate = "base_model.model.model.layers.3.self_attn.aligner_gate.weight"
    match fault:
        case "missing":
            named = "base_model.model.model.layers.3.self_attn.aligner_gate.default.weight"
            del held[gate]
        case "extra":
            named = "base_model.model.model.layers.1.self_attn.aligner_gate.weight"
            held[named] = held[gate].clone()
        case "shape":
            named = "base_model.model.model.layers.3.self_attn.aligner_gate.default.weight"
            held[gate] = torch.zeros(5)
        case "tokens":
            named = "base_model.aligner_embedding.default.weight"
            held["base_model.aligner_embedding.weight"] = torch.zeros(2, WIDTH)
    save_file(held, file)
    with pytest.raises(InputError) as refused:
        PeftModel.from_pretrained(base("llama"), tmp_path)
    assert named in (refused.value.field, *refused.value.received)
