"""The palette: every text is refused by name or becomes one canonical state."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.env.blocks import (
    AIR,
    CANONICAL_STATES,
    PALETTE,
    brief,
    is_full,
    name_of,
    parse_block,
    props_of,
    support_of,
)
from diagnose.errors import InputError


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("stone", "minecraft:stone"),
        ("minecraft:air", AIR),
        (
            "repeater[delay=2,facing=west]",
            "minecraft:repeater[delay=2,facing=west,locked=false,powered=false]",
        ),
        (
            "minecraft:repeater[ facing=west , powered=true ]",
            "minecraft:repeater[delay=1,facing=west,locked=false,powered=false]",
        ),
        (
            "redstone_wire[power=15,east=none]",
            "minecraft:redstone_wire[east=side,north=side,power=0,south=side,west=side]",
        ),
        ("redstone_torch[lit=false]", "minecraft:redstone_torch[lit=true]"),
        ("redstone_lamp[lit=true]", "minecraft:redstone_lamp[lit=false]"),
        ("stone_button", "minecraft:stone_button[face=wall,facing=north,powered=false]"),
        ("observer[]", "minecraft:observer[facing=south,powered=false]"),
    ],
)
def test_a_text_becomes_its_resting_state(text: str, state: str) -> None:
    assert parse_block(text) == state


def test_parsing_is_idempotent_over_every_state() -> None:
    # 1 of each plain block and dust, 16 repeaters, 8 comparators, 4 wall torches, 12 buttons,
    # 6 observers: the product of what a builder may choose.
    assert len(CANONICAL_STATES) == 8 + 16 + 8 + 4 + 12 + 6
    assert {parse_block(state) for state in CANONICAL_STATES} == CANONICAL_STATES


@pytest.mark.parametrize(
    ("text", "field", "received", "remedy"),
    [
        ("repeater[delay=9]", "repeater.delay", "9", "1, 2, 3, 4"),
        ("repeater[delay=02]", "repeater.delay", "02", "1, 2, 3, 4"),
        ("repeater[facing=up]", "repeater.facing", "up", "north"),
        ("repeater[speed=1]", "repeater property", "speed", "delay, facing"),
        ("repeater[delay]", "repeater property", "delay", "property=value"),
        ("repeater[delay=1,delay=2]", "repeater.delay", "2", "once"),
        ("stone[delay=1]", "stone property", "delay", "none"),
        ("lever", "block", "lever", "redstone_torch"),
        ("mod:stone", "block", "mod:stone", "write name"),
    ],
)
def test_a_refusal_names_field_value_and_remedy(
    text: str, field: str, received: str, remedy: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_block(text)
    assert (caught.value.field, caught.value.received) == (field, received)
    assert remedy in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        float("nan"),
        True,
        b"stone",
        ["stone"],
        {},
        "",
        "[]",
        "stone\x00",
        "stone\n",
        "ｓtone",
        "repeater[delay=２]",
        "stone[",
        "stone]",
        "stone[[]]",
        "STONE",
        "repeater[" + "delay=1," * 10_000 + "]",
        "minecraft:minecraft:stone",
    ],
)
def test_hostile_texts_are_refused(text: object) -> None:
    with pytest.raises(InputError):
        parse_block(text)


@given(
    st.one_of(
        st.text(max_size=60),
        st.builds(
            "{}[{}={}]".format,
            st.sampled_from([*PALETTE, "tnt"]),
            st.sampled_from(["delay", "facing", "face", "mode", "lit", "power", "x"]),
            st.sampled_from(["1", "4", "5", "north", "up", "wall", "subtract", "true", ""]),
        ),
    )
)
def test_any_text_is_canonical_or_refused(text: str) -> None:
    try:
        state = parse_block(text)
    except InputError:
        return
    assert state in CANONICAL_STATES
    assert name_of(state) == text.removeprefix("minecraft:").partition("[")[0]


def test_names_and_properties_are_read_back() -> None:
    state = parse_block("comparator[mode=subtract,facing=east]")
    assert name_of(state) == "comparator"
    assert props_of(state) == {"facing": "east", "mode": "subtract", "powered": "false"}


@pytest.mark.parametrize(
    ("text", "support"),
    [
        ("redstone_wire", (5, 1, 5)),
        ("repeater[facing=east]", (5, 1, 5)),
        ("comparator", (5, 1, 5)),
        ("redstone_torch", (5, 1, 5)),
        ("redstone_wall_torch[facing=east]", (4, 2, 5)),
        ("stone_button[face=floor,facing=west]", (5, 1, 5)),
        ("stone_button[face=ceiling,facing=west]", (5, 3, 5)),
        ("stone_button[face=wall,facing=west]", (6, 2, 5)),
        ("stone_button[face=wall,facing=north]", (5, 2, 6)),
        ("redstone_lamp", None),
        ("observer", None),
    ],
)
def test_what_a_block_hangs_on(text: str, support: tuple[int, int, int] | None) -> None:
    assert support_of((5, 2, 5), parse_block(text)) == support


def test_full_blocks_are_those_with_sturdy_faces() -> None:
    full = {name_of(state) for state in CANONICAL_STATES if is_full(state)}
    assert full == {"stone", "glass", "redstone_block", "target", "redstone_lamp", "observer"}


@pytest.mark.parametrize("state", sorted(CANONICAL_STATES))
def test_a_brief_state_says_enough_and_no_more(state):
    short = brief(state)
    assert parse_block(short) == state
    assert len(short) <= len(state)
    assert not any(word in short for word in ("power", "lit", "locked", "north=", "default"))
