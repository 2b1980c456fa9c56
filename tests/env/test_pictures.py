"""Plan, scene and film: the right thing at the right place, and the same bytes each time."""

import random

import numpy as np
import pytest
from PIL import Image

from diagnose.env.blocks import CANONICAL_STATES, name_of, parse_block
from diagnose.env.circuit import Circuit
from diagnose.env.engine import press, states_at, states_over
from diagnose.env.experiments import true_laws
from diagnose.env.film import film
from diagnose.env.page import render_page
from diagnose.env.plan import Plan, render_plan
from diagnose.env.scene import Scene
from diagnose.env.trace import Verdict
from diagnose.tasks import build_device, task
from tests.env.circuits import BUTTON, LAMP, WIRE, circuit, line, random_circuit

DELAYED = line(WIRE, "repeater[facing=north,delay=3]", WIRE, LAMP, "repeater[facing=north]", LAMP)
LAMPS = DELAYED.cells("redstone_lamp")


def brightness(image: Image.Image, place: tuple[int, int]) -> int:
    return sum(image.getpixel(place))


def test_a_lit_lamp_is_brighter_at_its_place():
    for at_rt, lit in ((3, (True, False)), (9, (True, True)), (30, (False, False))):
        states = states_at(DELAYED, 33, at_rt)
        scene = Scene(DELAYED, states, 800)
        drawn, plan = scene.picture(), Plan.of(DELAYED)
        above = render_plan(DELAYED, states)
        for lamp, is_lit in zip(LAMPS, lit, strict=True):
            assert (brightness(drawn, scene.place(lamp)) > 600) == is_lit
            assert (brightness(above, plan.middle(lamp)) > 600) == is_lit


@pytest.mark.parametrize("name", ["repeater", "comparator", "observer", "stone_button"])
def test_directions_and_settings_are_told_apart(name):
    """No two states of a part look the same, neither in the scene nor on the plan."""
    middle = (5, 1, 5)
    states = [state for state in sorted(CANONICAL_STATES) if name_of(state) == name]
    if name == "stone_button":  # a button on the floor or the ceiling looks the same all round
        states = [s for s in states if "face=wall" in s or "facing=north" in s]
    scenes, plans = set(), set()
    for state in states:
        one = Circuit({middle: state, (2, 1, 5): parse_block(BUTTON)}, (2, 1, 5))
        scenes.add(Scene(one, one.blocks, 400).picture().tobytes())
        plans.add(render_plan(one, one.blocks).tobytes())
    assert len(scenes) == len(states)
    assert len(plans) >= len(states) - (name == "stone_button")  # seen from above, these are one


def test_dust_behind_a_wall_is_seen_faintly():
    wall = [(x, y, 4, "stone") for x in range(1, 9) for y in (1, 2)]
    hidden = circuit((0, 1, 0, BUTTON), *wall, *((x, 1, 3, WIRE) for x in range(1, 5)))
    without = {pos: state for pos, state in hidden.blocks.items() if name_of(state) != WIRE}
    bare = Circuit(without, hidden.press)
    seen = np.asarray(Scene(hidden, hidden.blocks, 800).picture()).astype(int)
    plain = np.asarray(Scene(bare, bare.blocks, 800).picture()).astype(int)
    redder = (seen[..., 0] - seen[..., 1]) - (plain[..., 0] - plain[..., 1])
    on_wall = Scene(hidden, hidden.blocks, 800).place((3, 1, 4))
    around = redder[on_wall[1] - 30 : on_wall[1] + 60, on_wall[0] - 30 : on_wall[0] + 60]
    assert 10 < around.max() < 60  # there, and fainter than dust itself


def test_changing_a_scene_is_drawing_it_anew():
    for one in (DELAYED, *(random_circuit(seed) for seed in range(4))):
        changes = states_over(one, 33, most_rt=8)
        scene = Scene(one, changes[0], 500)
        states = dict(changes[0])
        for changed in changes[1:]:
            scene.change(changed)
            states.update(changed)
            assert scene.picture().tobytes() == Scene(one, states, 500).picture().tobytes()


def test_every_block_of_a_plan_lies_in_its_cell():
    """Stones strewn at random: grey in the middle of their cells, and nowhere else."""
    draw = random.Random(5)
    stone = parse_block("stone")
    blocks = {
        (x, y, z): stone
        for x in range(3, 12)
        for y in range(1, 5)
        for z in range(20, 25)
        if draw.random() < 0.3
    }
    blocks[13, 1, 19] = parse_block(BUTTON)
    strewn = Circuit(blocks, (13, 1, 19))
    plan, image = Plan.of(strewn), render_plan(strewn, strewn.blocks)
    assert plan.layers == (1, 2, 3, 4)
    for y in plan.layers:
        for x in plan.x:
            for z in plan.z:
                here = blocks.get((x, y, z)) == stone
                assert (image.getpixel(plan.middle((x, y, z))) == (139, 144, 153)) == here


def test_only_layers_that_hold_blocks_have_a_panel():
    high = circuit((5, 1, 5, BUTTON), (9, 1, 5, "glass"), (9, 2, 5, "stone"), (9, 3, 5, WIRE))
    assert Plan.of(high).layers == (1, 2, 3)
    assert Plan.of(DELAYED).layers == (1,)


@pytest.mark.parametrize("side", [10, 70, 512])
def test_a_plan_keeps_its_size_in_any_area(side):
    wide = circuit((0, 1, 0, BUTTON), (side - 1, 1, side - 1, LAMP), side=512)
    plan, image = Plan.of(wide), render_plan(wide, wide.blocks)
    assert max(image.size) < 1700
    lit, dark = plan.middle((side - 1, 1, side - 1)), plan.middle((side - 2, 1, side - 1))
    assert image.getpixel(lit) != image.getpixel(dark)


def test_a_film_has_a_frame_for_every_tick_and_says_when(tmp_path):
    frames = film(DELAYED, tmp_path / "a.gif", "Delayed")
    trace = press(DELAYED, 33, tail_rt=0)
    falls = [interval.fall_rt for lit in trace.lamps.values() for interval in lit]
    assert frames == 2 + max(falls)  # settled, and 0 .. the last fall, after which all is quiet
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == frames
        scene = Scene(DELAYED, states_at(DELAYED, 33), 800)
        for number in range(frames):
            picture.seek(number)
            place = scene.place(LAMPS[1])
            lit = brightness(picture.convert("RGB"), (place[0], place[1] + 40)) > 600
            rise, fall = trace.lamps[LAMPS[1]][0].rise_rt, trace.lamps[LAMPS[1]][0].fall_rt
            assert lit == (rise <= number - 1 < fall)
        assert picture.info["loop"] == 0
    film(DELAYED, tmp_path / "b.gif", "Delayed")
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_film_of_a_clock_ends(tmp_path):
    eyes = ("observer[facing=east]", "observer[facing=west]")
    clock = [(x, 1, 3, eye) for x, eye in zip((3, 4), eyes, strict=True)]
    assert film(circuit((0, 1, 0, BUTTON), *clock), tmp_path / "clock.gif") == 52


@pytest.mark.slow
def test_a_film_of_64_lamps_is_under_3_megabytes(tmp_path):
    device = build_device(task("C-L5"), true_laws())
    film(device, tmp_path / "c.gif", "C-L5")
    assert (tmp_path / "c.gif").stat().st_size < 3_000_000


def test_a_page_holds_the_verdict_and_its_reasons():
    trace = press(DELAYED, 33)
    plain = render_page(DELAYED, trace, "A device")
    assert trace.brightest_rt() == 4  # delays of 3 and 1
    failed = render_page(DELAYED, trace, "A device", verdict=Verdict(False, ("late", "dark")))
    assert failed.height == plain.height + 2 * 20
    assert np.asarray(failed)[:46].tobytes() != np.asarray(plain)[:46].tobytes()
