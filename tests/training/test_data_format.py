"""What ``diagnose collect`` writes is what datasets and TRL read."""

import pytest
from datasets import load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl import is_conversational, maybe_apply_chat_template

from diagnose.cli.rebuilt import interventions_of
from diagnose.training.collecting import Collection, collect
from tests.data.studies import records

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<call>{{ c.function.arguments.code }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer():
    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    made.chat_template = TEMPLATE
    return made


def read(folder, name, cache):
    return load_dataset(
        "json", data_files=str(folder / f"{name}.jsonl"), split="train", cache_dir=str(cache)
    )


@pytest.mark.parametrize("world", [(), ("scaffold.protocol=tools",)], ids=str)
def test_datasets_and_trl_take_the_lines(tmp_path, tokenizer, world):
    how = Collection(distil=True, pairs=True, gold=True, near=1.0)
    data = collect(records("study.runs=4", *world), interventions_of, how)
    data.write(tmp_path / "data")
    examples = read(tmp_path / "data", "examples", tmp_path / "cache")
    assert examples.num_rows == len(data.every_example)
    for row, example in zip(examples, data.every_example, strict=True):
        assert is_conversational(row)
        assert [one["content"] for one in row["messages"]] == [
            one["content"] for one in example.messages
        ]
        text = maybe_apply_chat_template(
            {"messages": row["messages"]}, tokenizer, **template_tools(example)
        )["text"]
        for message in example.messages:
            assert message["content"] in text
            for call in message.get("tool_calls", ()):
                assert f"<call>{call['function']['arguments']['code']}" in text
    pairs = read(tmp_path / "data", "pairs", tmp_path / "cache")
    assert pairs.num_rows == len(data.every_pair)
    for row, pair in zip(pairs, data.every_pair, strict=True):
        assert is_conversational(row)
        told = maybe_apply_chat_template(
            {name: row[name] for name in ("prompt", "chosen", "rejected")}, tokenizer
        )
        assert told["prompt"].endswith("<assistant>")
        assert pair.chosen[0]["content"] in told["chosen"]
        assert told["chosen"] != told["rejected"]


def template_tools(example):
    return {"tools": list(example.tools)} if example.tools else {}
