"""What the project adds to the engine: its own tables and rules, held against both engines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.env import engine, mchprs
from diagnose.env.blocks import (
    CANONICAL_STATES,
    HORIZONTAL,
    PALETTE,
    brief,
    conducts,
    is_full,
    name_of,
    parse_block,
    props_of,
)
from diagnose.env.board import fresh_world
from diagnose.env.circuit import Circuit, unsupported
from diagnose.env.dust import sides_of
from diagnose.env.flow import junction_reach
from diagnose.env.world import World
from diagnose.errors import InputError, SubjectError
from diagnose.fidelity.generator import AREA_SIDE, random_circuit
from diagnose.fidelity.loops import feeds_itself
from tests.env.circuits import BUTTON, LAMP, SIDE, WIRE, circuit

FULL = tuple(name for name, block in PALETTE.items() if block.full)
OBSERVER_UP = {"observer": "observer[facing=up]"}  # gives down, where nothing takes it
JUDGES = pytest.mark.parametrize("press", [engine.press, mchprs.press], ids=["tick", "mchprs"])


def _pressed(press, lamp, *blocks):
    """Return when the lamp is lit after the press."""
    return press(circuit((0, 1, 0, BUTTON), *blocks), SIDE).lamps[lamp]


def _others(press):
    """MCHPRS takes observers for conductors, a known difference; the tick engine knows them."""
    return [name for name in FULL if name != "observer" or press is engine.press]


@JUDGES
def test_what_conducts_is_what_the_engines_power_through(press):
    for name in _others(press):
        lit = _pressed(
            press,
            (3, 1, 0),
            (1, 1, 0, "repeater[facing=west]"),
            (2, 1, 0, OBSERVER_UP.get(name, name)),
            (3, 1, 0, LAMP),
        )
        changed = [one for one in lit if one.rise_rt == 1]
        assert bool(changed) == conducts(parse_block(name)), name


@JUDGES
def test_what_conducts_is_what_cuts_a_slope(press):
    for name in _others(press):
        if name == "redstone_block":
            continue  # powers the dust below it, so that nothing can be told
        lit = _pressed(
            press,
            (3, 2, 0),
            (1, 1, 0, WIRE),
            (1, 2, 0, OBSERVER_UP.get(name, name)),
            (2, 1, 0, "stone"),
            (2, 2, 0, WIRE),
            (3, 2, 0, LAMP),
        )
        assert bool(lit) != conducts(parse_block(name)), name


@JUDGES
def test_what_conducts_is_what_hands_power_down(press):
    for name in _others(press):
        if name == "redstone_block":
            continue  # powers the dust on it
        blocks = (
            (0, 1, 0, "stone"),
            (0, 2, 0, BUTTON),
            (1, 1, 0, OBSERVER_UP.get(name, name)),
            (1, 2, 0, WIRE),
            (2, 1, 0, WIRE),
            (3, 1, 0, LAMP),
        )
        data = {"blocks": [list(block) for block in blocks], "press": [0, 2, 0]}
        lit = press(Circuit.from_json(data, SIDE), SIDE).lamps[3, 1, 0]
        assert bool(lit) == conducts(parse_block(name)), name


def test_the_defaults_are_the_games() -> None:
    """By the game's own block states; dust is placed as a cross, and shaped by what is beside."""
    assert {name: parse_block(name).removeprefix("minecraft:") for name in PALETTE} == {
        "air": "air",
        "stone": "stone",
        "glass": "glass",
        "redstone_wire": "redstone_wire[east=side,north=side,power=0,south=side,west=side]",
        "repeater": "repeater[delay=1,facing=north,locked=false,powered=false]",
        "comparator": "comparator[facing=north,mode=compare,powered=false]",
        "redstone_torch": "redstone_torch[lit=true]",
        "redstone_wall_torch": "redstone_wall_torch[facing=north,lit=true]",
        "redstone_block": "redstone_block",
        "observer": "observer[facing=south,powered=false]",
        "target": "target[power=0]",
        "stone_button": "stone_button[face=wall,facing=north,powered=false]",
        "redstone_lamp": "redstone_lamp[lit=false]",
    }


def test_the_engine_takes_every_state_as_it_stands() -> None:
    """No state of the palette is renamed, refused or given other properties on its way in."""
    states = sorted(state for state in CANONICAL_STATES if name_of(state) != "air")
    cells = [(2 + 4 * (number % 8), 2, 2 + 4 * (number // 8)) for number in range(len(states))]
    stones = [((x, 1, z), parse_block("stone")) for x, _, z in cells]
    world = fresh_world(SIDE, [*stones, *zip(cells, states, strict=True)])
    assert json.loads(world.read_probes(json.dumps(cells))) == states


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 3))), st.data())
def test_what_the_world_lets_stand_the_file_lets_stand(cells, data):
    """Two ways in, one rule: place block by block and remove, or load the same as a file."""
    states = sorted(CANONICAL_STATES)
    world = World(SIDE)
    for cell in cells:
        try:
            world.place(cell, data.draw(st.sampled_from(states)))
        except SubjectError:
            continue
    for cell in cells[::3]:
        world.remove(cell)
    assert unsupported(world.blocks, SIDE) == []
    entries = [[*pos, brief(state)] for pos, state in world.blocks.items()]
    loaded = Circuit.from_json({"blocks": [*entries, [9, 1, 9, BUTTON]], "press": [9, 1, 9]}, SIDE)
    assert {pos: s for pos, s in loaded.blocks.items() if pos != (9, 1, 9)} == dict(world.blocks)


def test_what_falls_is_refused_though_the_engines_would_let_it_float() -> None:
    floating = {(0, 1, 0): parse_block(BUTTON), (1, 2, 0): parse_block(WIRE)}
    floating[2, 2, 0] = parse_block(LAMP)
    floating[0, 2, 0] = parse_block("redstone_block")
    raw = Circuit(floating, (0, 1, 0))
    for press in (engine.press, mchprs.press):
        assert press(raw, SIDE).lit_before  # floating dust carries power in the engines
    with pytest.raises(InputError, match="put a full block"):
        Circuit.from_json(raw.to_json(), SIDE)


def test_every_full_block_holds_every_part_and_no_other_does() -> None:
    """In the game a part stands on any sturdy face: all six of a full block, none of the rest."""
    for name in PALETTE:
        if name == "air":
            continue
        world = World(SIDE)
        world.build([[5, 1, 5, "stone"], [5, 2, 5, _standing(name)]])
        for part in (WIRE, "repeater", "comparator", "redstone_torch", BUTTON):
            try:
                world.place([5, 3, 5], part)
            except SubjectError:
                assert not is_full(parse_block(name)), (name, part)
            else:
                assert is_full(parse_block(name)), (name, part)
                world.remove([5, 3, 5])


def _standing(name: str) -> str:
    if name == "redstone_wall_torch":
        return "redstone_torch"  # on a wall there is nothing to stand on
    return BUTTON if name == "stone_button" else name


def test_the_shape_of_dust_is_the_engines_in_crowded_and_mutated_circuits() -> None:
    compared = 0
    for number in range(40):
        _, one = random_circuit(11, number)
        wires = one.cells(WIRE)
        world = fresh_world(AREA_SIDE, one.blocks.items())
        for pos, state in zip(wires, json.loads(world.read_probes(json.dumps(wires))), strict=True):
            shown = {side: props_of(state)[side] for side in HORIZONTAL}
            derived = {side: sides_of(one.blocks, pos).get(side, "none") for side in HORIZONTAL}
            assert derived == shown, (number, pos)
            compared += 1
    assert compared > 500


_INVERTING = ("comparator", "redstone_torch", "redstone_wall_torch", "redstone_block", "observer")


def test_what_goes_dark_without_a_junction_was_within_its_reach() -> None:
    """On wired boxes and mutated devices without parts that light up when power goes away."""
    cut = 0
    for number in range(160):
        kind, one = random_circuit(9, number)
        blocks = {pos: s for pos, s in one.blocks.items() if name_of(s) not in _INVERTING}
        while loose := unsupported(blocks, AREA_SIDE):
            for pos, _ in loose:
                del blocks[pos]
        if kind == "crowded" or one.press not in blocks:
            continue
        one = Circuit(blocks, one.press)
        if feeds_itself(one):
            continue
        trace = engine.press(one, AREA_SIDE, 100)
        lit = {pos for pos, intervals in trace.lamps.items() if intervals}
        for junction, lamps in junction_reach(one, trace).items():
            left = {pos: state for pos, state in one.blocks.items() if pos != junction}
            after = engine.press(Circuit(left, one.press), AREA_SIDE, 100).lamps
            dark = {pos for pos in lit if not after[pos]}
            assert dark <= lamps <= lit, (number, junction)
            cut += len(dark)
    assert cut > 60
