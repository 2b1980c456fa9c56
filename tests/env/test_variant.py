"""Variants: other names for the same things, at the boundary and nowhere else."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.env.blocks import PALETTE, parse_block
from diagnose.env.experiments import catalogue, further, true_laws
from diagnose.env.questions import match
from diagnose.env.terms import NOUNS, UNHEARD, plain, quoted, unmarked
from diagnose.env.variant import KINDS, STOCK, VANILLA, variant
from diagnose.errors import InputError, SubjectError
from diagnose.intervention import Setting
from diagnose.laws import CATALOGUE
from diagnose.models.reference import Profile
from diagnose.models.reference.truth import success_probability
from diagnose.models.reference.writing import building
from diagnose.sandbox import Halt, Limits
from diagnose.subjects.briefing import system_prompt
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.host import Host
from diagnose.tasks import all_tasks, build_device, family_of, task
from interventions.experiment_oracles import REFUSAL, ExperimentOracles
from interventions.gap_hints import HINTS
from interventions.solution_sketches import STEPS, TOPOLOGY

SEEDS = range(20)
OTHERS = [kind for kind in KINDS if kind != "vanilla"]
NAMES = sorted(set(NOUNS), key=len, reverse=True)
# Words that would tell what a thing is, as the host's texts use them.
TELLING = re.compile(
    r"redstone|minecraft|\bstones?\b|glass|\bdusts?\b|repeater|comparator|torch|observer|\btargets?\b"
    r"|button|lamp|subtract|compare mode|mode\b|delay=",
    re.IGNORECASE,
)


def host_texts():
    yield system_prompt(task("C-L1"), Budgets(), Limits())
    yield from (family_of(one).text(one) for one in all_tasks())
    yield from (line for doses in HINTS.values() for lines in doses for line in lines)
    yield from (text for texts in (*TOPOLOGY.values(), *STEPS.values()) for text in texts)
    for experiment in (*catalogue().values(), *further().values()):
        yield from (experiment.title, experiment.varied, *(arm.label for arm in experiment.arms))


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_block_bears_another_name_and_each_name_one_block(kind, seed):
    world = variant(kind, seed)
    bears = {block: name for block, (name, _, _) in world.terms.names.items()}
    assert bears.keys() == PALETTE.keys() - {"air"}
    assert len(set(bears.values())) == len(bears)
    same = {block for block, name in bears.items() if block == name}
    assert same == (set() if kind == "renamed" else {"stone_button"})
    assert set(world.palette) == {"air", *bears.values()}
    assert len(set(world.letters.values())) == len(bears)
    assert variant(kind, seed) == world
    assert list(world.palette) == sorted(world.palette)


def test_names_follow_from_the_seed_and_seeds_differ():
    drawn = {kind: {str(variant(kind, seed).terms) for seed in SEEDS} for kind in OTHERS}
    assert len(drawn["renamed"]) == len(SEEDS)
    assert len(drawn["permuted"]) >= len(SEEDS) - 2  # of 720 cycles; a repeat in 20 is no wonder


def test_the_stock_means_nothing():
    assert len(set(STOCK)) == len(STOCK)
    for word in STOCK:
        assert match(f"How long does a {word} {word} the {word}?") is None
    assert not set(STOCK) & set(re.findall("[a-z]+", " ".join(host_texts()).lower()))


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match=r"env: received 'nether'; choose one of vanilla"):
        variant("nether", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told_is_heard_again(kind):
    for seed in SEEDS:
        world = variant(kind, seed)
        for text in host_texts():
            assert plain(world.hear(world.tell(text))) == plain(text)


def test_a_renamed_world_tells_no_name_of_the_game():
    for seed in SEEDS:
        world = variant("renamed", seed)
        for text in (*host_texts(), system_prompt(task("B-L2"), Budgets(), Limits(), world)):
            assert not TELLING.findall(world.tell(text)), world.tell(text)


@pytest.mark.parametrize("kind", KINDS)
def test_hints_mean_the_same_under_any_name(kind):
    for seed in range(5):
        world = variant(kind, seed)
        for law, doses in HINTS.items():
            for line in (line for lines in doses for line in lines):
                found = match(plain(world.hear(world.tell(line))))
                assert found is not None, line
                assert found.law == law, line


@pytest.mark.parametrize("kind", OTHERS)
@given(st.data())
def test_a_block_is_read_by_the_name_it_bears_and_by_no_other(kind, data):
    world = variant(kind, data.draw(st.sampled_from(SEEDS)))
    block = data.draw(st.sampled_from(NAMES))
    props = {
        key: data.draw(st.sampled_from(prop.values))
        for key, prop in PALETTE[block].properties.items()
        if prop.resting is None
    }
    own = f"{block}[{','.join(f'{key}={value}' for key, value in props.items())}]"
    told = world.terms.names[block][0]
    if props:
        said = {key: world.terms.words.get(key, key) for key in props}
        values = {key: world.terms.words.get(value, value) for key, value in props.items()}
        told += f"[{','.join(f'{said[key]}={values[key]}' for key in props)}]"
    assert parse_block(world.block(told)) == parse_block(own)
    if kind == "renamed":
        with pytest.raises(SubjectError, match="use one of the palette"):
            world.block(block)


def made(kind, task_id, seed=0):
    chosen = task(task_id)
    return Host(chosen, family_of(chosen), 50, variant=variant(kind, seed))


def run_program(host, code):
    """Run the reference's program on the host's own functions."""
    exec(code, dict(host.functions))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_the_full_knowledge_device_passes_in_every_variant(kind, one):
    host = made(kind, one.id)
    code = host._variant.tell(building(build_device(one, true_laws())))
    with pytest.raises(Halt):  # the verdict that ends the episode
        run_program(host, code)
    assert host.passed is not None
    assert host.passed.circuit == build_device(one, true_laws())


ECHOES = [
    ("build", ("redstone_lamp",)),
    ("build", ([["redstone_lamp", 1, 1, "repeater"]],)),
    ("build", ([[1, 1, 1, "repeater"]],)),
    ("build", ([["repeater"]],)),
    ("place", (1, 1, 1, "repeater")),
    ("place", (1, 1, 1, "stone_button[repeater=1]")),
    ("place", ("repeater", 1, 1, "x")),
    ("place", (1, 1, 1, "\ue001repeater\ue000")),
    ("place", (1, 1, "\ue001repeater\ue000", "air")),
    ("look", ("repeater",)),
    ("remove", ("repeater", 1, 1)),
    ("fill", (1, 1, 1, 1, 1, "dust", "air")),
]


@pytest.mark.parametrize(("name", "args"), ECHOES)
def test_no_error_translates_a_word_that_a_subject_tries(name, args):
    """Or one wrong call would tell what a repeater is called here."""
    for seed in SEEDS:
        host = made("renamed", "C-L1", seed)
        names = host._variant.terms.names
        with pytest.raises(SubjectError) as caught:
            host.functions[name](*args)
        said = str(caught.value).partition("use one of the palette")[0]
        hidden = [
            word for word in (names["repeater"][0], names["redstone_lamp"][0]) if word in said
        ]
        assert not hidden, said
        assert "\ue000" not in said
        assert "\ue001" not in said


def test_a_map_shows_no_letter_of_the_game():
    host = made("renamed", "C-L1")
    names = {block: name for block, (name, _, _) in host._variant.terms.names.items()}
    host.functions["place"](1, 1, 1, names["redstone_lamp"])
    host.functions["place"](2, 1, 1, names["repeater"])
    seen = host.functions["look"](1)
    assert f"{names['redstone_lamp'][0]} {names['redstone_lamp']}" in seen
    assert not TELLING.findall(seen)
    assert f"{names['repeater'][0]}n1" in seen


def oracle(kind, seed=0):
    setting = Setting(task("C-L1"), (seed, "C-L1", 0), variant(kind, seed))
    return ExperimentOracles().open(setting, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", CATALOGUE)
def test_the_oracle_answers_in_the_words_of_the_world(kind, law):
    world = variant(kind, 3)
    answer = oracle(kind, 3).ask(world.tell(CATALOGUE[law].question))
    assert answer == oracle("vanilla").ask(CATALOGUE[law].question)


@pytest.mark.parametrize(
    "word", ["repeater", "redstone dust", "lamp", "comparator", "stone button"]
)
def test_a_renamed_world_does_not_answer_to_remembered_names(word):
    session = oracle("renamed")
    assert session.ask(f"How long does a {word} stay lit after its power is gone?") == REFUSAL
    assert (
        session.ask(f"Which way does a {word} pass the signal relative to its facing?") == REFUSAL
    )
    assert UNHEARD in variant("renamed", 0).hear(f"a {word}")


@given(st.text(max_size=60))
def test_a_quotation_stays_what_it_was(text):
    for kind in KINDS:
        told = variant(kind, 1).tell(f"a lamp: {quoted(text)}")
        assert told.endswith(unmarked(text))


def test_a_vanilla_text_is_told_as_it_stands():
    for text in host_texts():
        assert VANILLA.tell(text) == text
        assert VANILLA.hear(text) == text


def test_memory_serves_under_its_own_names_only():
    """One law: with steps of probability p and memory r it is known with 1 - (1 - p)(1 - r)."""
    one = task("A-L1")
    alone = Profile(0.5, 1.0, 1.0, 1.0)
    remembering = replace(alone, recall=0.4)
    same = success_probability(alone, one, [])
    assert success_probability(remembering, one, [], remembers=False) == same
    surely = Profile(1 - 0.5 * 0.6, 1.0, 1.0, 1.0)
    assert success_probability(remembering, one, []) == pytest.approx(
        success_probability(surely, one, [])
    )
