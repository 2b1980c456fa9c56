"""The cases are what they say they are, and the engines do with them what is on record."""

import pytest

from diagnose.env import mchprs
from diagnose.env.blocks import PALETTE, name_of
from diagnose.env.engine import press, press_fresh
from diagnose.env.trace import Interval, Trace
from diagnose.fidelity.case import AREA_SIDE, Case, told
from diagnose.fidelity.cases import CASES
from diagnose.fidelity.classes import turned
from diagnose.fidelity.conformance import run

_DEPARTS = {
    "torch burnout",
    "torch burnout without delay",
    "observer of a lamp",
    "side from a strongly powered block",
    "side from a weakly powered block",
    "side from a torch",
    "side from a button",
}


def _name(case: Case) -> str:
    return case.name


def test_the_cases_cover_the_palette_and_each_has_a_source() -> None:
    used = {name_of(state) for case in CASES for state in case.circuit.blocks.values()}
    assert used == set(PALETTE) - {"air"}
    assert len({case.name for case in CASES}) == len(CASES) >= 60
    for case in CASES:
        assert case.shows.endswith("."), case.name
        assert case.source.startswith(("Minecraft Wiki, ", "vanilla ")), case.name
        assert bool(case.departs) == bool(case.why) == (case.name in _DEPARTS), case.name
        assert set(case.expected) == set(case.circuit.cells("redstone_lamp")), case.name


@pytest.mark.parametrize("case", CASES, ids=_name)
@pytest.mark.parametrize("judge", [press, press_fresh], ids=["standing", "fresh"])
def test_the_judge_does_what_is_on_record(case, judge):
    trace = judge(case.circuit, AREA_SIDE, watch_rt=case.watch_rt)
    assert told(trace) == case.judged


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_the_compass_makes_no_difference_to_a_case(case):
    """The rules of the game are the same to all four winds, and in the mirror."""
    wanted = sorted(case.judged.values())
    for quarters in range(4):
        for mirrored in (False, True):
            there = turned(case.circuit, AREA_SIDE, quarters, mirrored=mirrored)
            trace = press(there, AREA_SIDE, watch_rt=case.watch_rt)
            assert sorted(told(trace).values()) == wanted, (quarters, mirrored)


def test_the_second_engine_parts_only_for_known_causes() -> None:
    outcomes = run(CASES)
    assert all(one.as_known for one in outcomes)
    parted = {one.case.name: one.cause for one in outcomes if one.cause}
    assert set(parted.values()) == {
        "observer",
        "torch on a lamp",
        "side of a comparator",
        "never settles",
    }
    for one in outcomes:
        holds = name_holds(one.case, "observer")
        assert (one.cause == "observer") <= holds
        # Where it knows every part, and none feeds itself, it does what the game does.
        if not holds and not one.cause:
            assert one.mchprs == one.case.expected, one.case.name


def name_holds(case: Case, name: str) -> bool:
    return bool(case.circuit.cells(name))


def test_the_notation_tells_every_kind_of_interval() -> None:
    trace = Trace(
        lamps={
            (0, 1, 0): (),
            (1, 1, 0): (Interval(0, 3), Interval(11, None)),
            (2, 1, 0): (Interval(0, 12),),
            (3, 1, 0): (Interval(0, None),),
        },
        settled=True,
        lit_before=((1, 1, 0), (3, 1, 0)),
        quiet=True,
        end_rt=20,
    )
    assert list(told(trace).values()) == ["", "on..3 11..", "0..12", "on.."]


def test_a_mistaken_drawing_is_refused() -> None:
    from diagnose.errors import InputError

    floating = Case("floating", "", ("b.", ".-"), {}, "")
    with pytest.raises(InputError, match="put a full block"):
        _ = floating.circuit


def test_four_quarters_are_a_whole_turn() -> None:
    for case in CASES[::7]:
        one = case.circuit
        again = one
        for _ in range(4):
            again = turned(again, AREA_SIDE, 1, mirrored=False)
        assert again == one
        assert turned(again, AREA_SIDE, 4, mirrored=False) == one
        mirrored = turned(one, AREA_SIDE, 0, mirrored=True)
        assert turned(mirrored, AREA_SIDE, 0, mirrored=True) == one


def test_mchprs_is_run_as_the_page_says() -> None:
    (one,) = run(CASES[:1])
    case = CASES[0]
    assert one.mchprs == told(mchprs.press(case.circuit, AREA_SIDE, watch_rt=case.watch_rt))
