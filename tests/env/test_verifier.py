"""The common rules, each broken alone."""

from dataclasses import replace
from typing import Any

import pytest

from diagnose.env.engine import press
from diagnose.env.trace import Interval, Trace, Verdict
from diagnose.env.verifier import common_reasons
from tests.env.circuits import BUTTON, LAMP, SIDE, WIRE, circuit, line

_LAMPS = [(3, 1, z) for z in range(0, 12, 2)]
_ONE = circuit((0, 1, 0, BUTTON), *((*cell, LAMP) for cell in _LAMPS))
_GOOD = Trace(
    lamps=dict.fromkeys(_LAMPS, (Interval(0, 12),)),
    settled=True,
    lit_before=(),
    quiet=True,
    end_rt=32,
)


def test_a_good_press_has_no_reason_against_it() -> None:
    assert common_reasons(6, _ONE, _GOOD) == []
    real = line(WIRE, LAMP)
    assert common_reasons(1, real, press(real, SIDE)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settled": False}, "never comes to rest"),
        ({"quiet": False}, "still changing 32 rt"),
        ({"lit_before": ((3, 1, 0),)}, "lit before the press: [3, 1, 0]"),
        ({"lamps": {}}, "never lit: [3, 1, 0], [3, 1, 2], [3, 1, 4] and 3 more"),
        (
            {"lamps": dict.fromkeys(_LAMPS, (Interval(0, 12), Interval(20, 32)))},
            "more than once: [3, 1, 0] (lit 0..12, 20..32 rt)",
        ),
        (
            {"lamps": dict.fromkeys(_LAMPS, (Interval(4, None),))},
            "still lit when the watch ended: [3, 1, 0] (lit 4.. rt)",
        ),
    ],
)
def test_each_broken_rule_of_the_trace_is_one_reason(change: dict[str, Any], told: str) -> None:
    (reason,) = common_reasons(6, _ONE, replace(_GOOD, **change))
    assert told in reason


def test_lamps_are_counted() -> None:
    (reason,) = common_reasons(5, _ONE, _GOOD)
    assert "6 redstone lamps stand" in reason
    assert "exactly 5" in reason


@pytest.mark.parametrize("beside", [(4, 1, 0), (3, 2, 0), (3, 1, 1), (2, 1, 0)])
def test_touching_lamps_are_named(beside: tuple[int, int, int]) -> None:
    one = circuit((0, 1, 5, BUTTON), (3, 1, 0, LAMP), (*beside, LAMP))
    trace = replace(_GOOD, lamps=dict.fromkeys(one.cells(LAMP), (Interval(0, 12),)))
    (reason,) = common_reasons(2, one, trace)
    assert "face to face" in reason
    assert str(list(beside)) in reason


def test_a_second_button_is_named() -> None:
    one = circuit((0, 1, 0, BUTTON), (9, 1, 9, BUTTON), *((*cell, LAMP) for cell in _LAMPS))
    (reason,) = common_reasons(6, one, _GOOD)
    assert "[0, 1, 0], [9, 1, 9]" in reason


def test_a_verdict_needs_a_reason_exactly_when_it_fails() -> None:
    assert Verdict(True, ()).to_json() == {"passed": True, "reasons": []}
    for passed, reasons in ((True, ("why",)), (False, ())):
        with pytest.raises(ValueError, match="reason"):
            Verdict(passed, reasons)


def test_a_trace_tells_its_lamps_in_order() -> None:
    told = replace(_GOOD, lamps={(3, 1, 2): (), (3, 1, 0): (Interval(1, None),)}).to_json()
    assert told["lamps"] == [[3, 1, 0, [[1, None]]], [3, 1, 2, []]]
    assert (Interval(2, 9).lit_rt, Interval(2, None).lit_rt) == (7, None)
