"""What crosses to the host, and how values are shown."""

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import SubjectError
from diagnose.sandbox.values import MAX_INT, MAX_PARTS, MAX_TEXT, check_plain, shown

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def allowed(value) -> bool:
    """The rule, written the short recursive way."""
    if isinstance(value, dict):
        return all(allowed(key) and allowed(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(allowed, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -MAX_INT <= value <= MAX_INT


def accepted(value) -> bool:
    try:
        check_plain(value)
    except SubjectError:
        return False
    return True


@given(PLAIN)
def test_the_walk_follows_the_rule(value):
    assert accepted(value) == allowed(value)


@given(PLAIN.filter(allowed))
def test_small_plain_values_are_shown_as_python_writes_them(value):
    assert ast.literal_eval(shown(value, 10_000)) == value


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


def loop() -> list:
    value: list = [1]
    value.append(value)
    return value


def doubling(levels: int) -> list:
    value: list = [0]
    for _ in range(levels):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        [0] * (MAX_PARTS + 1),
        "a" * (MAX_TEXT + 1),
        10**5000,
        loop(),
        doubling(60),
        {1, 2},
        b"a",
        object(),
        1j,
        [[0] * 1000] * 100_000,
        float("nan"),
        [float("inf")],
        {"a": {2}},
        {(1, 1j): 0},
    ],
    ids=lambda value: type(value).__name__,
)
def test_hostile_values_are_refused_and_shown_short(value):
    with pytest.raises(SubjectError):
        check_plain(value)
    assert len(shown(value, 500)) <= 510


def test_depth_alone_is_no_harm():
    check_plain(deep(100_000))
    assert shown(deep(100_000), 100) == "[[[[[[...]]]]]]"


@given(PLAIN, st.integers(1, 60))
def test_shown_keeps_to_its_length(value, most):
    assert len(shown(value, most)) <= most + 3


def test_shown_tells_no_address():
    assert shown([object(), print], 100) == "[<object>, <builtin_function_or_method>]"
