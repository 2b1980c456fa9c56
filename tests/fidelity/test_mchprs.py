"""The second judge: the same signature, the same refusals, and the same answers where it can."""

import pytest

from diagnose.env import engine, judges, mchprs
from diagnose.env.blocks import AIR, STONE, parse_block
from diagnose.env.circuit import Circuit
from diagnose.env.experiments import true_laws
from diagnose.env.trace import Interval
from diagnose.episode import versions
from diagnose.errors import InputError
from diagnose.fidelity.loops import feeds_itself
from diagnose.tasks import all_tasks, build_device, family_of, judge
from tests.env.circuits import (
    BUTTON,
    LAMP,
    PASSIVE,
    SIDE,
    WIRE,
    circuit,
    line,
    random_circuit,
)


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.id)
def test_both_engines_pass_every_full_knowledge_device(task):
    family = family_of(task)
    device = build_device(task, true_laws())
    traces = [
        one.press(device, task.area_side, last_fall_rt=family.last_fall_rt(task))
        for one in judges.JUDGES.values()
    ]
    assert traces[0].lamps == traces[1].lamps
    assert all(judge(family, task, device, trace).passed for trace in traces)


@pytest.mark.parametrize("delay", [1, 2, 3, 4])
def test_it_counts_in_redstone_ticks(delay: int) -> None:
    one = line(WIRE, f"repeater[facing=north,delay={delay}]", LAMP)
    trace = mchprs.press(one, SIDE)
    assert trace.lamps == {(0, 1, 3): (Interval(delay, delay + 12),)}
    assert (trace.settled, trace.quiet, trace.lit_before) == (True, True, ())
    assert trace.dust[0, 1, 1].peak == 15
    assert trace.active == frozenset(one.blocks)


def test_at_rest_is_seen_as_the_tick_engine_sees_it() -> None:
    """Where nothing can go round in circles the engines agree on everything but the end."""
    for seed in range(150):
        one = random_circuit(seed, PASSIVE)
        tick, other = engine.press(one, SIDE, 100), mchprs.press(one, SIDE, 100)
        if tick.lamps != other.lamps or feeds_itself(one):
            continue  # counted, with its class, by the differential run
        assert (other.settled, other.quiet) == (tick.settled, tick.quiet), seed
        assert tick.end_rt <= other.end_rt <= tick.end_rt + mchprs.LONGEST_WAIT_RT


def test_a_clock_never_settles() -> None:
    one = circuit(
        (0, 1, 0, BUTTON),
        (5, 1, 5, "stone"),
        (6, 1, 5, "redstone_wall_torch[facing=east]"),
        (6, 1, 6, WIRE),
        (6, 1, 7, WIRE),
        (5, 1, 7, WIRE),
        (5, 1, 6, "repeater[facing=south,delay=4]"),
    )
    trace = mchprs.press(one, SIDE, watch_rt=60)
    assert (trace.settled, trace.quiet, trace.end_rt) == (False, False, 60)


def test_the_watch_is_kept() -> None:
    one = line(WIRE, LAMP)
    assert mchprs.press(one, SIDE, last_fall_rt=100).end_rt == 120
    cut = mchprs.press(one, SIDE, watch_rt=7)
    assert (cut.end_rt, cut.quiet) == (7, False)
    assert cut.lamps == {(0, 1, 2): (Interval(0, None),)}


def test_the_box_and_the_place_in_the_area_make_no_difference() -> None:
    for seed in range(40):
        one = random_circuit(seed)
        far = Circuit(
            {(x + 20, y, z + 11): state for (x, y, z), state in one.blocks.items()},
            (one.press[0] + 20, 1, one.press[2] + 11),
        )
        corners = dict.fromkeys(((0, 4, 0), (32, 4, 32)), STONE)
        wide = Circuit({**far.blocks, **corners}, far.press)
        here = mchprs.press(one, SIDE).lamps
        for other in (far, wide):
            there = mchprs.press(other, SIDE).lamps
            assert {(x - 20, y, z - 11): lit for (x, y, z), lit in there.items()} == here, seed


def test_equal_circuits_give_equal_traces() -> None:
    for seed in range(10):
        one = random_circuit(seed)
        assert mchprs.press(one, SIDE) == mchprs.press(one, SIDE)


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ({(2_000_000_000, 1, 0): STONE}, "stay inside"),
        ({(1, 5, 0): STONE}, "stay inside"),
        ({(1, 0, 0): STONE}, "stay inside"),
        ({(1, 1, 0): "minecraft:repeater[delay=9]"}, "canonical"),
        ({(1, 1, 0): "minecraft:tnt"}, "canonical"),
        ({(1, 1, 0): AIR}, "canonical"),
        ({(0, 1, 0): STONE}, "stone_button"),
    ],
)
def test_nothing_unchecked_reaches_it(blocks, told):
    one = Circuit({(0, 1, 0): parse_block(BUTTON)} | blocks, (0, 1, 0))
    with pytest.raises(InputError, match=told):
        mchprs.press(one, SIDE)


def test_the_judge_of_records_is_the_tick_engine() -> None:
    assert versions()["engine"] == judges.JUDGES["tick"].engine == engine.ENGINE
    assert judges.JUDGES["mchprs"].engine == mchprs.ENGINE == "nucleation 0.12.0 mchprs"
    with pytest.raises(InputError, match="tick, mchprs"):
        judges.judge_named("redpiler")
