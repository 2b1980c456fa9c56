"""Every task's gold device passes in the simulator; a near miss fails with the reason named."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.circuit import Circuit
from diagnose.env.experiments import true_laws
from diagnose.errors import InputError
from diagnose.laws import CATALOGUE
from diagnose.tasks import FAMILIES, Task, all_tasks, build_device, family_of, task, verdict_of
from diagnose.tasks.base import area_side, make_task
from diagnose.tasks.needs import needed_laws, passes

PUBLISHED = {
    "A": [{"skew_rt": 1}] * 5,
    "B": [{"reach": reach} for reach in (8, 12, 15, 18, 20)],
    "C": [{"delays_rt": [1, 2] * ((n - 2) // 2) + [1]} for n in (4, 8, 16, 32, 64)],
    "D": [{"distances": [4, 8, 12, 16]}] * 5,
    "E": [{"tau_rt": tau} for tau in (4, 6, 8, 10, 12)],
}


def own(letter: str, lamps: int) -> Task:
    """A task by the family's rule at a number of lamps that is no level."""
    return Task(letter, 0, lamps, area_side(lamps), FAMILIES[letter].params(lamps))


BEYOND = [
    *(make_task(FAMILIES[letter], level) for letter in "ABCE" for level in (6, 7)),
    own("D", 96),
    make_task(FAMILIES["D"], 6),
]


def edited(circuit: Circuit, old: str, new: str, count: int = 1) -> Circuit:
    """Replace the first ``count`` blocks whose state contains ``old``."""
    blocks = dict(circuit.blocks)
    hits = [pos for pos, state in blocks.items() if old in state][:count]
    assert hits, f"no block with {old}"
    for pos in hits:
        blocks[pos] = blocks[pos].replace(old, new)
    return Circuit(blocks, circuit.press)


def gold(one: Task) -> Circuit:
    return build_device(one, true_laws())


def test_levels_have_the_published_parameters():
    assert len(all_tasks()) == 25
    for one in all_tasks():
        assert one.lamps == 2 ** (one.level + 1)
        assert one.area_side == 33
        assert one.params == PUBLISHED[one.family][one.level - 1]


@pytest.mark.parametrize("one", [*all_tasks(), *BEYOND], ids=lambda one: one.id)
def test_the_full_knowledge_device_passes(one):
    assert verdict_of(one, gold(one)).reasons == ()


def test_area_grows_with_the_lamps_and_stays_odd():
    assert [area_side(n) for n in (4, 64, 128, 256)] == [33, 33, 47, 67]


def test_d_beyond_two_runs_of_dust_is_refused_not_faked():
    with pytest.raises(InputError, match="no device for these is known"):
        gold(task("D-L7"))


def test_d_l7_has_room_only_with_its_button_near_an_edge():
    """Two lamps fit in a column of four layers; neighbours on a ring touch only by an edge."""
    one = task("D-L7")
    side, each = one.area_side, one.lamps // 4

    def room(z):
        cells = [abs(x - side // 2) + abs(k - z) for x in range(side) for k in range(side)]
        return min(2 * cells.count(distance) for distance in one.params["distances"])

    assert room(side // 2) == 24 < each
    assert [z for z in range(side // 2 + 1) if room(z) >= each] == list(range(21))


@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_needed_laws_suffice_and_each_is_needed(one):
    laws = {law: true_laws()[law] for law in needed_laws(one)}
    assert laws
    assert passes(one, laws)
    for law in laws:
        assert not passes(one, {name: value for name, value in laws.items() if name != law})


@settings(max_examples=150, deadline=None)
@given(one=st.sampled_from(all_tasks()), known=st.sets(st.sampled_from(sorted(CATALOGUE))))
def test_any_ignorance_still_gives_a_device_that_stands(one, known):
    circuit = build_device(one, {law: true_laws()[law] for law in known})
    assert circuit.cells("stone_button") == (circuit.press,)
    assert Circuit.from_json(circuit.to_json(), one.area_side) == circuit


@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_one_lamp_short_is_named(one):
    circuit = gold(one)
    lamp = circuit.cells("redstone_lamp")[-1]
    blocks = {**circuit.blocks, lamp: "minecraft:stone"}
    verdict = verdict_of(one, Circuit(blocks, circuit.press))
    assert not verdict.passed
    assert any("lamps" in reason and str(one.lamps) in reason for reason in verdict.reasons)


def test_a_skew_of_one_tick_passes_and_of_two_fails():
    one = task("A-L4")
    circuit = gold(one)
    assert verdict_of(one, edited(circuit, "delay=1", "delay=2")).passed
    verdict = verdict_of(one, edited(circuit, "delay=1", "delay=3"))
    assert re.search(r"skew is 2 rt, at most 1 allowed: lamp \(\d+, 1, \d+\)", verdict.reasons[0])


@pytest.mark.parametrize("off_by", [-1, 1])
def test_b_reach_off_by_one_block_is_named(off_by):
    one = task("B-L3")
    other = replace(one, params={"reach": one.params["reach"] + off_by})
    verdict = verdict_of(other, gold(one))
    assert any("15 blocks away" in reason for reason in verdict.reasons)


def test_b_wants_far_lamps_on_both_sides():
    one = task("B-L1")
    circuit = gold(one)
    ends = [p for p in circuit.cells("redstone_lamp") if abs(p[0] - circuit.press[0]) == 8]
    blocks = dict(circuit.blocks)
    # Drop one far lamp, and hang another lamp elsewhere so that the count is right.
    blocks.pop(ends[0])
    x, y, z = circuit.press
    blocks[(x, y, z + 1)] = "minecraft:redstone_lamp[lit=false]"
    verdict = verdict_of(one, Circuit(blocks, circuit.press))
    assert any("one side" in reason for reason in verdict.reasons)


def test_b_wants_a_junction_on_the_way():
    """Four straight arms from the button: every measure is right, but no wire branches."""
    blocks = {(16, 1, 16): "stone_button[face=floor]"}
    for (dx, dz), length in {(1, 0): 8, (-1, 0): 8, (0, 1): 5, (0, -1): 5}.items():
        for step in range(1, length):
            blocks[(16 + dx * step, 1, 16 + dz * step)] = "redstone_wire"
        blocks[(16 + dx * length, 1, 16 + dz * length)] = "redstone_lamp"
    entries = [[*pos, block] for pos, block in blocks.items()]
    circuit = Circuit.from_json({"blocks": entries, "press": [16, 1, 16]}, 33)
    reasons = verdict_of(task("B-L1"), circuit).reasons
    assert reasons == ("no dust with three connections carries power on to two lamps or more",)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_c_one_tick_off_names_the_gap(level):
    one = task(f"C-L{level}")
    verdict = verdict_of(one, edited(gold(one), "delay=2", "delay=3"))
    assert any(re.match(r"gap \d+ is 3 rt, not 2", reason) for reason in verdict.reasons)


def test_d_wrong_distance_and_wrong_tick_are_named():
    one = task("D-L2")
    moved = replace(one, params={"distances": [4, 8, 12, 15]})
    assert any("distance 15" in reason for reason in verdict_of(moved, gold(one)).reasons)
    two = make_task(FAMILIES["D"], 6)
    verdict = verdict_of(two, edited(gold(two), "delay=2", "delay=3"))
    assert any("do not light at one tick" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("off_by", [-1, 1])
def test_e_one_tick_off_names_the_powered_time(level, off_by):
    one = task(f"E-L{level}")
    tau = one.params["tau_rt"]
    verdict = verdict_of(replace(one, params={"tau_rt": tau + off_by}), gold(one))
    assert any(f"powered for {tau} rt, not {tau + off_by}" in r for r in verdict.reasons)


def test_e_level_four_is_the_bare_pulse():
    circuit = gold(task("E-L4"))
    assert not circuit.cells("comparator")
    assert not any("delay=2" in state or "delay=3" in state for state in circuit.blocks.values())


@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_texts_reveal_no_mechanics(one):
    text = family_of(one).text(one)
    said = set(re.findall(r"[a-z]+", text.lower()))
    mechanics = "repeater comparator torch attenuation strength decay delay subtract diagonal climb"
    assert not said & set(mechanics.split())
    given_numbers = {str(one.lamps), str(one.lamps // 4)} | set(re.findall(r"\d+", str(one.params)))
    assert set(re.findall(r"\d+", text)) <= given_numbers


@pytest.mark.parametrize(
    "name", ["F-L1", "A-L9", "A-L0", "A", "", "A-L²", "C-L-1", "A-L" + "9" * 50]
)
def test_unknown_tasks_are_refused_by_name(name):
    with pytest.raises(InputError, match=r"task|level"):
        task(name)
