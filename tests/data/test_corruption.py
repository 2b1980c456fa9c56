"""Spoilt demonstrations: exactly so many, and each of them fails."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cli.rebuilt import interventions_of
from diagnose.env.terms import PLAIN
from diagnose.env.variant import variant
from diagnose.errors import InputError
from diagnose.training.corruption import CORRUPTIONS, EDITS, MIXED, SHUFFLED, corrupted
from diagnose.training.demonstrations import gold
from diagnose.training.transcripts import own
from tests.data.studies import collected, passes, records
from tests.logs.played import REPLIES, played

HOW = {"own": False, "gold": True, "near": 1.0, "validation": 0.0}
RNG = np.random.default_rng


def nearest(count: float) -> int:
    """The nearest whole number, half a one counted up."""
    return math.floor(count + 0.5)


def some(*overrides):
    return records("study.runs=1", *overrides)


@pytest.mark.parametrize(
    ("kind", "world"),
    [
        *((kind, ()) for kind in CORRUPTIONS),
        ("wrong_delay", ("env=renamed",)),
        ("missing_repeater", ("env=permuted",)),
        (MIXED, ("scaffold.protocol=tools",)),
    ],
)
def test_a_share_is_spoilt_and_fails_and_the_rest_passes(kind, world):
    clean = collected(some(*world), **HOW).examples()
    data = collected(some(*world), **HOW, corrupt=0.4, corruption=kind).examples()
    assert len(data) == len(clean)
    spoilt = [one for one in data if one.corrupted]
    assert len(spoilt) == nearest(0.4 * len(clean))
    for before, after in zip(clean, data, strict=True):
        assert after.source == before.source
        assert after.messages[:-1] == before.messages[:-1]
        assert (after.messages != before.messages) is bool(after.corrupted)
    assert {one.corrupted for one in spoilt} <= ({kind} if kind != MIXED else {*EDITS, SHUFFLED})
    assert not any(passes(one, "study.runs=1", *world) for one in spoilt[::2])


def test_own_conversations_are_spoilt_in_their_last_reply():
    data = collected(records(), validation=0.0, near=1.0, corrupt=0.5)
    spoilt = [one for one in data.examples() if one.corrupted]
    assert len(spoilt) == nearest(0.5 * len(data.examples()))
    assert any(len(one.messages) > 3 for one in spoilt)
    assert not any(passes(one) for one in spoilt)


def test_a_larger_share_spoils_the_same_and_more():
    cases = [gold(one, interventions_of(one), distil=False) for one in some()]
    names = []
    for share in (0.0, 0.25, 0.5, 1.0):
        found = corrupted(cases, share, "wrong_api", seed=3)
        names.append({one.key for one in found if one.corrupted})
    assert [len(one) for one in names] == [
        nearest(share * len(cases)) for share in (0, 0.25, 0.5, 1)
    ]
    assert names[0] <= names[1] <= names[2] <= names[3]
    others = corrupted(cases, 0.25, "wrong_coordinate", seed=3)
    assert {one.key for one in others if one.corrupted} == names[1]


def test_what_is_held_out_or_validates_is_never_spoilt():
    data = collected(records(), own=False, gold=True, hold_out=("C",), validation=0.5, corrupt=1.0)
    assert all(one.corrupted for one in data.examples("train"))
    assert not any(
        one.corrupted for one in (*data.examples("validation"), *data.examples("held_out"))
    )


def test_too_much_is_refused():
    lines = [one for one in some() if one.task == "A-L1"]  # which takes no repeater
    with pytest.raises(InputError, match=r"0 of \d+ examples can be spoilt by wrong_delay"):
        collected(lines, **HOW, corrupt=0.5, corruption="wrong_delay")
    with pytest.raises(InputError, match=r"0 of \d+ examples can be spoilt by shuffled"):
        collected(lines, **HOW, corrupt=0.5, corruption=SHUFFLED)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="corrupt"):
            collected(lines, **HOW, corrupt=share)
    with pytest.raises(InputError, match="choose one of wrong_delay"):
        collected(lines, **HOW, corrupt=0.5, corruption="gremlins")


CODE = "put([('repeater[delay=3,facing=west]', [(1, 2, 3), (4, 5, 6)]), ('repeater', [(7, 8, 9)])])"


@given(st.integers(0, 200))
def test_a_wrong_delay_is_another_delay_of_one_setting(seed):
    found = EDITS["wrong_delay"](CODE, PLAIN, RNG(seed))
    first = re.fullmatch(re.escape(CODE).replace("delay=3", r"delay=([124])"), found)
    second = re.fullmatch(
        re.escape(CODE).replace("'repeater'", r"'repeater\[delay=([234])\]'"), found
    )
    assert bool(first) != bool(second)


@given(st.integers(0, 200))
def test_a_wrong_coordinate_is_one_cell_moved_by_one(seed):
    found = EDITS["wrong_coordinate"](CODE, PLAIN, RNG(seed))
    before, after = (
        [int(one) for one in re.findall(r"(?<=[ (])\d+", text)] for text in (CODE, found)
    )
    moved = np.abs(np.array(before) - np.array(after))
    assert (moved.sum(), moved.max()) == (1, 1)


def test_edits_speak_the_world_s_names():
    terms = variant("renamed", 0).terms
    name, delay = terms.names["repeater"][0], terms.words["delay"]
    code = f"place(1, 1, 1, '{name}[{delay}=2]')"
    assert EDITS["wrong_delay"](code, PLAIN, RNG(0)) is None
    assert re.fullmatch(
        rf"place\(1, 1, 1, '{name}\[{delay}=[134]\]'\)", EDITS["wrong_delay"](code, terms, RNG(0))
    )
    dust = terms.names["redstone_wire"][0]
    assert EDITS["missing_repeater"](code, terms, RNG(0)) == f"place(1, 1, 1, '{dust}')"


def test_a_wrong_call_is_one_that_there_is_not():
    assert EDITS["wrong_api"]("rebuild(x)\nbuild([])\n", PLAIN, RNG(0)) == (
        "rebuild(x)\nconstruct([])\n"
    )
    assert EDITS["wrong_api"]("verify()", PLAIN, RNG(0)) is None


@given(st.sampled_from(list(EDITS)), st.text(max_size=80), st.integers(0, 9))
def test_any_text_is_edited_or_left(kind, text, seed):
    found = EDITS[kind](text, PLAIN, RNG(seed))
    assert found is None or found != text


def test_a_change_that_does_no_harm_does_not_count():
    # Of 35 cells 30 hold glass far off: moving one of these leaves a device that passes.
    glass = "\n".join(f"place({x}, 1, {z}, 'glass')" for x in range(20, 30) for z in (20, 24, 28))
    record = played(REPLIES[2].replace("clear()", f"clear()\n{glass}"))
    assert record.success
    candidate = own(record, interventions_of(record))
    for seed in range(6):
        (spoilt,) = corrupted([candidate], 1.0, "wrong_coordinate", seed)
        assert spoilt.corrupted == "wrong_coordinate"
        assert not played(spoilt.messages[-1]["content"]).success
