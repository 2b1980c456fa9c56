"""The published devices light as many lamps as published, and fail by their mechanism alone."""

import pytest

from diagnose.env.causes import CAPACITY_CONVENTION, CAUSES
from diagnose.env.circuit import Circuit
from diagnose.env.devices import AREA_SIDE, PublishedDevice, published_devices
from diagnose.env.engine import press, press_fresh
from diagnose.env.labels import failures
from diagnose.env.timing import Expected
from diagnose.env.verifier import common_reasons
from diagnose.tasks import task, verdict_of

# Lit lamps, lamps and category as published (arXiv 2604.24697, failure taxonomy).
PUBLISHED = {
    "glass_pedestal": (0, 32, "structural"),
    "broken_bridge": (0, 32, "structural"),
    "axes_only": (0, 32, "structural"),
    "backwards_repeaters": (8, 32, "structural"),
    "long_snake": (10, 32, "signal propagation"),
    "missing_rails": (24, 32, "signal propagation"),
    "tiny_core": (8, 32, "signal propagation"),
    "islands": (16, 32, "wire semantics"),
    "parallel_lines": (14, 32, "wire semantics"),
    "connection_trap": (20, 32, "wire semantics"),
    "dead_end_hooks": (12, 20, "wire semantics"),
    "the_ring": (0, 16, "wire semantics"),
    "working_reference": (32, 32, ""),
}
DEVICES = published_devices()
FAILED = sorted(set(PUBLISHED) - {"working_reference"})


def _lit(circuit: Circuit) -> int:
    return sum(map(bool, press_fresh(circuit, AREA_SIDE).lamps.values()))


def test_the_devices_are_those_published():
    found = {name: (one.lit, one.lamps, one.category) for name, one in DEVICES.items()}
    assert found == PUBLISHED


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_device_lights_as_many_lamps_as_published(name: str):
    lit, lamps, _ = PUBLISHED[name]
    circuit = DEVICES[name].circuit
    assert (_lit(circuit), len(circuit.cells("redstone_lamp"))) == (lit, lamps)


@pytest.mark.parametrize("name", FAILED)
def test_the_repair_of_its_mechanism_lights_every_lamp(name: str):
    one = DEVICES[name]
    assert _lit(one.repaired) == one.lamps == len(one.repaired.cells("redstone_lamp"))
    trace = press(one.repaired, AREA_SIDE)
    assert common_reasons(one.lamps, one.repaired, trace) == []


def test_what_each_name_says_can_be_seen_in_its_device():
    snake = DEVICES["long_snake"].circuit
    assert len(snake.cells("redstone_wire")) == 94
    assert not snake.cells("repeater")
    assert len(DEVICES["glass_pedestal"].circuit.cells("glass")) == 1
    assert not DEVICES["glass_pedestal"].repaired.cells("glass")
    lamps = DEVICES["axes_only"].circuit.cells("redstone_lamp")
    dust = DEVICES["axes_only"].circuit.cells("redstone_wire")
    assert all(16 in (x, z) for x, _, z in dust)
    assert not any(16 in (x, z) for x, _, z in lamps)
    reference = DEVICES["working_reference"].circuit
    assert verdict_of(task("A-L4"), reference).passed


def _repair_kinds(one: PublishedDevice) -> set[str]:
    before, after = one.circuit.blocks, one.repaired.blocks
    return {
        (after.get(pos) or before[pos]).partition("[")[0].removeprefix("minecraft:")
        for pos in before.keys() | after.keys()
        if before.get(pos) != after.get(pos)
    }


def test_repairs_touch_the_mechanism_alone():
    kinds = {name: _repair_kinds(DEVICES[name]) for name in FAILED}
    dust, lamp = "redstone_wire", "redstone_lamp"
    assert kinds == {
        "glass_pedestal": {"stone"},
        "broken_bridge": {"stone", dust},
        "axes_only": {dust},
        "backwards_repeaters": {"repeater"},
        "long_snake": {"repeater"},
        "missing_rails": {dust},
        "tiny_core": {"repeater"},
        "islands": {dust},
        "parallel_lines": {dust, lamp},
        "connection_trap": {dust},
        "dead_end_hooks": {lamp},
        "the_ring": {dust, lamp},
    }


@pytest.mark.parametrize("name", FAILED)
def test_the_labeller_names_the_mechanism_and_a_repair_confirms_it(name: str):
    one = DEVICES[name]
    trace = press(one.circuit, AREA_SIDE)
    found = failures(one.circuit, trace, AREA_SIDE, Expected(one.lamps), presses=8)
    assert found[0].cause == one.cause
    assert found[0].confirmed is True
    dark = {pos for pos, lit in trace.lamps.items() if not lit}
    assert {pos for each in found for pos in each.lamps} == dark
    assert found[0].capacity_by_convention == one.capacity == CAPACITY_CONVENTION[one.category]
    assert CAUSES[one.cause].category == one.category


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_device_that_works_has_no_cause(name: str):
    one = DEVICES[name]
    trace = press(one.repaired, AREA_SIDE)
    assert failures(one.repaired, trace, AREA_SIDE, Expected(one.lamps)) == ()
