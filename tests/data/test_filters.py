"""Duplicates, near duplicates, caps and limits."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import InputError
from diagnose.phrasing import tokens
from diagnose.training.dataset import SPLITS
from diagnose.training.filters import Limits, capped, distinct, shingles, similarity, unlike
from diagnose.training.messages import key_of
from diagnose.training.transcripts import Candidate
from tests.data.studies import collected, records
from tests.logs.played import played

RECORD = played()


def candidate(number: int, said: str, split="train", task="A-L1"):
    """A candidate whose last reply is ``said``."""
    record = replace(RECORD, episode_id=f"{number:020d}", task=task)
    messages = (
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": said},
    )
    return Candidate(record, "own", messages, (), {}, "", split)


SAID = st.lists(
    st.tuples(
        st.sampled_from(["place(1, 1, 1)", "place(1, 1, 1) ", "clear()", "x\n\ny", "x\ny"]),
        st.sampled_from(SPLITS),
    ),
    max_size=12,
)


@given(SAID, st.randoms(use_true_random=False))
def test_of_the_same_one_stays_and_training_goes_first(said, random):
    some = [candidate(number, *one) for number, one in enumerate(said)]
    kept, same = distinct(some)
    assert len(kept) + len(same) == len(some)
    texts = [key_of(one.messages) for one in kept]
    assert len(texts) == len(set(texts))
    assert set(texts) == {key_of(one.messages) for one in some}
    for one in kept:
        # Oracle: the split of a text is the first split, of the three, that any copy of it has.
        copies = {other.split for other in some if key_of(other.messages) == key_of(one.messages)}
        assert one.split == next(split for split in SPLITS if split in copies)
    assert distinct(kept) == (kept, [])
    random.shuffle(some)
    again, _ = distinct(some)
    assert {(key_of(one.messages), one.split) for one in again} == {
        (key_of(one.messages), one.split) for one in kept
    }


def test_white_space_alone_makes_no_other_text_and_indentation_does():
    texts = ["if x:\n    y()", "if x:  \n\n    y()\n", "if x:\n        y()", "if x: y()"]
    keys = [key_of(({"role": "assistant", "content": text},)) for text in texts]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_similarity_is_jaccard_s(one, other):
    sets = [frozenset((str(number),) for number in some) for some in (one, other)]
    union = sum(number in one or number in other for number in range(31))
    both = sum(number in one and number in other for number in range(31))
    assert similarity(*sets) == (both / union if union else 1.0)


def test_shingles_see_neither_comments_nor_layout():
    code = "for x in range(3):\n    place(x, 1, 2, 'stone')\nprint(verify())"
    laid_out = (
        "for x in range( 3 ): # three\n\n  place(x,1,2,'stone')   # here\n\nprint(verify())\n"
    )
    assert shingles(code) == shingles(laid_out)
    tokens_of = "for x in range ( 3 ) : place ( x , 1 , 2 , 'stone' ) print ( verify ( ) )".split()
    assert shingles(code) == {tuple(tokens_of[at : at + 5]) for at in range(len(tokens_of) - 4)}


@given(st.text(max_size=200))
def test_any_text_has_shingles(text):
    assert all(1 <= len(one) <= 5 for one in shingles(text))
    assert similarity(shingles(text), shingles(text)) == 1.0


def program(count: int, x: int = 3) -> str:
    lines = [f"place({number}, 1, 4, 'stone')" for number in range(count)]
    return "```python\n" + "\n".join([*lines, f"place({x}, 1, 9, 'glass')"]) + "\n```"


def test_programs_nearly_alike_count_as_one_for_one_prompt_and_task():
    first, near, other = program(40), program(40, x=5), program(20).replace("stone", "dirt")
    share = similarity(
        *(shingles(text.strip("`").removeprefix("python")) for text in (first, near))
    )
    assert 0.9 < share < 1
    some = [candidate(number, text) for number, text in enumerate((first, near, other))]
    kept, alike = unlike(some, share)
    assert (kept, alike) == ([some[0], some[2]], [some[1]])
    assert unlike(some, share + 1e-9) == (some, [])
    elsewhere = candidate(9, near, task="A-L2")
    assert unlike([some[0], elsewhere], share) == ([some[0], elsewhere], [])


@given(
    st.integers(0, 6), st.integers(0, 3), st.lists(st.sampled_from(["A-L1", "C-L1"]), max_size=12)
)
def test_a_cap_keeps_so_many_of_each_task_and_a_larger_one_more(per_task, seed, tasks):
    some = [candidate(number, str(number), task=task) for number, task in enumerate(tasks)]
    kept, spare = capped(some, per_task, seed)
    assert len(kept) + len(spare) == len(some)
    for task in set(tasks):
        count = tasks.count(task)
        assert sum(one.record.task == task for one in kept) == (
            min(per_task, count) if per_task else count
        )
    if per_task:
        more, _ = capped(some, per_task + 1, seed)
        assert {one.key for one in kept} <= {one.key for one in more}


def test_what_is_too_long_is_left_out_and_counted():
    whole = collected(records(), near=1.0)
    lengths = {
        one.source.episode_id: sum(tokens(message["content"]) for message in one.messages)
        for one in whole.examples()
    }
    most = sorted(lengths.values())[len(lengths) // 2]
    data = collected(records(), near=1.0, limits=Limits(tokens=most))
    short = {name for name, length in lengths.items() if length <= most}
    assert {one.source.episode_id for one in data.examples()} == short
    assert data.about["left_out"][f"it is longer than {most} tokens"] >= len(lengths) - len(short)
    with pytest.raises(InputError, match="it is longer than 10 characters"):
        collected(records(), limits=Limits(characters=10))


@pytest.mark.parametrize("limit", [-1, 1.5, True])
def test_a_limit_is_a_whole_number(limit):
    with pytest.raises(InputError, match="or more"):
        Limits(per_task=limit)
