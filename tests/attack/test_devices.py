"""Devices that seek a false pass, and valid ones in odd shapes that must not fail."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press, press_fresh
from diagnose.env.experiments import true_laws
from diagnose.env.flow import branches
from diagnose.env.trace import Trace, Verdict
from diagnose.tasks import build_device, family_of, judge, task

Block = tuple[int, int, int, str]
BUTTON, DUST, LAMP, STONE = (
    "stone_button[face=floor]",
    "redstone_wire",
    "redstone_lamp",
    "stone",
)


def traced(
    task_id: str, blocks: Sequence[Block], button: tuple[int, int, int]
) -> tuple[Circuit, Trace]:
    chosen = task(task_id)
    data = {"blocks": [list(block) for block in blocks], "press": list(button)}
    circuit = Circuit.from_json(data, chosen.area_side)
    return circuit, press(circuit, chosen.area_side)


def verdict(task_id: str, blocks: Sequence[Block], button: tuple[int, int, int]) -> Verdict:
    """Judge in the standing world and in a fresh one, which must agree."""
    chosen = task(task_id)
    family = family_of(chosen)
    data = {"blocks": [list(block) for block in blocks], "press": list(button)}
    circuit = Circuit.from_json(data, chosen.area_side)
    last_fall_rt = family.last_fall_rt(chosen)
    verdicts = [
        judge(family, chosen, circuit, pressed(circuit, 33, last_fall_rt=last_fall_rt))
        for pressed in (press, press_fresh)
    ]
    assert verdicts[0] == verdicts[1]
    return verdicts[0]


WIRE: tuple[Block, ...] = (  # B-L1 without any junction
    (0, 1, 0, BUTTON),
    *((sign * x, 1, 0, DUST) for x in range(1, 8) for sign in (1, -1)),
    (8, 1, 0, LAMP),
    (-8, 1, 0, LAMP),
    (0, 1, 1, LAMP),
    (0, 2, 0, LAMP),
)
DARK_TORCH: tuple[Block, ...] = (  # beside two of the lamps
    (0, 2, 1, "redstone_wall_torch[facing=north]"),
    (0, 2, 2, STONE),
)
JUNCTION: tuple[Block, ...] = (  # into the torch's block
    *((x, 1, z, STONE) for x in (-1, 0, 1) for z in (3, 4)),
    *((x, 2, z, DUST) for x, z in ((0, 3), (0, 4), (1, 4), (-1, 4))),
    (0, 1, 5, STONE),
)
CONSTANT: tuple[Block, ...] = ((0, 2, 5, "redstone_block"),)
NO_JUNCTION = ("no dust with three connections carries power on to two lamps or more",)


def test_a_junction_under_constant_power_carries_no_signal() -> None:
    blocks = (*WIRE, *DARK_TORCH, *JUNCTION, *CONSTANT)
    assert verdict("B-L1", blocks, (0, 1, 0)).reasons == NO_JUNCTION


def test_a_torch_that_stays_dark_passes_no_signal_on() -> None:
    # The pulse goes through a lamp at the wire's end and around to the junction; the torch is held.
    held = ((1, 1, 2, STONE), (1, 2, 2, DUST), (2, 1, 2, STONE), (2, 2, 2, "redstone_block"))
    around = (
        (9, 1, 0, "repeater[facing=west]"),
        *((10, 1, z, DUST) for z in range(5)),
        *((x, 1, 4, DUST) for x in (9, 8, 7, 6, 4, 3)),
        (5, 1, 4, "repeater[facing=east]"),
        (2, 1, 4, STONE),
        (2, 2, 4, DUST),
    )
    blocks = (*WIRE, *DARK_TORCH, *JUNCTION, *held, *around)
    assert verdict("B-L1", blocks, (0, 1, 0)).reasons == NO_JUNCTION
    pressed = traced("B-L1", blocks, (0, 1, 0))
    assert pressed[1].dust[(8, 2, 4)].peak > 0  # the junction, shifted into the area, is alive
    assert not branches(*pressed, lamps=2)
    assert branches(pressed[0], replace(pressed[1], active=None), lamps=2)


def moved(blocks: Sequence[Block], dx: int, dz: int) -> list[Block]:
    return [(x + dx, y, z + dz, state) for x, y, z, state in blocks]


@pytest.mark.parametrize("task_id", ["A-L2", "B-L2", "C-L2", "D-L1", "E-L2"])
@pytest.mark.parametrize("shift", [(-1000, 7), (5, -40), (2**30, -(2**30))])
def test_a_valid_device_passes_wherever_its_file_puts_it(
    task_id: str, shift: tuple[int, int]
) -> None:
    chosen = task(task_id)
    device = build_device(chosen, true_laws())
    blocks = moved([(*pos, state) for pos, state in device.blocks.items()], *shift)
    x, y, z = device.press
    assert verdict(task_id, blocks, (x + shift[0], y, z + shift[1])).passed


# A-L1 on the four layers: every lamp beside the button's block or the button itself.
HANGING = {
    "ceiling": ((0, 4, 0, STONE), (0, 3, 0, "stone_button[face=ceiling]")),
    "wall": ((0, 3, 1, STONE), (0, 3, 0, "stone_button[face=wall,facing=north]")),
}


@pytest.mark.parametrize("face", HANGING)
def test_a_button_may_hang_and_lamps_may_float_in_a_stack(face: str) -> None:
    around = ((1, 3, 0), (-1, 3, 0), (0, 2, 0), (0, 3, -1))
    lamps = [(*pos, LAMP) for pos in around]
    assert verdict("A-L1", (*HANGING[face], *lamps), (0, 3, 0)).passed


def test_lamps_above_each_other_with_a_gap_and_at_the_top_pass() -> None:
    # A button on the side of one stone in mid-air; the lamps hang around the stone.
    lamps = ((1, 2, 0), (1, 4, 0), (1, 3, 1), (2, 3, 0))
    hung = ((1, 3, 0, STONE), (0, 3, 0, "stone_button[face=wall,facing=west]"))
    blocks = (*hung, *((*pos, LAMP) for pos in lamps))
    assert verdict("A-L1", blocks, (0, 3, 0)).passed


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ([(5, 1, 5, BUTTON)], "exactly one stone button"),
        ([(9, 1, 0, STONE), (9, 2, 0, LAMP)], "5 redstone lamps stand"),
        ([(2, 1, 0, "redstone_block")], "lit before the press"),
        ([(9, 1, 9, "observer[facing=up]"), (9, 2, 9, "observer[facing=down]")], "comes to rest"),
    ],
)
def test_tricks_beside_a_valid_device_fail(extra: list[Block], reason: str) -> None:
    lamps = [(1, 1, 0, LAMP), (-1, 1, 0, LAMP), (0, 1, 1, LAMP), (0, 1, -1, LAMP)]
    blocks = [(0, 1, 0, BUTTON), *lamps]
    assert verdict("A-L1", blocks, (0, 1, 0)).passed
    found = verdict("A-L1", [*blocks, *extra], (0, 1, 0))
    assert not found.passed
    assert any(reason in text for text in found.reasons)
