"""The judge: the game's delays exactly, and the fast path equal to the slow one."""

import multiprocessing
from dataclasses import replace

import pytest

from diagnose.env import board
from diagnose.env.blocks import AIR, STONE, parse_block
from diagnose.env.circuit import Circuit
from diagnose.env.engine import (
    CACHE,
    ENGINE,
    TraceCache,
    press,
    press_fresh,
    states_at,
    states_over,
)
from diagnose.env.trace import Dust, Interval, Trace
from diagnose.errors import InputError
from diagnose.fidelity.loops import feeds_itself
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

BUTTON_RT, LAMP_OFF_RT, REACH = 10, 2, 15


def _only_lamp(trace: Trace) -> tuple[Interval, ...]:
    (intervals,) = trace.lamps.values()
    return intervals


@pytest.mark.parametrize(
    ("parts", "delay_rt"),
    [
        ([], 0),
        ([WIRE], 0),
        ([WIRE] * REACH, 0),
        *(([f"repeater[facing=north,delay={delay}]"], delay) for delay in (1, 2, 3, 4)),
        (["comparator[facing=north]"], 1),
        ([WIRE, "repeater[facing=north,delay=3]", WIRE, "repeater[facing=north,delay=4]"], 7),
        (["repeater[facing=north,delay=4]"] * 30, 120),
    ],
)
def test_a_line_delays_by_the_sum_of_its_parts(parts: list[str], delay_rt: int) -> None:
    trace = press(line(*parts, LAMP), SIDE)
    end = delay_rt + BUTTON_RT + LAMP_OFF_RT
    assert _only_lamp(trace) == (Interval(delay_rt, end),)
    assert trace.settled
    assert trace.quiet
    assert trace.end_rt >= end
    assert trace.lit_before == ()


@pytest.mark.parametrize(
    "parts", [[WIRE] * (REACH + 1), ["repeater[facing=south]"], ["glass"], ["repeater", "glass"]]
)
def test_what_does_not_carry_leaves_the_lamp_dark(parts: list[str]) -> None:
    assert _only_lamp(press(line(*parts, LAMP), SIDE)) == ()


def test_a_torch_inverts_and_a_lamp_lit_before_opens_at_zero() -> None:
    trace = press(line(WIRE, "stone", "redstone_wall_torch[facing=south]", LAMP), SIDE)
    lamp = (0, 1, 4)
    assert trace.lit_before == (lamp,)
    # The torch goes out 1 rt after the press and on again 1 rt after the button is released.
    assert trace.lamps[lamp] == (
        Interval(0, 1 + LAMP_OFF_RT),
        Interval(BUTTON_RT + 1, None),
    )


def test_two_torches_delay_by_two() -> None:
    """A torch powers the block above it; the torch on that block's side inverts once more."""
    one = circuit(
        (0, 1, 0, BUTTON),
        (1, 1, 0, WIRE),
        (2, 1, 0, "stone"),
        (2, 2, 0, "redstone_torch"),
        (2, 3, 0, "stone"),
        (1, 3, 0, "redstone_wall_torch[facing=west]"),
        (0, 3, 0, LAMP),
    )
    trace = press(one, SIDE)
    assert trace.lit_before == ()
    assert _only_lamp(trace) == (Interval(2, 2 + BUTTON_RT + LAMP_OFF_RT),)


@pytest.mark.parametrize(
    ("rear", "side", "mode", "out"),
    [
        (15, 0, "compare", 15),
        (15, 15, "compare", 15),
        (14, 15, "compare", 0),
        (9, 0, "subtract", 9),
        (15, 15, "subtract", 0),
    ],
)
def test_a_comparator_compares_or_subtracts(rear: int, side: int, mode: str, out: int) -> None:
    """The rear gets 16 less its dusts, the side a redstone block's 15 or nothing."""
    dusts = 16 - rear
    there = dusts + 1
    sides = [(1, 1, there, "redstone_block")] if side else []
    one = circuit(
        (0, 1, 0, BUTTON),
        *((0, 1, z, WIRE) for z in range(1, there)),
        (0, 1, there, f"comparator[facing=north,mode={mode}]"),
        (0, 1, there + 1, WIRE),
        (0, 1, there + 2, LAMP),
        *sides,
    )
    trace = press(one, SIDE)
    assert trace.dust[0, 1, there + 1].peak == out
    assert _only_lamp(trace) == ((Interval(1, 1 + BUTTON_RT + LAMP_OFF_RT),) if out else ())


def test_a_redstone_block_and_a_torch_power_at_rest() -> None:
    for source in ("redstone_block", "redstone_torch"):
        trace = press(
            circuit((0, 1, 0, BUTTON), (5, 1, 5, source), (5, 1, 6, WIRE), (5, 1, 7, LAMP)), SIDE
        )
        assert trace.lit_before == ((5, 1, 7),)
        assert trace.dust[5, 1, 6] == Dust(2, 15, ("north", "south"))


def test_a_clock_never_settles_and_is_watched_to_the_end() -> None:
    """A torch whose own power comes back through a repeater: on and off for ever."""
    trace = press(
        circuit(
            (0, 1, 0, BUTTON),
            (5, 1, 5, "stone"),
            (6, 1, 5, "redstone_wall_torch[facing=east]"),
            (6, 1, 6, WIRE),
            (6, 1, 7, WIRE),
            (5, 1, 7, WIRE),
            (5, 1, 6, "repeater[facing=south,delay=4]"),
        ),
        SIDE,
        watch_rt=60,
    )
    assert not trace.settled
    assert not trace.quiet
    assert trace.end_rt == 60


def test_the_watch_lasts_until_the_last_expected_fall_and_its_tail() -> None:
    one = line(WIRE, LAMP)
    assert press(one, SIDE, last_fall_rt=100).end_rt == 120
    assert press(one, SIDE, last_fall_rt=100, tail_rt=0).end_rt == 100
    assert press(one, SIDE, watch_rt=7).end_rt == 7
    assert not press(one, SIDE, watch_rt=7).quiet
    assert _only_lamp(press(one, SIDE, watch_rt=7)) == (Interval(0, None),)


@pytest.mark.parametrize("parts", [PASSIVE, None], ids=["no sources", "every part"])
def test_the_standing_world_equals_a_fresh_one(parts: tuple[str, ...] | None) -> None:
    """They may differ only where a circuit feeds itself: its rest then depends on its building."""
    compared = 0
    for seed in range(150):
        one = random_circuit(seed, parts) if parts else random_circuit(seed)
        if feeds_itself(one):
            continue
        compared += 1
        assert press(one, SIDE, watch_rt=100) == press_fresh(one, SIDE, watch_rt=100), seed
    assert compared > 100


def test_a_press_leaves_nothing_behind() -> None:
    circuits = [random_circuit(seed) for seed in range(12)]
    first = [press(one, SIDE) for one in circuits]
    CACHE.clear()
    assert [press(one, SIDE) for one in reversed(circuits)] == first[::-1]


def test_the_place_in_the_area_makes_no_difference() -> None:
    for seed in range(20):
        one = random_circuit(seed)
        if feeds_itself(one):
            continue
        far = Circuit(
            {(x + 27, y, z + 27): state for (x, y, z), state in one.blocks.items()},
            (one.press[0] + 27, 1, one.press[2] + 27),
        )
        here = press(one, SIDE).lamps
        there = {(x - 27, y, z - 27): lit for (x, y, z), lit in press(far, SIDE).lamps.items()}
        assert there == here


def test_states_are_those_of_the_moment() -> None:
    one = line(WIRE, "repeater[facing=north,delay=3]", LAMP)
    lamp = (0, 1, 3)
    for at_rt, lit in ((None, False), (0, False), (2, False), (3, True), (14, True), (15, False)):
        assert ("lit=true" in states_at(one, SIDE, at_rt)[lamp]) is lit


def test_one_run_shows_what_many_runs_show() -> None:
    """The changes of one run, laid one over the other, are the states of a run to each moment."""
    for one in (line(WIRE, "repeater[facing=north,delay=3]", LAMP), *map(random_circuit, range(8))):
        settled, *changes = states_over(one, SIDE, most_rt=24)
        assert settled == states_at(one, SIDE)
        now = dict(settled)
        for at_rt, changed in enumerate(changes):
            now |= changed
            assert now == states_at(one, SIDE, at_rt)
        assert len(changes) <= 25
        if len(changes) < 25:  # it fell quiet, so nothing changes any more
            assert now == states_at(one, SIDE, 60)


def test_a_clock_is_shown_no_longer_than_wanted() -> None:
    eyes = ("observer[facing=east]", "observer[facing=west]")
    clock = circuit(
        (0, 1, 0, BUTTON), *((x, 1, 3, eye) for x, eye in zip((3, 4), eyes, strict=True))
    )
    assert len(states_over(clock, SIDE, most_rt=30)) == 32  # settled, and 0 to 30


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ({(2_000_000_000, 1, 0): STONE}, "stay inside"),
        ({(1, 5, 0): STONE}, "stay inside"),
        ({(1, 0, 0): STONE}, "stay inside"),
        ({(-1, 1, 0): STONE}, "stay inside"),
        ({(1, 1, 0): "minecraft:repeater[delay=9]"}, "canonical"),
        ({(1, 1, 0): "minecraft:tnt"}, "canonical"),
        ({(1, 1, 0): AIR}, "canonical"),
        ({(0, 1, 0): STONE}, "stone_button"),
    ],
)
def test_nothing_unchecked_reaches_the_engine(
    blocks: dict[tuple[int, int, int], str], told: str
) -> None:
    one = Circuit({(0, 1, 0): parse_block(BUTTON)} | blocks, (0, 1, 0))
    for judge in (press, press_fresh, states_at, states_over):
        with pytest.raises(InputError, match=told):
            judge(one, SIDE)


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    trace = press(line(LAMP), SIDE)
    cache = TraceCache(capacity=2)
    for name in "abc":
        cache.put((name,), replace(trace, end_rt=ord(name)))
        cache.get(("a",))
    assert len(cache) == 2
    kept = [name for name in "abc" if cache.get((name,)) is not None]
    assert kept == ["a", "c"]
    cache.clear()
    assert cache.get(("a",)) is None


def test_a_cached_trace_is_the_same_object_per_watch() -> None:
    one = line(WIRE, LAMP)
    assert press(one, SIDE) is press(one, SIDE)
    assert press(one, SIDE) is not press(one, SIDE, last_fall_rt=50)


def _pressed(one: Circuit) -> Trace:
    CACHE.clear()
    return press(one, SIDE)


def test_a_new_process_makes_its_own_world() -> None:
    one = random_circuit(3)
    here = _pressed(one)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_pressed, (one,)) == here


def test_a_world_belongs_to_the_process_that_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = random_circuit(4)
    here = _pressed(one)
    mine = board._board(SIDE)
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert board._board(SIDE) is not mine
    assert _pressed(one) == here


def test_the_engine_is_named_with_its_version() -> None:
    assert ENGINE == "nucleation 0.12.0 tick"
