"""An agent made from nothing: worlds, programs, the teacher, and what a corpus teaches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.circuit import Circuit
from diagnose.env.experiments import catalogue, true_laws
from diagnose.intervention import Setting
from diagnose.subjects.fences import python_of
from diagnose.tasks import build_device, task, verdict_of
from diagnose.tasks.needs import needed_laws
from diagnose.training.scratch import terse
from diagnose.training.scratch.corpus import corpus, played
from diagnose.training.scratch.teacher import Habits
from diagnose.training.scratch.variants import FAMILIES, variant
from diagnose.training.scratch.worlds import (
    CLAIMS,
    CONTRARY,
    HOLDS,
    LAWS,
    Told,
    World,
    booked,
    law_of,
    reported,
)
from interventions.experiment_oracles import ExperimentOracles
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import KnowledgeNotes
from interventions.solution_sketches import SolutionSketches

INTERVENTIONS = {
    "gap_hints": GapHints(),
    "experiment_oracles": ExperimentOracles(),
    "knowledge_notes": KnowledgeNotes(format="self_determined"),
    "solution_sketches": SolutionSketches(),
}
NONE, ALL = (0, 0, 0, 0), (1, 1, 1, 1)
SURE = Habits(thinks_of=1.0, pauses=0.0, guesses_right=1.0, slips=0.0)
TRUE, TURNED = World({}), World(dict.fromkeys(LAWS, CONTRARY))


def report(law, world):
    from diagnose.laws import CATALOGUE

    session = Told(ExperimentOracles(), world).open(Setting(task("C-L1"), (0, "C-L1", 0)), 1)
    ask, _ = session.functions()["ask"]
    return ask(CATALOGUE[law].question)


@pytest.mark.parametrize("law", LAWS)
def test_a_report_tells_whether_its_law_holds_and_another_law_stays_as_it_is(law):
    true, turned = report(law, TRUE), report(law, TURNED)
    assert reported(true) == {law: HOLDS}
    assert reported(turned) == {law: CONTRARY}
    assert law_of(turned) == law
    assert len(true.split()) - len(turned.split()) in range(
        -6, 7
    )  # the same rigs, in the same form
    others = World({name: CONTRARY for name in LAWS if name != law})
    assert report(law, others) == true


@pytest.mark.parametrize("law", LAWS)
def test_a_book_is_read_back_as_it_was_noted(law):
    for value, claim in enumerate(CLAIMS[law]):
        assert booked(f"# Knowledge book\n1. Text: {claim}") == {law: value}
    assert booked(CLAIMS[law][0]) == {}


def executed(program):
    """Blocks by position, from a terse program read line by line by Python itself."""
    blocks = {}

    def place(x, y, z, block):
        blocks[x, y, z] = block

    def fill(x1, y1, z1, x2, y2, z2, block):
        blocks.update({(x, y, z): block for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)
                       for z in range(z1, z2 + 1)})  # fmt: skip

    def nothing():
        return None

    scope = {"place": place, "fill": fill, "verify": nothing, "done": nothing}
    exec(program, scope)
    return blocks


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(FAMILIES))
def test_a_terse_program_builds_the_device_and_it_passes(number, family):
    one = variant(family, 0, number)
    device = build_device(one, {law: true_laws()[law] for law in needed_laws(one)})
    parts = terse.runs(device)
    blocks = executed(terse.program(parts))
    press = next(pos for pos, block in blocks.items() if block.startswith("stone_button"))
    data = {"blocks": [[*pos, f"minecraft:{block}"] for pos, block in blocks.items()],
            "press": list(press)}  # fmt: skip
    built = Circuit.from_json(data, one.area_side)
    assert built.blocks == device.blocks
    assert verdict_of(one, built).passed
    assert len(parts) <= len(device.blocks)


@pytest.mark.parametrize("name", ["A-L1", "B-L1", "C-L1", "D-L1"])
def test_a_teacher_that_knows_passes_and_in_a_turned_world_builds_by_its_book(name):
    def last(world):
        *_, step = played(task(name), INTERVENTIONS, ALL, 0, 0, world, SURE)
        return step

    known, turned = last(TRUE), last(TURNED)
    laws = [law for law in needed_laws(task(name)) if law in LAWS]
    for step, value in ((known, HOLDS), (turned, CONTRARY)):
        assert booked(step.messages[-2].content) == dict.fromkeys(laws, value)
        said = [line for line in python_of(step.messages[-1].content).splitlines() if "#" in line]
        assert said == [f"# {CLAIMS[law][value]}" for law in laws]
    assert known.messages[-1] != turned.messages[-1]


def test_without_help_a_guess_decides_and_the_world_does_not():
    def only(world, habits):
        (step,) = played(task("C-L1"), INTERVENTIONS, NONE, 0, 0, world, habits)
        return step.messages

    sure, wrong = SURE, Habits(1.0, 0.0, guesses_right=0.0, slips=0.0)
    assert only(TRUE, sure) == only(TURNED, sure)
    assert only(TRUE, sure)[:-1] == only(TRUE, wrong)[:-1]
    assert only(TRUE, sure)[-1] != only(TRUE, wrong)[-1]


def test_a_corpus_is_its_seed_and_one_message_stays_in_sight():
    first = list(corpus(INTERVENTIONS, 40, 7, Habits()))
    assert first == list(corpus(INTERVENTIONS, 40, 7, Habits()))
    assert {one.family for one in first} == set(FAMILIES)
    assert all(one.messages[-1].role == "assistant" for one in first)
    assert all(len(one.messages) == (3 if one.turn == 0 else 5) for one in first)
    assert catalogue().keys() >= set(LAWS)
