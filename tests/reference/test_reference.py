"""The reference subject: what it reads is all it knows, and its truth is what it does."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.env.experiments import true_laws
from diagnose.env.terms import plain
from diagnose.episode import Episode, run_episode
from diagnose.errors import ConfigError
from diagnose.intervention import SHAM
from diagnose.laws import CATALOGUE
from diagnose.models.reference import Profile, Reference, reading
from diagnose.models.reference.truth import success_probability, true_table
from diagnose.sandbox import Limits
from diagnose.subjects.briefing import system_prompt
from diagnose.subjects.budgets import Budgets
from diagnose.tasks import FAMILIES, all_tasks, family_of, task
from diagnose.tasks.base import LEVELS, make_task
from interventions import experiment_oracles, gap_hints, knowledge_notes, solution_sketches
from interventions.experiment_oracles import ExperimentOracles
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import FORMATS, KEEPERS, KnowledgeNotes
from interventions.solution_sketches import SolutionSketches

INTERVENTIONS = {
    "gap_hints": GapHints(),
    "experiment_oracles": ExperimentOracles(),
    "knowledge_notes": KnowledgeNotes(),
    "solution_sketches": SolutionSketches(),
}
FORMS = list(FORMATS)
CAPACITIES = ("identification", "discovery", "consolidation", "application")


def episode(task_id, doses, profile, run=0, interventions=None):
    one = task(task_id)
    return run_episode(
        Episode(
            episode_id=f"{task_id}-{run}-{doses}",
            study="test",
            study_seed=11,
            factors=tuple(INTERVENTIONS),
            doses=doses,
            task=one,
            family=family_of(one),
            run=run,
            model=Reference(profile),
            interventions=interventions or INTERVENTIONS,
        )
    )


@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_perfect_capacities_need_no_intervention(one):
    record = episode(one.id, (0, 0, 0, 0), Profile(1, 1, 1, 1))
    assert record.outcome == "passed"
    assert record.stop_reason == "verified"


@pytest.mark.parametrize("one", all_tasks(), ids=lambda one: one.id)
def test_no_capacity_at_all_is_carried_by_the_four_texts(one):
    record = episode(one.id, (1, 1, 1, 1), Profile(0, 0, 0, 0))
    assert record.outcome == "passed"
    assert all(entry.used for entry in record.interventions.values())


@pytest.mark.parametrize("missing", range(4))
@pytest.mark.parametrize("task_id", ["A-L1", "C-L3", "D-L1", "E-L2"])
def test_without_one_capacity_and_its_intervention_it_fails(missing, task_id):
    doses = tuple(int(index != missing) for index in range(4))
    assert episode(task_id, doses, Profile(0, 0, 0, 0)).outcome == "failed"


@dataclass(frozen=True)
class Mute:
    """An intervention whose texts and functions never reach the subject."""

    capacity: str

    def open(self, setting, dose):
        return self

    def opening(self):
        return ""

    def functions(self):
        return {}

    def observation(self, turn):
        return ""

    def used(self, evidence):
        return False


@pytest.mark.parametrize("index", range(4))
def test_a_dropped_text_has_no_effect_in_any_run(index):
    """The draws are shared, so without the text the transcript itself is the baseline's."""
    name = list(INTERVENTIONS)[index]
    muted = {**INTERVENTIONS, name: Mute(CAPACITIES[index])}
    profile = Profile(0.6, 0.6, 0.6, 0.6)
    doses = tuple(int(other == index) for other in range(4))
    changed = 0
    for run in range(12):
        baseline = episode("C-L1", (0, 0, 0, 0), profile, run)
        dropped = episode("C-L1", doses, profile, run, muted)
        offered = episode("C-L1", doses, profile, run)
        assert dropped.transcript == baseline.transcript
        assert dropped.success == baseline.success
        changed += offered.transcript != baseline.transcript
    assert changed == 12


@pytest.mark.parametrize("index", range(4))
def test_a_sham_has_no_effect_in_any_run(index):
    """A sham changes the transcript and nothing else: same length, same form, nothing of use."""
    profile = Profile(0.6, 0.6, 0.6, 0.6)
    sham = tuple(SHAM * (other == index) for other in range(4))
    baseline = [episode("C-L1", (0, 0, 0, 0), profile, run) for run in range(12)]
    placebo = [episode("C-L1", sham, profile, run) for run in range(12)]
    assert any(a.transcript != b.transcript for a, b in zip(baseline, placebo, strict=True))
    assert [one.success for one in placebo] == [one.success for one in baseline]


@pytest.mark.parametrize("wording", range(3))
def test_no_wording_carries_an_effect(wording, monkeypatch):
    """Whichever paraphrase is drawn, the outcome of a run is the same."""
    profile = Profile(0.5, 0.5, 0.5, 0.5)
    drawn = [episode("E-L1", (1, 1, 1, 1), profile, run) for run in range(4)]
    for module in (gap_hints, experiment_oracles, knowledge_notes, solution_sketches):
        monkeypatch.setattr(module, "pick", lambda _setting, options, *_name: options[wording])
    held = [episode("E-L1", (1, 1, 1, 1), profile, run) for run in range(4)]
    assert [one.success for one in held] == [one.success for one in drawn] == [True] * 4


@pytest.mark.parametrize("dose", [1, 2, 3])
def test_every_dose_of_every_intervention_carries(dose):
    interventions = {
        **INTERVENTIONS,
        "experiment_oracles": ExperimentOracles(budgets=[0, 0, 0], analysis=dose == 3),
        "knowledge_notes": KnowledgeNotes(FORMS[dose - 1], KEEPERS[dose % 2], entries=[0, 0, 0]),
    }
    for task_id in ("A-L3", "C-L1", "E-L1"):
        record = episode(task_id, (dose,) * 4, Profile(0, 0, 0, 0), 0, interventions)
        assert record.outcome == "passed"
        assert all(entry.used and entry.seen for entry in record.interventions.values())


def test_a_budget_of_two_answers_leaves_the_third_law_unknown():
    interventions = {**INTERVENTIONS, "experiment_oracles": ExperimentOracles(budgets=[2])}
    record = episode("C-L1", (1, 1, 1, 1), Profile(1, 0, 1, 1), 0, interventions)
    assert len(record.subject_log["needed"]) == 3
    assert len(record.subject_log["found"]) == 2
    assert record.outcome == "failed"
    able = episode("C-L1", (1, 1, 1, 1), Profile(1, 1, 1, 1), 0, interventions)
    assert able.outcome == "passed"  # what is not answered is found out by experiment


@pytest.mark.parametrize("doses", [(0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 1, 0)])
def test_truth_is_what_episodes_do(doses):
    profile = Profile(0.7, 0.8, 0.9, 0.8, slip=0.1)
    supplied = [capacity for capacity, dose in zip(CAPACITIES, doses, strict=True) if dose]
    truth = success_probability(profile, task("C-L1"), supplied)
    n = 300
    passed = sum(bool(episode("C-L1", doses, profile, run).success) for run in range(n))
    assert abs(passed / n - truth) < 3.5 * math.sqrt(truth * (1 - truth) / n)


def test_truth_in_closed_form():
    """C-L1 needs three laws, each all or nothing: the product of their chains, times no slip."""
    profile = Profile(0.7, 0.8, 0.9, 0.5, slip=0.1)
    chain = 0.7 * 0.8 * 0.9 * 0.5
    assert success_probability(profile, task("C-L1"), []) == pytest.approx(0.9 * chain**3)
    hinted = success_probability(profile, task("C-L1"), ["identification"])
    assert hinted == pytest.approx(0.9 * (chain / 0.7) ** 3)
    assert success_probability(profile, task("C-L1"), CAPACITIES) == pytest.approx(0.9)


def test_true_table_has_every_task_and_cell():
    table = true_table(Profile(1, 1, 1, 1), all_tasks()[:3], {"0000": [], "1000": CAPACITIES[:1]})
    assert table == {name: {"0000": 1.0, "1000": 1.0} for name in ("A-L1", "A-L2", "A-L3")}


@pytest.mark.parametrize("letter", list(FAMILIES))
@pytest.mark.parametrize("level", LEVELS)
def test_it_reads_the_task_from_the_text_alone(letter, level):
    one = make_task(FAMILIES[letter], level)
    read = reading.read_task(
        plain(system_prompt(one, Budgets(), Limits())), plain(family_of(one).text(one))
    )
    assert (read.family, read.lamps, read.area_side, read.params) == (
        one.family,
        one.lamps,
        one.area_side,
        one.params,
    )


def test_claims_are_read_back_with_their_values():
    values = true_laws()
    book = "# Knowledge book\n" + "\n".join(
        reading.CLAIMS[law].format(value=values[law]) for law in CATALOGUE
    )
    assert reading.booked(plain(book)) == dict(values)
    assert reading.booked(plain(book).replace("# Knowledge book", "")) == {}


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_it_reads_nothing_out_of_noise(text):
    assert reading.findings([plain(text)]) == {}
    assert reading.booked(plain(text)) == {}
    assert not reading.named_topics(plain(text))
    assert not reading.planned_laws(plain(text))


def test_a_failed_pilot_logs_the_stage_that_failed():
    record = episode("C-L1", (0, 0, 0, 0), Profile(1, 0, 1, 1))
    log = record.subject_log
    assert log["noticed"] == log["needed"]
    assert log["found"] == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"identification": 1.2}, "subject.profile.identification"),
        ({"slip": -0.1}, "subject.profile.slip"),
        ({"discovery": float("nan")}, "subject.profile.discovery"),
        ({"discovery": "0.5"}, "subject.profile.discovery"),
        ({"discovery": True}, "subject.profile.discovery"),
        ({"overrides": {"gravity": {}}}, "subject.profile.overrides.gravity"),
        ({"overrides": {"attenuation": {"luck": 1}}}, "subject.profile.overrides.attenuation"),
        ({"overrides": {"attenuation": {"discovery": 2}}}, "overrides.attenuation.discovery"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_by_field(values, field):
    base = dict.fromkeys(CAPACITIES, 0.5)
    with pytest.raises(ConfigError, match=field):
        Profile(**{**base, **values})


def test_an_override_changes_one_law_only():
    profile = Profile(0.5, 0.5, 0.5, 0.5, overrides={"attenuation": {"discovery": 0.1}})
    assert profile.probability("discovery", "attenuation") == 0.1
    assert profile.probability("discovery", "dust_axes") == 0.5
    assert profile.probability("application", "attenuation") == 0.5
