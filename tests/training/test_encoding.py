"""Conversations as tokens: what the assistant says is the target, by tags and by prefixes alike."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import ConfigError, InputError
from diagnose.training.encoding import IGNORE_INDEX, Encoded, encode, fitted, with_template
from tests.training.making import NUMBERS, WORDS

words = st.lists(st.sampled_from(WORDS + NUMBERS), min_size=1, max_size=4).map(" ".join)
turns = st.lists(st.tuples(words, words), min_size=1, max_size=4)


def chat(said):
    roles = ("user", "assistant")
    return [
        {"role": role, "content": text}
        for pair in said
        for role, text in zip(roles, pair, strict=True)
    ]


def untagged(tokenizer):
    other = copy.deepcopy(tokenizer)
    for tag in ("{% generation %}", "{% endgeneration %}"):
        other.chat_template = other.chat_template.replace(tag, "")
    return other


@given(said=turns)
def test_targets_are_the_assistant_s_words_and_the_ends_of_its_turns(tiny_tokenizer, said):
    """Counted by hand, in a template whose every word is a token."""
    wanted = []
    for question, answer in said:
        wanted += [IGNORE_INDEX] * (2 + len(question.split()) + 1 + 2)
        wanted += tiny_tokenizer.convert_tokens_to_ids([*answer.split(), "<|im_end|>"])
    found = encode(tiny_tokenizer, chat(said))
    assert list(found.labels) == wanted
    assert found.targets == sum(len(answer.split()) + 1 for _, answer in said)


@given(said=turns)
def test_a_template_without_tags_gives_the_same_by_prefixes(tiny_tokenizer, said):
    plain = untagged(tiny_tokenizer)
    assert "generation" not in plain.chat_template.replace("add_generation_prompt", "")
    assert encode(plain, chat(said)) == encode(tiny_tokenizer, chat(said))


def test_a_template_that_rewrites_earlier_messages_is_refused(tiny_tokenizer):
    other = untagged(tiny_tokenizer)
    other.chat_template = "{{ messages | length }} " + other.chat_template
    with pytest.raises(InputError, match="rewrites earlier messages"):
        encode(other, chat([("lamp", "on")]))


def test_a_template_that_fails_or_shows_no_answer_is_refused(tiny_tokenizer):
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{{ raise_exception('no such role') }}"
    with pytest.raises(InputError, match="no such role"):
        encode(other, chat([("lamp", "on")]))
    other.chat_template = "{% if false %}{% generation %}{% endgeneration %}{% endif %}lamp lamp"
    with pytest.raises(InputError, match="nothing that the assistant says"):
        encode(other, chat([("lamp", "on")]))


def test_a_tokeniser_gets_a_template_or_says_that_it_needs_one(tiny_tokenizer, tmp_path):
    bare = copy.deepcopy(tiny_tokenizer)
    bare.chat_template = None
    with pytest.raises(ConfigError, match="template=plain"):
        with_template(bare, "own")
    with pytest.raises(ConfigError, match="can be read"):
        with_template(bare, str(tmp_path / "none.jinja"))
    with_template(bare, "plain")
    shown = bare.apply_chat_template(chat([("lamp", "on")]), tokenize=False)
    assert shown == "### user\nlamp\n### assistant\non<|im_end|>\n"
    opened = bare.apply_chat_template(
        chat([("lamp", "on")])[:1], tokenize=False, add_generation_prompt=True
    )
    assert shown.startswith(opened)
    file = tmp_path / "own.jinja"
    file.write_text(tiny_tokenizer.chat_template)
    bare.pad_token = None
    with_template(bare, str(file))
    assert encode(bare, chat([("lamp", "on")])) == encode(tiny_tokenizer, chat([("lamp", "on")]))
    assert bare.pad_token == bare.eos_token


def test_only_what_fits_is_kept_and_what_is_cut_keeps_a_target():
    short = Encoded((1, 2, 3), (IGNORE_INDEX, 2, 3))
    long = Encoded((1, 2, 3, 4, 5), (IGNORE_INDEX, IGNORE_INDEX, 3, 4, 5))
    late = Encoded((1, 2, 3, 4, 5), (IGNORE_INDEX,) * 4 + (5,))
    every = [short, long, late]
    assert fitted(every, 5, "refuse", "data") == every
    with pytest.raises(InputError, match="2 of 3 longer than 3 tokens, the longest 5"):
        fitted(every, 3, "refuse", "data")
    assert fitted(every, 3, "drop", "data") == [short]
    cut = Encoded((1, 2, 3), (IGNORE_INDEX, IGNORE_INDEX, 3))
    assert fitted(every, 3, "truncate", "data") == [short, cut]
    with pytest.raises(InputError, match="all longer than 2 tokens"):
        fitted([late], 2, "truncate", "data")
