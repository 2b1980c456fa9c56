"""The reference subject's own scientist: what its method reveals, its truth, and its sham."""

import math

import pytest

from diagnose.env.experiments import catalogue, describe, run
from diagnose.env.report import SECTIONS
from diagnose.env.variant import KINDS, variant
from diagnose.episode import Episode, run_episode
from diagnose.intervention import SHAM, Setting
from diagnose.laws import CATALOGUE
from diagnose.models import Reply
from diagnose.models.reference import Profile, Reference
from diagnose.models.reference.truth import METHOD, success_probability
from diagnose.phrasing import tokens
from diagnose.tasks import family_of, task
from interventions.experiment_oracles import ExperimentOracles
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import KnowledgeNotes
from interventions.solution_sketches import SolutionSketches
from tests.agent.beside import TASK, code

INTERVENTIONS = {
    "gap_hints": GapHints(), "experiment_oracles": ExperimentOracles(method="scientist"),
    "knowledge_notes": KnowledgeNotes(), "solution_sketches": SolutionSketches(),
}  # fmt: skip


def reference(profile, doses, task_id="C-L1", run=0, kind="vanilla", **fields):
    one = task(task_id)
    return run_episode(
        Episode(
            episode_id="e", study="test", study_seed=11, factors=tuple(INTERVENTIONS), doses=doses,
            task=one, family=family_of(one), run=run, model=Reference(profile),
            interventions=INTERVENTIONS, variant=variant(kind, 11), **fields,
        )
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task_id", ["A-L1", "B-L4", "C-L1", "D-L3", "E-L1"])
def test_a_perfect_method_reveals_what_the_subject_would_not_find_alone(task_id, kind):
    profile = Profile(1, 0, 1, 1, method=1)
    record = reference(profile, (0, 1, 0, 0), task_id, kind=kind)
    assert record.outcome == "passed"
    assert len(record.reports) == len(record.subject_log["needed"])
    assert all(report["complete"] for report in record.reports)
    assert record.interventions["experiment_oracles"].used
    assert reference(profile, (0, 0, 0, 0), task_id, kind=kind).outcome == "failed"


def test_a_report_says_what_was_seen_three_times_over():
    record = reference(Profile(1, 0, 1, 1, method=1), (0, 1, 0, 0))
    laws = record.subject_log["needed"]
    for law, report in zip(laws, record.reports, strict=True):
        lines = [f"- {arm}: {describe(lit)}" for arm, lit in run(catalogue()[law]).items()]
        assert report["sections"]["results"].splitlines()[1:] == lines
        assert report["usage"]["trials"] == 3 * len(lines)
        assert len(report["sections"]["record"].splitlines()) == 3 * len(lines)


def test_a_method_that_fails_reports_the_control_alone_and_reveals_nothing():
    record = reference(Profile(1, 0, 1, 1, method=0), (0, 1, 0, 0))
    assert record.subject_log["found"] == []
    assert all("Experimental group: none." in r["sections"]["design"] for r in record.reports)
    assert record.outcome == "failed"


def test_with_no_method_of_its_own_a_scientist_changes_no_outcome():
    """The same draw decides, so the effect is exactly zero in every run."""
    profile = Profile(0.9, 0.8, 0.95, 0.95)
    outcomes = [
        [reference(profile, doses, run=n).success for n in range(16)]
        for doses in ((0, 0, 0, 0), (0, 1, 0, 0))
    ]
    assert outcomes[0] == outcomes[1]
    assert {True, False} == set(outcomes[0])


@pytest.mark.parametrize("doses", [(0, 1, 0, 0), (1, 1, 1, 0)])
def test_truth_with_a_scientist_is_what_episodes_do(doses):
    profile = Profile(0.9, 0.5, 0.9, 0.9, method=0.8, slip=0.05)
    capacities = ("identification", METHOD, "consolidation", "application")
    supplied = [name for name, dose in zip(capacities, doses, strict=True) if dose]
    truth = success_probability(profile, task("C-L1"), supplied)
    n = 200
    passed = sum(bool(reference(profile, doses, run=run).success) for run in range(n))
    assert abs(passed / n - truth) < 3.5 * math.sqrt(truth * (1 - truth) / n)


def test_truth_with_a_scientist_in_closed_form():
    profile = Profile(1, 0.5, 1, 1, method=0.8)
    assert success_probability(profile, task("C-L1"), [METHOD]) == pytest.approx(0.8**3)
    lesser = Profile(1, 0.9, 1, 1, method=0.8)
    assert success_probability(lesser, task("C-L1"), [METHOD]) == pytest.approx(0.9**3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", list(CATALOGUE))
def test_a_sham_report_has_the_form_and_length_of_a_real_one(law, kind):
    names = variant(kind, 11)

    def never(*_asked):
        raise AssertionError("a sham asks no model")

    def session(dose, consult=never):
        setting = Setting(TASK, (1, "Z", 0), names, consult)
        return ExperimentOracles(method="scientist").open(setting, dose)

    question = names.tell(CATALOGUE[law].question)
    sham = names.tell(session(SHAM).ask(question))
    record = reference(
        Profile(1, 1, 1, 1, overrides={name: {"identification": 0} for name in CATALOGUE}),
        (0, 1, 0, 0), kind=kind,
    )  # fmt: skip
    assert record.reports == ()
    real = _real_report(law, names)
    assert [line for line in sham.splitlines() if line[0] != " "] == [
        f"{heading}:" for heading in SECTIONS.values()
    ]
    assert abs(tokens(sham) / tokens(real) - 1) <= 0.1
    assert "lit from" not in sham


def _real_report(law, names):
    """What the reference subject hands in as a scientist, as whoever asked reads it."""
    oracle = ExperimentOracles(method="scientist")
    told = []

    class Asks:
        name = "asks"

        def reply(self, messages, call):
            if call.agent != "subject":
                return Reference(Profile(1, 1, 1, 1)).reply(messages, call)
            if call.number:
                told.append(messages[-1].content)
                return Reply(code("done()"))
            return Reply(code(f"ask({names.tell(CATALOGUE[law].question)!r})"))

    one = task("A-L1")
    run_episode(
        Episode("e", "s", 11, ("o",), (1,), one, family_of(one), 0, Asks(), {"o": oracle},
                variant=names)
    )  # fmt: skip
    return told[0].partition("Value of the last line:\n")[2].rpartition("Trials left")[0]


def test_a_sham_has_no_effect_in_any_run():
    profile = Profile(0.6, 0.6, 0.6, 0.6)
    outcomes = [
        [reference(profile, doses, run=n).success for n in range(12)]
        for doses in ((0, 0, 0, 0), (0, SHAM, 0, 0))
    ]
    assert outcomes[0] == outcomes[1]
