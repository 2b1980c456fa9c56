"""The random circuits, their classes, and the committed page."""

import re
from pathlib import Path

import pytest

from diagnose.cli import main
from diagnose.env import engine, mchprs
from diagnose.env.blocks import CANONICAL_STATES
from diagnose.env.circuit import Circuit
from diagnose.env.trace import Interval
from diagnose.fidelity import page
from diagnose.fidelity.cases import CASES
from diagnose.fidelity.classes import (
    ABOUT,
    CAUSES,
    ORDER,
    TOGETHER,
    UNCLASSIFIED,
    UNSETTLED,
    WITHIN,
    agree,
    classify,
    pressed,
    without,
)
from diagnose.fidelity.conformance import run
from diagnose.fidelity.differential import compare
from diagnose.fidelity.generator import AREA_SIDE, KINDS, random_circuit
from diagnose.fidelity.loops import feeds_itself, on_loops
from tests.env.circuits import BUTTON, LAMP, WIRE, circuit

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def test_random_circuits_stand_and_are_named_by_seed_and_number() -> None:
    for number in range(80):
        kind, one = random_circuit(5, number)
        assert kind == KINDS[number % 4]
        assert set(one.blocks.values()) <= CANONICAL_STATES
        assert Circuit.from_json(one.to_json(), AREA_SIDE) == one
        assert random_circuit(5, number) == (kind, one)
    assert random_circuit(6, 0) != random_circuit(5, 0)


def test_counts_are_reproduced_and_add_up() -> None:
    first = compare(3, 60)
    assert compare(3, 60) == first
    assert sum(count.circuits for count in first.counts.values()) == 60
    for count in first.counts.values():
        assert count.classes.total() == count.apart <= count.circuits
        assert count.apart <= count.lamps_apart <= count.lamps or count.apart == 0
    assert first.rebuilt_loops <= first.rebuilt


def _case(name: str):
    (case,) = (one for one in CASES if one.name == name)
    return case


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("observer of a button", "observer"),
        ("torch on top of a lamp", "torch on a lamp"),
        ("side from a torch", "side of a comparator"),
        ("side from a strongly powered block", "side of a comparator"),
    ],
)
def test_a_planted_cause_is_named(name, cause):
    _is_the_cause(_case(name).circuit, cause)


def test_a_loop_that_comes_to_rest_is_named() -> None:
    """Circuit 414 of seed 0: parts on a loop, still before the press and after it."""
    _, one = random_circuit(0, 414)
    assert feeds_itself(one)
    _is_the_cause(one, "feeds itself")


def _is_the_cause(one: Circuit, cause: str) -> None:
    assert not agree(*pressed(one, AREA_SIDE, 200))
    assert classify(one, AREA_SIDE, 200) == cause
    cells = CAUSES[cause](one)
    assert agree(*pressed(without(one, cells, AREA_SIDE), AREA_SIDE, 200))


def test_what_changes_back_within_a_tick_is_told_apart() -> None:
    """A lamp whose 2 rt end in the tick in which a torch, whose turn is later, lights it again."""
    flicker = circuit(
        (7, 1, 13, BUTTON),
        (8, 1, 13, WIRE),
        (9, 1, 13, "repeater[facing=west]"),
        (10, 1, 13, WIRE),
        (11, 1, 13, "repeater[facing=west,delay=2]"),
        (12, 1, 13, WIRE),
        (12, 1, 14, WIRE),
        (12, 1, 15, LAMP),
        (13, 1, 13, "repeater[facing=west]"),
        (13, 1, 15, "redstone_wall_torch[facing=west]"),
        (14, 1, 13, WIRE),
        (14, 1, 14, WIRE),
        (14, 1, 15, LAMP),
    )
    tick, other = pressed(flicker, AREA_SIDE, 200)
    assert tick.lamps[12, 1, 15] == (Interval(0, 15), Interval(15, None))
    assert other.lamps[12, 1, 15] == (Interval(0, None),)
    assert classify(flicker, AREA_SIDE, 200) == "within one tick"


def test_two_planted_causes_are_named_together() -> None:
    """Neither alone brings the engines to agree: each has a lamp of its own."""
    both = circuit(
        (0, 1, 0, BUTTON),
        (1, 1, 0, "observer[facing=west]"),
        (2, 1, 0, LAMP),
        (9, 1, 0, LAMP),
        (9, 2, 0, "redstone_torch"),
    )
    assert classify(both, AREA_SIDE, 100) == "several of these together"


def test_loops_are_found_through_dust_locks_and_sides() -> None:
    ring = ((2, 1, 0, "repeater[facing=west]"), (3, 1, 0, WIRE), (3, 1, 1, WIRE), (2, 1, 1, WIRE))
    closed = circuit((0, 1, 0, BUTTON), (1, 1, 0, WIRE), *ring, (1, 1, 1, WIRE))
    opened = circuit((0, 1, 0, BUTTON), (1, 1, 0, WIRE), *ring)
    assert on_loops(closed) == {(2, 1, 0)}
    assert feeds_itself(closed)
    # Dust at (2, 1, 1) still runs beside (1, 1, 0) only diagonally: nothing comes back.
    assert not feeds_itself(opened)
    side = circuit(
        (0, 1, 0, BUTTON),
        (1, 1, 0, "comparator[facing=west,mode=subtract]"),
        (2, 1, 0, WIRE),
        (2, 1, 1, WIRE),
        (1, 1, 1, WIRE),
    )
    assert on_loops(side) == {(1, 1, 0)}


def _table(text: str, heading: str) -> list[str]:
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [row for row in part.splitlines() if row.startswith("|")]


def test_the_committed_page_is_what_the_command_writes(tmp_path, monkeypatch, capsys):
    """Its conformance tables to the letter; its counts are of more circuits than a test can run."""
    monkeypatch.chdir(tmp_path)
    assert main(["fidelity", "--circuits", "40", "--seed", "0", "--out", "page.md"]) == 0
    printed = capsys.readouterr().out
    written, committed = (tmp_path / "page.md").read_text(), PAGE.read_text()
    assert "diagnose fidelity --circuits 40 --seed 0 --out page.md" in written
    for heading in ("Conformance", "Where the judge departs from the game"):
        assert _table(written, heading) == _table(committed, heading)
    assert page.conformance(run(CASES)) in committed
    for engine_name in (engine.ENGINE, mchprs.ENGINE):
        assert engine_name in re.sub(r"\s+", " ", committed)
    assert "| all | 40 |" in printed
    assert "| all | 5,000 |" in committed
    assert "| unclassified | 0 | 0 | 0 | 0 | 0 |" in committed


def test_every_class_is_explained() -> None:
    others = {ORDER, UNSETTLED, WITHIN, TOGETHER, UNCLASSIFIED}
    assert set(CAUSES) | others == set(ABOUT)


@pytest.mark.parametrize("circuits", ["-1", "1000001"])
def test_a_number_out_of_bounds_is_refused(circuits, capsys):
    assert main(["fidelity", f"--circuits={circuits}"]) == 2
    assert "1,000,000" in capsys.readouterr().err
