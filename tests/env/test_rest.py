"""What flickers for ever in the game is never at rest here, though the engine stands still."""

import pytest

from diagnose.env.board import fresh_world, standing_world
from diagnose.env.circuit import Circuit
from diagnose.env.engine import press, press_fresh
from diagnose.env.experiments import true_laws
from diagnose.env.rest import at_rest
from diagnose.tasks import all_tasks, build_device
from tests.env.circuits import BUTTON, LAMP, SIDE, WIRE, circuit

# A torch that darkens, through the dust on it, the block that it hangs on.
TORCH = (
    (5, 1, 5, "stone"),
    (6, 1, 5, "redstone_wall_torch[facing=east]"),
    (6, 2, 5, "stone"),
    (5, 2, 5, WIRE),
    (7, 1, 5, LAMP),
)
# A comparator whose output comes back to its side: the clock that every player knows.
COMPARATOR = (
    (4, 1, 5, "redstone_block"),
    (5, 1, 5, "comparator[facing=west,mode=subtract]"),
    (6, 1, 5, WIRE),
    (6, 1, 6, WIRE),
    (5, 1, 6, WIRE),
    (7, 1, 5, LAMP),
)
# The torch held dark by another, which the button turns off.
GATE = (
    (5, 2, 2, "stone_button[face=wall,facing=north]"),
    (5, 2, 3, "stone"),
    (5, 3, 3, "redstone_torch"),
    (5, 3, 4, "stone"),
    (5, 2, 4, WIRE),
    (5, 1, 4, "stone"),
)


@pytest.mark.parametrize("loop", [TORCH, COMPARATOR], ids=["torch", "comparator"])
@pytest.mark.parametrize("pressed", [press, press_fresh])
def test_a_part_that_acts_on_itself_is_never_settled(loop, pressed):
    trace = pressed(circuit((0, 1, 0, BUTTON), *loop), SIDE)
    assert (trace.settled, trace.quiet) == (False, False)


def test_one_that_is_set_off_by_the_press_is_not_quiet_afterwards():
    trace = press(circuit(*GATE, *TORCH), SIDE)
    assert not trace.quiet


@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_looking_again_changes_nothing_of_a_device_at_rest(one):
    device = build_device(one, true_laws())
    for world in (
        standing_world(device, one.area_side),
        fresh_world(one.area_side, device.blocks.items()),
    ):
        world.run_until_quiescent(1200)
        before = world.world_snapshot_json()
        assert at_rest(world, device, one.area_side)
        assert world.world_snapshot_json() == before
        assert world.is_quiescent()


def held(*more: tuple[int, int, int, str]) -> Circuit:
    """A torch that a block of redstone holds dark: at rest, and steady."""
    hung = ((5, 1, 5, "stone"), (6, 1, 5, "redstone_wall_torch[facing=east]"))
    source = ((4, 2, 5, "redstone_block"), (5, 2, 5, WIRE))
    return circuit((0, 1, 0, BUTTON), *hung, *source, *more)


@pytest.mark.parametrize(
    "more",
    [
        (),
        ((7, 1, 5, "observer[facing=west]"),),  # it watches the torch
        ((6, 1, 7, "observer[facing=north]"),),  # it watches the free cell beside the torch
        ((6, 2, 5, "glass"), (7, 1, 5, "glass"), (6, 1, 4, "glass"), (6, 1, 6, "glass")),
    ],
    ids=["bare", "watched torch", "watched air", "walled in"],
)
def test_a_steady_torch_is_at_rest(more):
    trace = press(held(*more), SIDE)
    assert (trace.settled, trace.quiet) == (True, True)
    assert trace == press_fresh(held(*more), SIDE)
