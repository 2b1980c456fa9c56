"""A program cannot make the host work without end, and so keep its episode from being observed."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.env import engine
from diagnose.env.blocks import AIR, CANONICAL_STATES, Pos, name_of
from diagnose.env.circuit import Circuit, unsupported
from diagnose.env.engine import TraceCache, press, press_fresh
from diagnose.env.trace import Dust, Interval, Trace
from diagnose.env.world import World
from diagnose.episode import run_episode
from diagnose.errors import InputError, SubjectError
from diagnose.sandbox import Sandbox
from tests.agent.beside import code, episode, said
from tests.env.circuits import BUTTON, circuit

SIDE = 5


def clocks(count: int) -> Circuit:
    """Pairs of observers that watch each other for ever."""
    pairs = [
        (1 + 2 * (n % 16), y, 1 + n // 16, f"observer[facing={facing}]")
        for n in range(count)
        for y, facing in ((1, "up"), (2, "down"))
    ]
    return circuit((0, 1, 0, BUTTON), *pairs)


def test_an_area_full_of_clocks_is_not_watched_to_the_end() -> None:
    few, many = press(clocks(1), 33), press(clocks(400), 33)
    assert (few.settled, few.quiet, few.end_rt) == (False, False, 600)
    assert (many.settled, many.quiet) == (False, False)
    # A pair changes twice in three game ticks; the log is read every twenty.
    looks = math.ceil(engine.MOST_CHANGES / (400 * 2 / 3) / 20)
    assert many.end_rt == looks * 20 / engine.TICKS_PER_RT
    assert press_fresh(clocks(400), 33) == many


def trace(intervals: int) -> Trace:
    lit = tuple(Interval(3 * n, 3 * n + 1) for n in range(intervals))
    return Trace({(0, 1, 0): lit}, True, (), True, 20, {(1, 1, 0): Dust(0, 0)})


def test_the_cache_is_bounded_by_what_its_traces_hold() -> None:
    cache = TraceCache(capacity=100, parts=50)
    for number in range(10):
        cache.put((number,), trace(8))  # 8 intervals, a lamp and a dust: 10 parts
        cache.put((number,), trace(8))
    assert [key for key in range(10) if cache.get((key,))] == [5, 6, 7, 8, 9]
    cache.put(("huge",), trace(100))  # alone too much: nothing is kept
    assert len(cache) == 0
    cache.put((0,), trace(8))
    assert len(cache) == 1


@pytest.mark.parametrize("at_rt", [float("nan"), float("inf"), -1])
def test_a_picture_is_of_a_time_that_can_be(at_rt: float) -> None:
    with pytest.raises(InputError, match="at_rt"):
        engine.states_at(circuit((0, 1, 0, BUTTON)), 33, at_rt)


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        ("f([0] * 1000)", 4),  # 1000 values and the list itself
        ("f([[0] * 1000, 2**100])", 4),  # refused ones cost as much
        ("f({n: n for n in range(1000)})", 2),
        ("f('x' * 100_000)", 4),
        ("f('x' * 200_000)", 2),
        ("f(**{str(n): n for n in range(1000)})", 2),
    ],
)
def test_what_a_program_gives_to_host_functions_is_bounded(
    monkeypatch: pytest.MonkeyPatch, call: str, calls: int
) -> None:
    monkeypatch.setattr("diagnose.sandbox.interpreter.MAX_GIVEN", 5000)
    program = f"for i in range(100):\n  try:\n    {call}\n  except TypeError:\n    i"
    given: list[Any] = []
    with Sandbox() as sandbox:
        ran = sandbox.run(program, {"f": given.append})
        assert ran.error == "stopped: more than 5000 values given to host functions"
        assert ran.calls == calls + 1  # the last one is not answered
        assert sandbox.run("f(1)", {"f": given.append}).error is None


def test_maps_are_work_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.subjects.host.MOST_WORK", 2_000)
    lines = ["fill(0, 1, 0, 8, 1, 8, 'stone')", "n = 0", "try:", "    while True:",
             "        look(1)", "        n += 1",
             "except ValueError as e:", "    print(n, e)"]  # fmt: skip
    record = run_episode(episode(code(*lines), code("look(1)")))
    # 324 cells of work for the fill, then 5 x 81 for each map
    assert "\n4 too many maps in one program; look once" in said(record)[1]
    assert "ran to its end" in said(record)[2]


class Slow:
    """The rule by its definition: after every change all blocks are looked at."""

    def __init__(self) -> None:
        self.blocks: dict[Pos, str] = {}

    def apply(self, wanted: dict[Pos, str]) -> list[tuple[Pos, str]]:
        after = {pos: state for pos, state in {**self.blocks, **wanted}.items() if state != AIR}
        popped = []
        while loose := unsupported(after, SIDE):
            if any(pos in wanted for pos, _ in loose):
                raise SubjectError("refused")
            popped += [(pos, name_of(after.pop(pos))) for pos, _ in loose]
        self.blocks = after
        return sorted(popped)


CELLS = st.tuples(*(st.integers(low, high) for low, high in ((0, 2), (1, 4), (0, 2))))
STATES = st.sampled_from(sorted(CANONICAL_STATES)) | st.sampled_from(["minecraft:stone", AIR])


def refusal(edit: Callable[[], object]) -> object:
    try:
        return edit()
    except SubjectError:
        return "refused"


@given(st.lists(st.dictionaries(CELLS, STATES, min_size=1, max_size=12), max_size=12))
def test_edits_follow_the_support_rule_over_all_blocks(edits: list[dict[Pos, str]]) -> None:
    world, slow = World(SIDE), Slow()
    for wanted in edits:
        build = [[*pos, state] for pos, state in wanted.items()]
        told = refusal(lambda build=build: list(world.build(build).popped))
        assert told == refusal(lambda wanted=wanted: slow.apply(wanted))
        assert world.blocks == slow.blocks
