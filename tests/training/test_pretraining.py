"""A tokeniser and a model of a corpus: exact on text, and a lesson that is only in the prompt."""

import math

import pytest
import torch

from diagnose.training.scratch import pretraining, tokeniser

SIZE = pretraining.Size(width=32, layers=2, heads=2, context=64)


def talk(question, answer):
    return [
        {"role": "system", "content": "You say what you are told."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


@pytest.fixture(scope="module")
def lesson():
    talks = [talk(f"Say {word}, at {n}.", f"{word}!") for word in ("red", "blue") for n in range(9)]
    texts = [message["content"] for one in talks for message in one]
    return talks, tokeniser.trained(texts, 400, SIZE.context)


@pytest.mark.parametrize("text", ["place(13,1,16)\n", "ein Übel: 😀\t\n\n ```", "", "  a  b"])
def test_every_text_is_read_back(lesson, text):
    _, tokenizer = lesson
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_numbers_are_whole_and_a_reply_begins_where_it_should(lesson):
    talks, tokenizer = lesson
    one = pretraining.encoded(tokenizer, talks[0])
    assert tokenizer.decode(one.ids[one.reply :]) == "red!<|end|>"
    pieces = [tokenizer.decode([token]) for token in tokenizer("at 12.")["input_ids"]]
    assert "12" in pieces or {"1", "2"} <= set(pieces)


def test_the_loss_is_the_weighted_mean_by_hand(lesson):
    talks, tokenizer = lesson
    model = pretraining.made(tokenizer, SIZE, 0).eval()
    batch = [pretraining.encoded(tokenizer, one) for one in (talks[0], talks[12])]
    total = weight = 0.0
    with torch.inference_mode():
        for one in batch:
            logs = model(input_ids=torch.tensor([one.ids])).logits[0].log_softmax(-1)
            for at in range(1, len(one.ids)):
                own = (len(one.ids) - one.reply) ** -0.5 if at >= one.reply else 0.25
                total -= own * float(logs[at - 1, one.ids[at]])
                weight += own
        loss = float(pretraining.weighted_loss(model, batch, 0.25))
    assert math.isclose(loss, total / weight, rel_tol=1e-5)


def test_a_share_of_the_prompts_stands_for_all_of_them(lesson):
    talks, tokenizer = lesson
    model = pretraining.made(tokenizer, SIZE, 0).eval()
    batch = [pretraining.encoded(tokenizer, one) for one in (talks[0], talks[12])]
    with torch.inference_mode():
        whole = float(pretraining.weighted_loss(model, batch, 0.25))
        draws = torch.Generator().manual_seed(5)
        drawn = [
            float(pretraining.weighted_loss(model, batch, 0.25, 0.5, draws)) for _ in range(99)
        ]
        replies = float(pretraining.weighted_loss(model, batch, 0.0))
        alone = float(pretraining.weighted_loss(model, batch, 0.0, 0.5, draws))
    assert len(set(drawn)) > 9
    assert math.isclose(sum(drawn) / 99, whole, rel_tol=0.003)
    assert math.isclose(alone, replies, rel_tol=1e-6)
    assert not math.isclose(whole, replies, rel_tol=0.006)


def test_what_is_only_in_the_prompt_is_learnt_and_the_same_seed_gives_the_same_weights(lesson):
    talks, tokenizer = lesson
    examples = [pretraining.encoded(tokenizer, one) for one in talks]
    how = pretraining.Pretraining(SIZE, steps=60, batch_tokens=400, learning_rate=1e-2)
    models = []
    for _ in range(2):
        model = pretraining.made(tokenizer, SIZE, 3)
        pretraining.pretrained(model, examples, how, 3, say=lambda _: None)
        models.append(model)
    for name, one in models[0].state_dict().items():
        assert torch.equal(one, models[1].state_dict()[name])
    with torch.inference_mode():
        for example in examples:
            logits = models[0](input_ids=torch.tensor([example.ids])).logits[0]
            said = logits[example.reply - 1 : -1].argmax(-1).tolist()
            assert said == list(example.ids[example.reply :])
