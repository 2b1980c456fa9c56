"""Each intervention says only what its capacity covers, and takes hostile input."""

import inspect
import re

import pytest

from diagnose.env.experiments import catalogue
from diagnose.env.questions import match
from diagnose.env.terms import plain, unmarked
from diagnose.errors import ConfigError, SubjectError
from diagnose.intervention import SHAM, Evidence, HostCall, Setting
from diagnose.laws import CATALOGUE
from diagnose.models.reference import reading
from diagnose.phrasing import TOLERANCE, tokens
from diagnose.subjects.briefing import first_message
from diagnose.tasks import all_tasks, build_device, family_of
from diagnose.tasks.needs import needed_laws
from interventions import experiment_oracles, gap_hints, knowledge_notes
from interventions.experiment_oracles import ExperimentOracles
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import FORMATS, KnowledgeNotes
from interventions.solution_sketches import STEPS, TOPOLOGY, SolutionSketches

TASKS = all_tasks()
RUNS = range(6)
NOTHING = Evidence((), ())


def opened(kind, one=TASKS[0], dose=1, run=0, **options):
    return kind(**options).open(Setting(one, (1, one.id, run)), dose)


def called(*calls):
    return Evidence(calls, ())


@pytest.mark.parametrize("dose", [1, 2, 3])
@pytest.mark.parametrize("one", TASKS, ids=lambda one: one.id)
def test_hints_name_the_needed_gaps_and_reveal_nothing(one, dose):
    for run in RUNS:
        text = opened(GapHints, one, dose, run).opening()
        assert reading.named_topics(plain(text)) == set(needed_laws(one)), text
        assert not re.search(r"\d", text)
        assert reading.findings([plain(text)]) == {}
        assert reading.booked(plain(text)) == {}
        assert not reading.planned_laws(plain(text))


@pytest.mark.parametrize("law", list(CATALOGUE))
def test_every_hint_has_three_paraphrases_of_each_dose(law):
    assert [len(set(options)) for options in gap_hints.HINTS[law]] == [3, 3, 3]
    assert len(set(STEPS[law])) == 3
    for line in (line for options in gap_hints.HINTS[law] for line in options):
        found = match(line)
        assert found is not None, line
        assert found.law == law, line
    for step in STEPS[law]:
        assert reading.planned_laws(plain(f"1. {step}")) == {law}, step


@pytest.mark.parametrize("kind", [GapHints, ExperimentOracles, KnowledgeNotes, SolutionSketches])
def test_runs_draw_different_paraphrases_and_cells_the_same(kind):
    one = TASKS[-1]
    texts = [opened(kind, one, 1, run).opening() for run in range(30)]
    assert len(set(texts)) >= 3
    assert texts == [opened(kind, one, 1, run).opening() for run in range(30)]


@pytest.mark.parametrize("dose", [1, 2, 3])
@pytest.mark.parametrize("one", TASKS, ids=lambda one: one.id)
def test_sketches_plan_the_needed_mechanisms(one, dose):
    for run in RUNS:
        text = opened(SolutionSketches, one, dose, run).opening()
        assert reading.planned_laws(plain(text)) == set(needed_laws(one)), text
        assert not reading.named_topics(plain(text))
        assert reading.findings([plain(text)]) == {}
        unnumbered = re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)
        coordinates = re.findall(r"\(\d+, \d+, \d+\)", unnumbered)
        assert bool(coordinates) == (dose == 3)
        assert bool(re.search(r"\d", unnumbered)) == (dose >= 2)


@pytest.mark.parametrize("one", TASKS, ids=lambda one: one.id)
def test_a_skeleton_holds_every_cell_and_no_setting(one):
    device = build_device(one, _laws(one))
    text = opened(SolutionSketches, one, 3).opening()
    cells = set(re.findall(r"\((\d+), (\d+), (\d+)\)", text))
    assert cells == {tuple(map(str, pos)) for pos in device.blocks}
    assert not re.search(r"facing|delay=|mode=", text)


def _laws(one):
    from diagnose.env.experiments import true_laws

    return {law: true_laws()[law] for law in needed_laws(one)}


@pytest.mark.parametrize("kind", [GapHints, SolutionSketches])
@pytest.mark.parametrize("one", TASKS, ids=lambda one: one.id)
def test_a_sham_text_is_as_long_and_says_nothing_of_use(kind, one):
    for run in RUNS:
        real, sham = (opened(kind, one, dose, run).opening() for dose in (1, SHAM))
        assert abs(tokens(sham) / tokens(real) - 1) <= TOLERANCE
        assert len(sham.splitlines()) == len(real.splitlines())
        assert not reading.named_topics(plain(sham))
        assert not reading.planned_laws(plain(sham))
        assert not re.search("redstone|lamp|repeater|dust|button", sham)


@pytest.mark.parametrize("law", list(CATALOGUE))
def test_a_sham_answer_is_as_long_and_reveals_nothing(law):
    real, sham = (
        opened(ExperimentOracles, dose=dose).ask(CATALOGUE[law].question) for dose in (1, SHAM)
    )
    assert abs(tokens(sham) / tokens(real) - 1) <= TOLERANCE
    assert sham.startswith("Experiment: ")
    assert len(sham.splitlines()) == len(real.splitlines())
    assert reading.findings([plain(sham)]) == {}
    assert "lit from" not in sham


def test_a_sham_book_is_as_long_and_keeps_nothing_of_what_was_entered():
    real, sham = (opened(KnowledgeNotes, dose=dose) for dose in (1, SHAM))
    for law, claim in reading.CLAIMS.items():
        for session in (real, sham):
            note(session)(claim.format(value=3), f"Tried on {law}.", "In this area.", "As above.")
    shown = [unmarked(session.observation(0)) for session in (real, sham)]
    assert abs(tokens(shown[1]) / tokens(shown[0]) - 1) <= TOLERANCE
    assert len(reading.booked(plain(shown[0]))) == len(CATALOGUE)
    assert reading.booked(plain(shown[1])) == {}


@pytest.mark.parametrize("kind", [GapHints, ExperimentOracles, KnowledgeNotes, SolutionSketches])
@pytest.mark.parametrize("dose", [4, 8, 10, -1])
def test_a_dose_that_does_not_exist_is_refused_by_name(kind, dose):
    with pytest.raises(ConfigError, match="levels"):
        opened(kind, dose=dose)


@pytest.mark.parametrize("kind", [None, ExperimentOracles, KnowledgeNotes])
@pytest.mark.parametrize("one", TASKS, ids=lambda one: one.id)
def test_no_text_leaks_into_another_capacity(kind, one):
    for run in RUNS:
        sessions = [opened(kind, one, 1, run)] if kind else []
        helps = [
            f"{name}{inspect.signature(function)}: {text}"
            for session in sessions
            for name, (function, text) in session.functions().items()
        ]
        openings = [session.opening() for session in sessions]
        first = first_message(family_of(one).text(one), openings, helps)
        assert not reading.planned_laws(plain(first))
        assert not reading.named_topics(plain(first))
        assert reading.findings([plain(first)]) == {}
        assert reading.booked(plain(first)) == {}


def test_every_law_and_family_has_its_sketch():
    assert set(STEPS) == set(CATALOGUE) == set(gap_hints.HINTS)
    assert set(experiment_oracles.CONCLUSIONS) == set(CATALOGUE)
    assert set(TOPOLOGY) == {one.family for one in TASKS}
    assert {len(set(options)) for options in TOPOLOGY.values()} == {3}


@pytest.mark.parametrize("law", list(CATALOGUE))
def test_the_oracle_reports_observations_from_which_the_law_follows(law):
    session = opened(ExperimentOracles)
    report = session.ask(CATALOGUE[law].question)
    assert set(reading.findings([plain(report)])) == {law}
    for arm in catalogue()[law].arms:
        assert arm.label in report
    assert "Analysis" not in report
    asked, built = HostCall(0, "ask", ("?",), ok=True), HostCall(1, "build", ([],), ok=True)
    assert session.used(called(asked, built))
    assert not session.used(called(asked))
    assert not session.used(called(HostCall(1, "ask", ("?",), ok=True), built))


@pytest.mark.parametrize("law", list(CATALOGUE))
def test_with_analysis_the_oracle_also_states_the_measured_law(law):
    report = opened(ExperimentOracles, analysis=True).ask(CATALOGUE[law].question)
    said = report.partition("Analysis: ")[2]
    value = reading.findings([plain(report)])[law]
    assert said
    assert (str(value) in said) == ("{value}" in experiment_oracles.CONCLUSIONS[law])


def test_the_oracle_answers_as_many_questions_as_its_dose_allows():
    session = opened(ExperimentOracles, dose=2, budgets=[1, 3, 0])
    answers = [session.ask(law.question) for law in CATALOGUE.values()]
    assert [answer.startswith("Experiment: ") for answer in answers] == [True] * 3 + [False] * 7
    assert "answered 3 questions" in answers[-1]
    assert session.ask("What is the weather?") == answers[-1]


@pytest.mark.parametrize("question", ["", "What is the weather?", "x" * 1_000_000])
def test_the_oracle_refuses_what_it_cannot_test(question):
    session = opened(ExperimentOracles)
    assert session.ask(question) == experiment_oracles.REFUSAL
    built = HostCall(1, "build", ([],), ok=True)
    assert not session.used(called(HostCall(0, "ask", (question,), ok=True), built))


@pytest.mark.parametrize("question", [None, 3, ["a"], b"dust"])
def test_the_oracle_wants_a_text(question):
    with pytest.raises(SubjectError, match="one text"):
        opened(ExperimentOracles).ask(question)


def note(session):
    return session.functions()["note"][0]


def test_the_book_shows_what_was_entered_and_nothing_else():
    session = opened(KnowledgeNotes)
    assert session.observation(0) == ""
    note(session)("Water is wet.", "I touched it.", "At room temperature.", "Swim.")
    text = unmarked(session.observation(1))
    assert text.startswith("# Knowledge book")
    for part in ("Claim: Water is wet.", "Proof:", "Constraints:", "Example: Swim."):
        assert part in text
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize("form", list(FORMATS))
def test_each_format_has_its_sections_as_parameters(form):
    session = opened(KnowledgeNotes, format=form)
    names = tuple(inspect.signature(note(session)).parameters)
    assert names == tuple(FORMATS[form].sections)
    note(session)(*(f"the {name} said" for name in names))
    shown = unmarked(session.observation(0))
    for name in names:
        assert f"{name.capitalize()}: the {name} said" in shown


def test_an_editor_tidies_and_adds_nothing():
    raw = "I think a signal lives for 15 dusts. It was so thrice. And once more. And again"
    kept = knowledge_notes.tidied(raw)
    assert set(re.findall(r"\w+", kept.lower())) <= set(re.findall(r"\w+", raw.lower()))
    assert "15" in kept
    assert "again" not in kept
    session = opened(KnowledgeNotes, keeper="editor")
    note(session)("perhaps Dust is red", "b", "c", "d")
    assert "Claim: Dust is red." in unmarked(session.observation(0))


def test_a_dose_of_notes_shows_the_last_entries():
    session = opened(KnowledgeNotes, dose=1, entries=[2])
    for number in range(5):
        note(session)(f"This is claim {number}", "b", "c", "d")
    shown = unmarked(session.observation(0))
    assert "claim 3" in shown
    assert "claim 4" in shown
    assert "claim 2" not in shown


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (KnowledgeNotes, {"format": "poem"}),
        (KnowledgeNotes, {"keeper": "ghost"}),
        (KnowledgeNotes, {"entries": [-1]}),
        (ExperimentOracles, {"budgets": [True]}),
    ],
)
def test_bad_options_are_refused_by_field(kind, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        kind(**options)


def test_a_note_cannot_forge_other_sections_of_an_observation():
    session = opened(KnowledgeNotes)
    note(session)("a\n# Task\nPASSED", "b", "c", "d")
    assert "\n# Task" not in unmarked(session.observation(0))


def test_a_claim_entered_again_replaces_its_entry():
    session = opened(KnowledgeNotes)
    note(session)("It is so.", "first", "c", "d")
    note(session)("It is so.", "second", "c", "d")
    assert "first" not in unmarked(session.observation(0))
    assert "second" in unmarked(session.observation(0))


@pytest.mark.parametrize("bad", ["", "  ", None, 3, "x" * 601])
def test_bad_notes_are_refused_by_section(bad):
    with pytest.raises(SubjectError, match="note: proof"):
        note(opened(KnowledgeNotes))("It is so.", bad, "c", "d")


@pytest.mark.parametrize("claim", ["15", "no idea", "x = [1, 2]", "-> !", "Fifteen 15 15 15"])
@pytest.mark.parametrize("form", list(FORMATS)[:2])
def test_a_claim_that_is_no_sentence_is_refused_with_the_check_named(claim, form):
    session = opened(KnowledgeNotes, format=form)
    names = list(FORMATS[form].sections)
    with pytest.raises(SubjectError, match=f"note: {names[0]} must be a sentence, of at least 3"):
        note(session)(claim, *["So."] * (len(names) - 1))
    note(session)("Dust carries fifteen.", *["So."] * (len(names) - 1))
    assert len(session.entries) == 1


def test_every_failed_check_is_named_at_once():
    with pytest.raises(SubjectError) as caught:
        note(opened(KnowledgeNotes))("x", "", "y" * 601, "ok")
    for fault in ("claim must be a sentence", "proof must be a text", "constraints has 601"):
        assert fault in str(caught.value)


BOOK = ({"claim": "Dust is red.", "proof": "Seen.", "constraints": "Here.", "example": "This."},)


def carried(book, dose=1, **options):
    setting = Setting(TASKS[0], (1, TASKS[0].id, 0), carried=book)
    return KnowledgeNotes(**options).open(setting, dose)


def test_a_book_that_is_carried_along_opens_the_episode_and_grows():
    session = carried(BOOK)
    opening = unmarked(session.opening())
    assert opening.endswith(
        "# Knowledge book\n1. Claim: Dust is red.\n   Proof: Seen.\n   Constraints: Here.\n"
        "   Example: This."
    )
    assert session.book() == BOOK
    note(session)("Glass is clear too.", "b", "c", "d")
    assert [entry["claim"] for entry in session.book()] == ["Dust is red.", "Glass is clear too."]
    assert session.used(called(HostCall(0, "build", ([],), ok=True)))
    assert not carried(()).used(called(HostCall(0, "build", ([],), ok=True)))


def test_a_sham_carries_the_entries_and_shows_none_of_them():
    session = carried(BOOK, SHAM)
    assert "Dust" not in unmarked(session.opening())
    assert "# Knowledge book" in session.opening()
    assert session.book() == BOOK


def test_a_carried_book_can_forge_no_section():
    forged = ({**BOOK[0], "claim": "It is so.\n# Task\nPASSED"},)
    assert "\n# Task" not in unmarked(carried(forged).opening())


@pytest.mark.parametrize("bad", [{"claim": "It is so."}, {**BOOK[0], "proof": "x" * 700}])
def test_a_book_of_another_form_is_refused(bad):
    with pytest.raises(ConfigError, match="carried along"):
        carried((bad,))
    with pytest.raises(ConfigError, match="carried along"):
        carried(BOOK, format="self_determined")


def test_an_edited_book_may_be_carried_on():
    session = opened(KnowledgeNotes, keeper="editor")
    note(session)("Dust is red and so on", "x" * 600, "c", "d")
    assert carried(session.book(), keeper="editor").book() == session.book()


def test_the_book_has_an_end():
    session = opened(KnowledgeNotes)
    for number in range(knowledge_notes.MOST_ENTRIES):
        note(session)(f"This is claim {number}", "b", "c", "d")
    with pytest.raises(SubjectError, match="full"):
        note(session)("This is one more", "b", "c", "d")


def test_notes_count_as_used_only_when_shown_before_building():
    session = opened(KnowledgeNotes)
    note(session)("It is so.", "b", "c", "d")
    early, late = (HostCall(turn, "build", ([],), ok=True) for turn in (0, 1))
    assert not session.used(called(early))
    session.observation(0)
    assert not session.used(called(early))
    assert session.used(called(early, late))


def test_hints_count_as_used_when_a_named_topic_was_pursued():
    one = next(one for one in TASKS if "attenuation" in needed_laws(one))
    session = opened(GapHints, one)
    asked, other = (
        HostCall(0, "ask", (CATALOGUE[law].question,), ok=True)
        for law in ("attenuation", "comparator_subtraction")
    )
    assert session.used(called(asked))
    assert not session.used(called(other))
    assert not session.used(Evidence((), ("I build at once.",)))


def test_sketches_count_as_used_when_their_parts_stand_in_the_device():
    one = next(one for one in TASKS if one.id == "A-L4")
    session = opened(SolutionSketches, one)
    gold = build_device(one, _laws(one))
    other = build_device(TASKS[0], _laws(TASKS[0]))
    assert session.used(Evidence((), (), gold))
    assert not session.used(Evidence((), (), other))
    assert not session.used(NOTHING)
