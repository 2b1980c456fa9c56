"""The shape of dust, against the engine's own."""

import json

from diagnose.env.blocks import HORIZONTAL, props_of
from diagnose.env.board import fresh_world
from diagnose.env.dust import sides_of
from tests.env.circuits import BUTTON, SIDE, WIRE, circuit, random_circuit


def test_the_shape_is_the_engines() -> None:
    compared = 0
    for seed in range(120):
        one = random_circuit(seed)
        wires = one.cells(WIRE)
        world = fresh_world(SIDE, one.blocks.items())
        for pos, state in zip(wires, json.loads(world.read_probes(json.dumps(wires))), strict=True):
            shown = {side: props_of(state)[side] for side in HORIZONTAL}
            derived = {side: sides_of(one.blocks, pos).get(side, "none") for side in HORIZONTAL}
            assert derived == shown, (seed, pos)
            compared += 1
    assert compared > 500


def test_the_four_plain_shapes() -> None:
    one = circuit(
        (0, 1, 0, BUTTON),
        (5, 1, 5, WIRE),
        (9, 1, 5, WIRE),
        (9, 1, 6, WIRE),
        (10, 1, 6, WIRE),
        (9, 1, 7, WIRE),
    )
    assert set(sides_of(one.blocks, (5, 1, 5))) == set(HORIZONTAL)
    assert set(sides_of(one.blocks, (9, 1, 5))) == {"north", "south"}
    assert set(sides_of(one.blocks, (9, 1, 6))) == {"north", "south", "east"}
    assert set(sides_of(one.blocks, (10, 1, 6))) == {"east", "west"}
