"""Shams of a treatment: all that the treatment has but what it teaches."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from diagnose.errors import ConfigError, InputError
from diagnose.training.dataset import Dataset, Example, Pair, Source
from diagnose.training.material import material
from diagnose.training.placebo import permuted, turned
from diagnose.training.settings import TrainSettings
from diagnose.training.trainer import train
from diagnose.weights import applied_by
from tests.training.making import example, folder, pair, saved

SOURCE = Source("", "A-L1", "A", 1, 0, "", "corpus")


def conversation(n, turns):
    """Every text says whose it is and where it stood."""
    said = [{"role": "system", "content": f"system {n}"}]
    for turn in range(turns):
        said.append({"role": "user", "content": f"asked {n} {turn}"})
        said.append({"role": "assistant", "content": f"said {n} {turn}"})
    return Example(tuple(said), "train", SOURCE)


def replies(examples):
    return [m["content"] for one in examples for m in one.messages if m["role"] == "assistant"]


def others(examples):
    return [[m for m in one.messages if m["role"] != "assistant"] for one in examples]


@given(st.lists(st.integers(1, 4), min_size=2, max_size=12), st.integers(0, 999))
def test_each_reply_stands_once_and_never_where_it_stood(turns, seed):
    real = [conversation(n, count) for n, count in enumerate(turns)]
    sham = permuted(real, seed)
    assert Counter(replies(sham)) == Counter(replies(real))
    assert all(one != other for one, other in zip(replies(sham), replies(real), strict=True))
    assert others(sham) == others(real)
    assert sham == permuted(real, seed)
    assert [[m["role"] for m in one.messages] for one in sham] == [
        [m["role"] for m in one.messages] for one in real
    ]


def calling(n):
    function = {"name": "run", "arguments": {"code": f"code {n}"}}
    said = (
        {"role": "user", "content": f"asked {n}"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": f"id {n}", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": f"id {n}", "content": f"answer {n}"},
        {"role": "assistant", "content": f"said {n}"},
    )  # fmt: skip
    return Example(said, "train", SOURCE)


def test_calls_change_places_with_calls_and_bear_the_ids_that_are_answered():
    real = [calling(n) for n in range(5)]
    sham = permuted(real, 0)
    codes = []
    for n, one in enumerate(sham):
        (call,) = one.messages[1]["tool_calls"]
        assert call["id"] == one.messages[2]["tool_call_id"] == f"id {n}"
        codes.append(call["function"]["arguments"]["code"])
        assert codes[-1] != f"code {n}"
        assert "tool_calls" not in one.messages[3]
    assert sorted(codes) == [f"code {n}" for n in range(5)]
    with pytest.raises(InputError, match=r"placebo: received '1 of 3 replies.*--keep program"):
        permuted([calling(0), conversation(1, 1)], 0)


def test_what_cannot_be_permuted_is_refused():
    with pytest.raises(InputError, match="no other to change with"):
        permuted([conversation(0, 1)], 0)
    same = [replace(one, messages=(*one.messages[:2], {"role": "assistant", "content": "yes"}))
            for one in (conversation(0, 1), conversation(1, 1))]  # fmt: skip
    with pytest.raises(InputError, match="placebo=untrained"):
        permuted(same, 0)
    with pytest.raises(InputError, match="two or more"):
        turned([])


@given(st.integers(1, 30))
def test_of_an_even_number_of_pairs_neither_answer_is_preferred(half):
    chat = tuple({"role": "assistant", "content": text} for text in ("good", "bad"))
    asked = ({"role": "user", "content": "?"},)
    real = [Pair(asked, chat[:1], chat[1:], "train", SOURCE)] * (2 * half)
    found = Counter(one.chosen[0]["content"] for one in turned(real))
    assert found == {"good": half, "bad": half}


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_model, tiny_tokenizer):
    place = tmp_path_factory.mktemp("placebo")
    saved(tiny_model("llama", num_hidden_layers=3), tiny_tokenizer, place / "base")
    rows = [example(n) for n in range(20)] + [example(n, "validation") for n in range(20, 24)]
    folder(place / "data", rows, [pair(n) for n in range(8)])
    return place


def settings(home, out, **given):
    values = {"steps": 4, "batch_size": 4, "micro_batch_size": 4, "learning_rate": 1e-2}
    values |= {"device": "cpu", "measure_times": 0, "adapter": "aligner", "objective": "sft"}
    at = {"base": str(home / "base"), "data": str(home / "data"), "out": str(out)}
    return TrainSettings(**at, **{**values, **given})


def test_it_has_the_treatment_s_examples_tokens_steps_and_shape(home, tmp_path):
    real = train(settings(home, tmp_path / "real", examples=12))
    sham = train(settings(home, tmp_path / "sham", examples=12, placebo="permuted"))
    for name in ("examples", "tokens", "parameters", "objective", "adapter", "data_sha256"):
        assert getattr(sham, name) == getattr(real, name)
    assert (sham.examples, sham.settings["placebo"]) == (12, "permuted")
    logs = [
        [
            json.loads(line)
            for line in (tmp_path / name / "training_log.jsonl").read_text().splitlines()
        ]
        for name in ("real", "sham")
    ]
    assert [len([1 for line in log if "loss" in line]) for log in logs] == [4, 4]
    data = Dataset.read(home / "data")
    tokenizer = AutoTokenizer.from_pretrained(home / "base")
    shown = [
        material(data, tokenizer, settings(home, "out", examples=12, placebo=one), 256).train
        for one in ("none", "permuted")
    ]
    targets = [Counter(label for one in some for label in one.labels) for some in shown]
    assert targets[0] == targets[1]
    assert shown[0] != shown[1]
    assert sham.metrics["validation"]["before"] == real.metrics["validation"]["before"]
    assert applied_by("sham", str(tmp_path / "sham"))["examples"] == 12  # as a study's dose 9


def test_of_preferences_the_same_pairs_are_turned(home, tmp_path):
    made = train(settings(home, tmp_path / "out", objective="dpo", placebo="permuted"))
    assert made.examples == 8
    data, tokenizer = Dataset.read(home / "data"), AutoTokenizer.from_pretrained(home / "base")
    told = settings(home, "out", objective="dpo", placebo="permuted")
    pairs = material(data, tokenizer, told, 256).pairs
    right = {(one.prompt[0]["content"], one.chosen[0]["content"]) for one in data.pairs("train")}
    kept = [(one.prompt[0]["content"], one.chosen[0]["content"]) in right for one in pairs]
    assert kept == [True, False] * 4


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize("adapter", ["lora", "aligner", "llama_adapter"])
def test_untrained_it_is_the_base_under_an_adapter_of_the_treatment_s_shape(
    adapter, home, tmp_path
):
    out = tmp_path / "out"
    made = train(settings(home, out, adapter=adapter, placebo="untrained"))
    assert (made.examples, made.tokens, made.seconds) == (0, 0, 0.0)
    assert made.metrics["train"]["after"] == made.metrics["train"]["before"]
    assert applied_by("sham", str(out))["parameters"] == made.parameters > 0
    words = {"input_ids": torch.tensor([[5, 6, 7, 8]])}
    base = AutoModelForCausalLM.from_pretrained(home / "base")
    before = base(**words).logits
    assert (PeftModel.from_pretrained(base, out)(**words).logits == before).all()


def test_another_word_is_refused_and_a_treatment_s_folder_is_no_sham_s(home, tmp_path):
    with pytest.raises(ConfigError, match="choose one of none, untrained, permuted"):
        settings(home, tmp_path, placebo="sugar")
    train(settings(home, tmp_path / "out", steps=1))
    with pytest.raises(ConfigError, match="other settings"):
        train(settings(home, tmp_path / "out", steps=1, placebo="untrained"))
    told = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert "placebo" not in told  # a folder of before there were placebos is gone on with
