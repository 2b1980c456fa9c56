"""The experiments measure, live, the laws of the published game."""

import pytest

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press_fresh
from diagnose.env.experiments import (
    AREA_SIDE,
    catalogue,
    describe,
    further,
    measured,
    outcome,
    run,
    true_laws,
)
from diagnose.laws import CATALOGUE

# Source: Minecraft Wiki, Redstone mechanics; dust strength 15 falling by one per block.
KNOWN = {
    "attenuation": 15,
    "repeater_delay": 4,
    "pulse_length": 10,
    "lamp_lag": 2,
    "dust_climb": 1,
}


def test_measured_values_are_the_games():
    laws = true_laws()
    assert set(laws) == set(CATALOGUE) == set(catalogue())
    assert {law: laws[law] for law in KNOWN} == KNOWN


# Source: Minecraft Wiki (Java Edition). 1 says that a qualitative law holds:
# "Redstone Dust": an opaque block above the lower dust cuts a slope; strength falls by 1 a block;
#   dust takes no time; it turns towards a target block, but not towards other opaque blocks.
# "Opaque block", "Glass": glass conducts no power. "Redstone mechanics": a block that dust powers
#   is weakly powered and powers no dust; one that a repeater powers is strongly powered.
# "Button": powers the block it is attached to. "Block of Redstone": always on.
# "Redstone Torch": off while its block is powered, 1 rt later. "Redstone Repeater": output 15,
#   locked by a powered repeater at its side. "Redstone Comparator": 1 rt; rear minus side, or rear
#   where the side is no stronger. "Observer": a pulse of 1 rt. "Redstone Lamp": lights at once.
# BENCHMARK, "The engine: facts measured": torch 1, comparator 1, lamp on 0 rt.
KNOWN_FURTHER = {
    "slope_cut": 1,
    "glass_insulation": 1,
    "strong_power": 1,
    "strength_loss": 1,
    "dust_speed": 0,
    "target_redirect": 1,
    "constant_source": 1,
    "button_attachment": 1,
    "torch_inversion": 1,
    "torch_delay": 1,
    "comparator_delay": 1,
    "comparator_strengths": 1,
    "repeater_lock": 1,
    "repeater_renewal": 15,
    "observer_pulse": 1,
    "lamp_rise": 0,
}
EVERY = {**catalogue(), **further()}


def test_further_experiments_measure_the_games_values_and_no_law_of_a_task():
    assert {law: measured(experiment) for law, experiment in further().items()} == KNOWN_FURTHER
    assert not set(further()) & set(CATALOGUE)


@pytest.mark.parametrize("law", EVERY)
def test_no_arm_alone_reveals_its_law(law):
    results = run(EVERY[law])
    assert EVERY[law].infer({}) is None
    for label, seen in results.items():
        assert EVERY[law].infer({label: seen}) is None


@pytest.mark.parametrize("law", EVERY)
def test_a_law_is_not_revealed_where_every_lamp_behaves_as_the_controls(law):
    results = run(EVERY[law])
    control = next(iter(results.values()))
    value = EVERY[law].infer(dict.fromkeys(results, control))
    # Equal lamps do tell that further parts in the wire take no time.
    assert value == (0 if law in {"dust_speed", "torch_delay", "comparator_delay"} else None)


@pytest.mark.parametrize("law", EVERY)
def test_replicates_are_one_rig_in_other_places_and_a_fresh_world_agrees(law):
    for arm in EVERY[law].arms:
        assert len({one.press for one in arm.replicates}) == len(arm.replicates)
        assert len({moved_to_its_button(one) for one in arm.replicates}) == 1
    control = EVERY[law].arms[0]
    assert outcome(press_fresh(control.circuit, AREA_SIDE)) == run(EVERY[law])[control.label]


def moved_to_its_button(circuit):
    x, y, z = circuit.press
    blocks = {(p - x, q - y, r - z): state for (p, q, r), state in circuit.blocks.items()}
    return Circuit(blocks, (0, 0, 0))


def test_titles_and_labels_are_distinct_and_can_be_read_back():
    titles = [experiment.title for experiment in EVERY.values()]
    assert len(set(titles)) == len(titles)
    for experiment in EVERY.values():
        labels = [arm.label for arm in experiment.arms]
        assert len(set(labels)) == len(labels) >= 2
        assert not any(": " in text or "\n" in text for text in (experiment.title, *labels))


@pytest.mark.parametrize("law", [law for law, one in EVERY.items() if one.arm_at is not None])
def test_amounts_are_tried_once_each_and_only_where_a_rig_fits(law):
    experiment = EVERY[law]
    wide = experiment.with_amounts([-1, 0, *experiment.amounts, 500, *experiment.amounts])
    labels = [arm.label for arm in wide.arms]
    assert len(set(labels)) == len(labels)
    assert {int(label.split()[0]) for label in labels} == set(experiment.amounts)
    assert measured(wide) == measured(experiment)
    assert experiment.with_amounts([]) is experiment


def test_descriptions_say_when():
    assert describe(()) == "stays dark"
    assert describe(((0, 12),)) == "lit from 0 to 12 rt"
    assert describe(((0, 3), (11, None))) == "lit from 0 to 3 rt and from 11 rt on"
