"""What an agent might try in order to pass without building what the task asks for."""

import pytest

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.trace import Interval
from diagnose.errors import InputError
from tests.attack.test_devices import BUTTON, DUST, LAMP, NO_JUNCTION, STONE, WIRE, verdict
from tests.env.circuits import SIDE, circuit

AROUND = [(1, 1, 0, LAMP), (-1, 1, 0, LAMP), (0, 1, 1, LAMP), (0, 1, -1, LAMP)]
VALID = [(0, 1, 0, BUTTON), *AROUND]


def refused(task_id: str, blocks: list, reason: str) -> None:
    found = verdict(task_id, blocks, (0, 1, 0))
    assert not found.passed
    assert any(reason in text for text in found.reasons), found.reasons


@pytest.mark.parametrize(
    "button",
    [
        [(5, 4, 5, STONE), (5, 3, 5, "stone_button[face=ceiling]")],
        [(5, 2, 5, "glass"), (5, 2, 4, "stone_button[face=wall,facing=north]")],
        [(5, 1, 5, STONE), (5, 2, 5, "stone_button[face=floor,powered=true]")],
    ],
    ids=["ceiling", "wall", "said to be pressed"],
)
def test_a_second_button_is_found_wherever_it_hangs(button):
    refused("A-L1", [*VALID, *button], "exactly one stone button")


@pytest.mark.parametrize(
    "block",
    [
        (17, 1, 0, STONE), (0, 5, 0, STONE), (0, -1, 0, STONE), (0, 0, 3, "redstone_block"),
        (2_000_000_000, 1, 0, STONE), (3, 1, 3, "oak_button"), (3, 1, 3, "lever"),
        (3, 1, 3, "tripwire_hook"), (3, 1, 3, "stone_button\n"), (3, 2, 3, BUTTON),
    ],
    ids=str,
)  # fmt: skip
def test_what_stands_outside_or_is_no_part_is_refused(block):
    west = (-16, 1, 0, STONE)  # with it a block at x = 17 is one column too many
    with pytest.raises(InputError):
        verdict("A-L1", [*VALID, west, block], (0, 1, 0))


def test_a_lamp_may_hand_power_on():
    """It is a solid block of the game. The repeater reads the lamp that the button powers."""
    chain = [
        (-1, 1, 0, BUTTON),
        (0, 1, 0, STONE),
        (0, 2, 0, LAMP),
        (0, 1, 1, LAMP),
        (-1, 1, -1, LAMP),
        (-2, 1, 0, DUST),
        (-3, 1, 0, LAMP),
    ]
    through = [(-4, 1, 0, "repeater[facing=east]"), (-5, 1, 0, LAMP)]
    lit = press(circuit(*chain, *through), SIDE)
    # The dust points at the lamp and so powers it; the repeater passes that on, a tick later.
    reached = max(intervals[0].rise_rt for intervals in lit.lamps.values() if intervals)
    assert reached == 1
    blocks = [(0, 1, 0, BUTTON), *AROUND[1:], (1, 1, 0, DUST), (2, 1, 0, LAMP)]
    assert verdict("A-L1", blocks, (0, 1, 0)).passed
    beyond = [(0, 1, 0, BUTTON), *AROUND[2:], (1, 1, 0, DUST), (2, 1, 0, LAMP)]
    relayed = [(3, 1, 0, "repeater[facing=west]"), (4, 1, 0, LAMP)]
    assert verdict("A-L1", [*beyond, *relayed], (0, 1, 0)).passed


STUB = ((4, 1, 1, DUST),)
BLIND = (*STUB, (4, 1, 2, DUST), (3, 1, 2, DUST), (5, 1, 2, DUST))
APART = tuple((x, 1, z, DUST) for x, z in ((5, 5), (6, 5), (7, 5), (6, 6)))
# A junction behind a lamp's wire that only a source of its own lights.
LIT_APART = (*APART, (6, 1, 7, "redstone_block"))


# A spur of the eastern wire ends at the side of a comparator that a steady 3 holds on: what it
# carries changes nothing of the western wire, which the comparator's output joins.
IDLE = (
    (5, 1, -1, DUST),
    *((x, 1, -2, DUST) for x in range(-2, 6)),
    (-3, 1, -2, "comparator[facing=north]"),
    (-3, 1, -1, DUST),
    *((-3, 1, z, DUST) for z in range(-15, -2)),
    (-3, 1, -16, "redstone_block"),
)


@pytest.mark.parametrize(
    "junction",
    [STUB, BLIND, APART, LIT_APART, IDLE],
    ids=["stub", "blind", "apart", "lit apart", "idle comparator"],
)
def test_a_junction_for_show_is_none(junction):
    found = verdict("B-L1", (*WIRE, *junction), (0, 1, 0))
    assert found.reasons == NO_JUNCTION


def test_a_junction_on_the_way_to_two_lamps_is_one():
    moved = [block for block in WIRE if block != (0, 1, 1, LAMP)]
    blocks = [*moved, *STUB, (4, 1, 2, LAMP)]
    assert verdict("B-L1", blocks, (0, 1, 0)).passed


def chain(repeaters: int) -> Circuit:
    """A torch lights a snake of slow repeaters, and at its end a lamp; the button does nothing."""
    blocks = [(0, 1, 0, BUTTON), (2, 1, 2, "redstone_torch")]
    x, z, along, left = 3, 2, 1, repeaters
    while left:
        facing = "west" if along > 0 else "east"
        blocks.append((x, 1, z, f"repeater[delay=4,facing={facing}]"))
        left -= 1
        x += along
        if left and x in (2, 31):
            blocks += [(x, 1, z + step, DUST) for step in range(3)]
            z, along = z + 2, -along
            x += along
    return circuit(*blocks, (x, 1, z, LAMP))


@pytest.mark.parametrize("repeaters", [1, 10, 120, 147, 148, 149, 150, 151, 152, 160, 210])
def test_nothing_can_be_on_its_way_when_the_button_is_pressed(repeaters):
    """Its building sets it off; 600 rt later it has arrived, or the device is not at rest."""
    trace = press(chain(repeaters), SIDE)
    (lamp,) = trace.lamps
    assert trace.settled == (repeaters * 4 < 600 - 1)
    assert (lamp in trace.lit_before) == trace.settled


def test_a_clock_that_is_started_by_the_press_never_passes():
    """A ring of repeaters keeps the pulse: the lamps go on and off for ever."""
    ring = [(1, 1, 0, DUST), (2, 1, 0, "repeater[facing=west,delay=4]"), (3, 1, 0, DUST),
            (3, 1, 1, DUST), (3, 1, 2, DUST), (2, 1, 2, "repeater[facing=east,delay=4]"),
            (1, 1, 2, DUST), (1, 1, 1, DUST)]  # fmt: skip
    lamps = [(4, 1, 0, LAMP), (4, 1, 2, LAMP), (0, 1, 2, LAMP), (-1, 1, 0, LAMP)]
    found = verdict("A-L1", [(0, 1, 0, BUTTON), *ring, *lamps], (0, 1, 0))
    assert not found.passed


def test_a_lamp_that_is_lit_twice_fails_whatever_its_first_rise():
    echo = [(2, 1, 0, LAMP), (1, 1, 0, DUST), (3, 1, 0, "repeater[facing=east,delay=4]")]
    late = [(4, 1, 0, "repeater[facing=east,delay=4]"), (5, 1, 0, "repeater[facing=east,delay=4]"),
            (6, 1, 0, "repeater[facing=east,delay=4]")]  # fmt: skip
    feed = [(7, 1, 0, DUST), *((x, 1, 2, DUST) for x in range(8)), (7, 1, 1, DUST), (0, 1, 1, DUST)]
    blocks = [(0, 1, 0, BUTTON), *AROUND[1:2], (0, 1, -1, LAMP), (0, 2, 0, LAMP)]
    refused("A-L1", [*blocks, *echo, *late, *feed], "lit more than once")


@pytest.mark.parametrize(("gap_rt", "seen"), [(1, 1), (2, 1), (3, 2)])
def test_a_gap_in_the_power_shows_only_if_the_lamp_goes_dark(gap_rt, seen):
    """The rule is about lit time: a lamp outlasts 2 rt without power (docs/benchmark.md)."""
    # The button's 10 rt, and the same 10 + gap rt later through repeaters, into one lamp.
    delays = [4, 4, 2 + gap_rt] if gap_rt <= 2 else [4, 4, 4, 1]
    row = [(x, 1, 0, f"repeater[facing=west,delay={d}]") for x, d in enumerate(delays, start=1)]
    end = len(delays) + 1
    wires = [(end, 1, 0, LAMP), (0, 1, 1, DUST), *((x, 1, 2, DUST) for x in range(end + 1))]
    trace = press(circuit((0, 1, 0, BUTTON), *row, *wires, (end, 1, 1, DUST)), SIDE)
    (intervals,) = trace.lamps.values()
    assert len(intervals) == seen
    assert intervals[0].rise_rt == 0
    assert isinstance(intervals[0], Interval)
