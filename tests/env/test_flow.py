"""Which lamps a junction feeds, against what goes dark when it is cut out."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.flow import branches, junction_reach
from tests.env.circuits import BUTTON, LAMP, SIDE, WIRE, circuit, random_circuit


def _reach(one: Circuit) -> dict[tuple[int, int, int], set[tuple[int, int, int]]]:
    return {pos: set(lamps) for pos, lamps in junction_reach(one, press(one, SIDE)).items()}


_Z = 8  # the trunk's row


def _trunk(length: int) -> list[tuple[int, int, int, str]]:
    return [(3, 1, _Z, BUTTON), *((x, 1, _Z, WIRE) for x in range(4, 4 + length))]


def test_a_junction_reaches_the_lamps_of_its_branches() -> None:
    one = circuit(*_trunk(3), (6, 1, 9, WIRE), (6, 1, 10, LAMP), (7, 1, _Z, WIRE), (8, 1, _Z, LAMP))
    assert _reach(one) == {(6, 1, _Z): {(6, 1, 10), (8, 1, _Z)}}


def test_a_junction_on_a_blind_branch_reaches_nothing() -> None:
    stub = [(5, 1, z, WIRE) for z in (9, 10, 11)] + [(4, 1, 11, WIRE), (6, 1, 11, WIRE)]
    one = circuit(*_trunk(4), (8, 1, _Z, LAMP), *stub)
    # The blind branch leaves the trunk at (5, 8); its own fork is at (5, 11).
    assert _reach(one) == {(5, 1, _Z): {(8, 1, _Z)}, (5, 1, 11): set()}


def test_a_junction_without_power_is_none() -> None:
    dead = [(20, 1, 20, WIRE), (21, 1, 20, WIRE), (19, 1, 20, WIRE), (20, 1, 21, WIRE)]
    assert _reach(circuit(*_trunk(1), (5, 1, _Z, LAMP), *dead)) == {}


def test_power_goes_on_through_blocks_repeaters_slopes_and_torches() -> None:
    one = circuit(
        *_trunk(2),
        (5, 1, 9, WIRE),
        (5, 1, 7, WIRE),
        (6, 1, _Z, "repeater[facing=west,delay=2]"),
        (7, 1, _Z, "stone"),
        (7, 2, _Z, LAMP),  # on a block that the repeater powers
        (8, 1, _Z, WIRE),
        (9, 1, _Z, LAMP),
        (5, 1, 10, "stone"),
        (5, 2, 10, WIRE),
        (5, 2, 11, LAMP),  # up a step
        (5, 1, 6, "stone"),
        (5, 1, 5, "redstone_wall_torch[facing=north]"),
        (5, 1, 4, LAMP),  # behind an inverter
    )
    assert _reach(one)[5, 1, _Z] == set(one.cells(LAMP))


def test_a_repeater_lets_nothing_back() -> None:
    """The junction lies behind the repeater's output; the lamp before it is not its work."""
    one = circuit(
        *_trunk(2),
        (5, 1, 9, WIRE),
        (5, 1, 10, LAMP),
        (6, 1, _Z, "repeater[facing=west]"),
        (7, 1, _Z, WIRE),
        (7, 1, 9, WIRE),
        (7, 1, 7, WIRE),
        (7, 1, 10, LAMP),
        (7, 1, 6, LAMP),
    )
    assert _reach(one) == {
        (5, 1, _Z): set(one.cells(LAMP)),
        (7, 1, _Z): {(7, 1, 10), (7, 1, 6)},
    }


def test_glass_stairs_hand_power_up_and_not_down() -> None:
    """Dust on glass takes power from below; the dust below takes none from it."""

    def lamp_lit(block: str, *, down: bool) -> bool:
        high = [(6, 1, _Z, block), (6, 2, _Z, WIRE)]
        step = [(7, 1, _Z, WIRE), (8, 1, _Z, LAMP)]
        start = [(3, 1, _Z, BUTTON), (4, 1, _Z, WIRE), (5, 1, _Z, WIRE)]
        lamp = (8, 1, _Z) if down else (7, 2, _Z)
        end = step if down else [(7, 2, _Z, LAMP)]
        one = circuit(*start, *high, *end, (5, 1, 9, WIRE), (4, 1, 9, "redstone_lamp"))
        reach = _reach(one)[5, 1, _Z]
        trace = press(one, SIDE)
        assert (lamp in reach) == bool(trace.lamps[lamp])
        return lamp in reach

    assert lamp_lit("stone", down=False)
    assert lamp_lit("glass", down=False)
    assert lamp_lit("stone", down=True)
    assert not lamp_lit("glass", down=True)


def _tree(seed: int) -> Circuit:
    """Return a random tree of dust without loops, lamps at some of its ends."""
    draw = random.Random(seed)
    dust = [(16, 17)]
    taken = {(16, 16), (16, 17)}
    while len(dust) < 40:
        x, z = draw.choice(dust)
        dx, dz = draw.choice(((1, 0), (-1, 0), (0, 1), (0, -1)))
        cell, one_on = (x + dx, z + dz), (x + 2 * dx, z + 2 * dz)
        beside = [(cell[0] + i, cell[1] + j) for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        if cell in taken or sum(near in taken for near in beside) > 1 or one_on in taken:
            continue
        taken.add(cell)
        dust.append(cell)
    blocks = [(16, 1, 16, BUTTON), *((x, 1, z, WIRE) for x, z in dust)]
    for x, z in dust[1:]:
        for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            cell = (x + dx, z + dz)
            if cell not in taken and draw.random() < 0.3:
                taken.add(cell)
                blocks.append((*cell[:1], 1, cell[1], LAMP))
    return circuit(*blocks)


def test_what_goes_dark_without_a_junction_was_within_its_reach() -> None:
    """The engine is the oracle: cut the junction out and press again."""
    cut = 0
    for seed in range(20):
        one = _tree(seed)
        lit = {pos for pos, intervals in press(one, SIDE).lamps.items() if intervals}
        for junction, lamps in junction_reach(one, press(one, SIDE)).items():
            assert lamps <= lit
            without = {pos: state for pos, state in one.blocks.items() if pos != junction}
            left = press(Circuit(without, one.press), SIDE).lamps
            dark = {pos for pos in lit if not left[pos]}
            assert dark <= lamps, (seed, junction)
            cut += len(dark)
    assert cut > 50


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), lamps=st.integers(0, 4))
def test_branching_is_what_the_reach_of_junctions_says(seed, lamps):
    circuit = random_circuit(seed)
    trace = press(circuit, SIDE)
    reaches = junction_reach(circuit, trace).values()
    assert branches(circuit, trace, lamps) == any(len(reach) >= lamps for reach in reaches)
