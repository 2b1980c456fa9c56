"""The world a subject edits: support, popping, refusals that change nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from diagnose.env.blocks import AIR, CANONICAL_STATES, is_full, name_of, parse_block, support_of
from diagnose.env.circuit import Circuit
from diagnose.env.world import World
from diagnose.errors import SubjectError
from tests.env.circuits import random_circuit

SIDE = 8


@pytest.fixture
def world() -> World:
    return World(SIDE)


def test_a_built_world_is_its_circuit(world: World) -> None:
    for seed in range(10):
        circuit = random_circuit(seed)
        world.clear()
        edit = world.build([[*pos, state] for pos, state in reversed(list(circuit.blocks.items()))])
        assert edit.placed == len(circuit.blocks)
        assert world.circuit(list(circuit.press)) == circuit
        assert world.circuit(circuit.press).sha256 == circuit.sha256


def test_fill_takes_corners_in_any_order(world: World) -> None:
    assert world.fill([4, 2, 3], [2, 1, 5], "stone").placed == 3 * 2 * 3
    assert set(world.blocks) == {(x, y, z) for x in (2, 3, 4) for y in (1, 2) for z in (3, 4, 5)}


def test_what_hung_on_a_removed_block_pops_off(world: World) -> None:
    world.build(
        [
            [2, 1, 2, "stone"],
            [2, 2, 2, "redstone_wire"],
            [3, 1, 2, "redstone_wall_torch[facing=east]"],
            [1, 1, 2, "stone_button[face=wall,facing=west]"],
            [2, 1, 3, "redstone_lamp"],
        ]
    )
    edit = world.remove([2, 1, 2])
    assert dict(edit.popped) == {
        (2, 2, 2): "redstone_wire",
        (3, 1, 2): "redstone_wall_torch",
        (1, 1, 2): "stone_button",
    }
    assert set(world.blocks) == {(2, 1, 3)}
    assert "popped off: " in str(edit)


def test_replacing_a_support_by_a_full_block_keeps_what_hangs_on_it(world: World) -> None:
    world.build([[2, 1, 2, "stone"], [2, 2, 2, "repeater"]])
    edit = world.place([2, 1, 2], "glass")
    assert (edit.replaced, edit.popped) == (((2, 1, 2),), ())
    edit = world.place([2, 1, 2], "redstone_torch")
    assert edit.popped == (((2, 2, 2), "repeater"),)


def test_air_removes_and_an_empty_cell_stays_empty(world: World) -> None:
    world.place([2, 1, 2], "stone")
    assert world.place([2, 1, 2], "air").removed == ((2, 1, 2),)
    assert str(world.remove([2, 1, 2])) == "nothing changed"
    assert str(world.place([2, 0, 2], "stone")) == "nothing changed"


@pytest.mark.parametrize(
    ("call", "args", "told"),
    [
        ("place", ([8, 1, 0], "stone"), "x and z from 0 to 7, y from 1 to 4"),
        ("place", ([0, 5, 0], "stone"), "outside the area"),
        ("place", ([-1, 1, 0], "stone"), "outside the area"),
        ("place", ([2_000_000_000, 1, 0], "stone"), "outside the area"),
        ("place", ([10**5000, 1, 0], "stone"), "outside the area"),
        ("place", ([True, 1, 0], "stone"), "whole numbers"),
        ("place", ([1.0, 1, 0], "stone"), "whole numbers"),
        ("place", ([float("nan"), 1, 0], "stone"), "whole numbers"),
        ("place", ("abc", "stone"), "[x, y, z]"),
        ("place", (None, "stone"), "[x, y, z]"),
        ("place", ([0, 1, 0], "lever"), "palette"),
        ("place", ([0, 1, 0], "repeater[delay=9]"), "repeater.delay"),
        ("place", ([0, 1, 0], None), "block"),
        ("place", ([0, 0, 0], "glass"), "stone floor"),
        ("place", ([0, 2, 0], "redstone_wire"), "full block at [0, 1, 0], which holds air"),
        ("place", ([0, 1, 0], "stone_button[facing=east]"), "outside the area"),
        ("fill", ([0, 1, 0], [10**9, 1, 10**9], "stone"), "outside the area"),
        ("fill", ([0, 1, 0], [3, 2, 3], "redstone_wire"), "and 13 more"),
        ("fill", ([0, 0, 0], [3, 1, 3], "glass"), "stone floor"),
        ("build", ("stone",), "list of"),
        ("build", ([[0, 1, 0]],), "entry 0"),
        ("build", ([[0, 1, 0, "stone"], [0, 1, "x", "stone"]],), "entry 1"),
        ("build", ([[0, 1, 0, "stone"]] * 1_000_000,), "1000000 blocks"),
        ("remove", ([0, 0, 0],), "stone floor"),
        ("remove", ([0, 9, 0],), "outside the area"),
        ("circuit", ([0, 1, 0],), "holds air"),
        ("circuit", (), "0 stone buttons"),
        ("look", (0,), "from 1 to 4"),
        ("look", (True,), "from 1 to 4"),
        ("look", ("1",), "from 1 to 4"),
        ("at", ([0, 1],), "[x, y, z]"),
    ],
)
def test_a_refusal_says_what_to_do_and_changes_nothing(
    world: World, call: str, args: tuple[Any, ...], told: str
) -> None:
    world.place([7, 1, 7], "stone")
    before = world.snapshot()
    with pytest.raises(SubjectError) as caught:
        getattr(world, call)(*args)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 600
    assert world.blocks == before


def test_deeply_nested_values_are_refused(world: World) -> None:
    inner: list[Any] = []
    for _ in range(100_000):
        inner = [inner]
    for call, args in (("place", (inner, "stone")), ("build", (inner,)), ("remove", (inner,))):
        with pytest.raises(SubjectError):
            getattr(world, call)(*args)


def test_a_button_must_be_chosen_when_two_stand(world: World) -> None:
    world.fill([1, 1, 1], [2, 1, 1], "stone_button[face=floor]")
    with pytest.raises(SubjectError, match="2 stone buttons"):
        world.circuit()
    assert world.circuit([2, 1, 1]).press == (2, 1, 1)
    world.remove([2, 1, 1])
    assert world.circuit().press == (1, 1, 1)


def test_restore_undoes_everything(world: World) -> None:
    world.fill([0, 1, 0], [3, 1, 3], "stone")
    kept = world.snapshot()
    world.clear()
    assert not world.blocks
    world.restore(kept)
    assert len(world.blocks) == 16
    world.remove([0, 1, 0])
    assert len(kept) == 16


def test_a_layer_is_drawn_cropped_with_a_legend(world: World) -> None:
    world.build(
        [
            [2, 1, 3, "stone_button[face=floor]"],
            [3, 1, 3, "redstone_wire"],
            [4, 1, 3, "repeater[facing=west,delay=3]"],
            [5, 1, 4, "redstone_lamp"],
            [5, 2, 4, "comparator[facing=south,mode=subtract]"],
        ]
    )
    assert world.look(1).splitlines() == [
        "y=1, x to the right (east), z downwards (south)",
        "    2   3   4   5",
        "z=3 Bf  +   rw3 .",
        "z=4 .   .   .   L",
        (
            ". empty, + dust, r repeater + facing + delay, "
            "B button + face (+ facing on a wall), L redstone_lamp"
        ),
    ]
    assert "z=4 .   .   .   cs-" in world.look(2)
    assert world.look(3) == "y=3: empty"


_cells = st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3))
_blocks = st.sampled_from([*sorted(CANONICAL_STATES), "stone", "stone"])


class Editing(RuleBasedStateMachine):
    """Whatever is done, what stands is supported, and a refusal changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(4)

    def _try(self, call: str, *args: Any) -> None:
        before = self.world.snapshot()
        try:
            edit = getattr(self.world, call)(*args)
        except SubjectError:
            assert self.world.blocks == before
            return
        kept = {pos for pos, state in self.world.blocks.items() if before.get(pos) == state}
        gone = {pos for pos, _ in edit.popped} | set(edit.removed) | set(edit.replaced)
        assert set(before) - kept <= gone

    @rule(pos=_cells, block=_blocks)
    def place(self, pos: Any, block: str) -> None:
        self._try("place", pos, block)

    @rule(a=_cells, b=_cells, block=_blocks)
    def fill(self, a: Any, b: Any, block: str) -> None:
        self._try("fill", a, b, block)

    @rule(blocks=st.lists(st.tuples(_cells, _blocks), max_size=8))
    def build(self, blocks: Any) -> None:
        self._try("build", [[*pos, block] for pos, block in blocks])

    @rule(pos=_cells)
    def remove(self, pos: Any) -> None:
        self._try("remove", pos)

    @invariant()
    def everything_stands(self) -> None:
        for pos, state in self.world.blocks.items():
            assert state in CANONICAL_STATES
            assert state != AIR
            assert 1 <= pos[1] <= 4
            support = support_of(pos, state)
            assert support is None or support[1] == 0 or is_full(self.world.blocks[support])

    @invariant()
    def a_world_with_a_button_is_a_valid_circuit_file(self) -> None:
        for pos, state in self.world.blocks.items():
            if name_of(state) == "stone_button":
                circuit = self.world.circuit(pos)
                assert Circuit.from_json(circuit.to_json(), 4) == circuit


test_editing = Editing.TestCase
test_editing.settings = settings(max_examples=40)


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(_junk, _junk, _junk)
def test_junk_never_crashes_a_call(a: Any, b: Any, c: Any) -> None:
    world = World(SIDE)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("place", (a, b)),
        ("fill", (a, b, c)),
        ("remove", (a,)),
        ("at", (a,)),
        ("circuit", ([a, b, c],)),
    ]
    for call, args in calls:
        with pytest.raises(SubjectError):
            getattr(world, call)(*args)
    assert not world.blocks


def test_at_tells_what_stands(world: World) -> None:
    world.place([1, 1, 1], "target")
    assert world.at([1, 1, 1]) == parse_block("target")
    assert world.at([1, 0, 1]) == "minecraft:stone"
    assert world.at([1, 4, 1]) == AIR
