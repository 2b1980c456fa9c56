"""Simulated studies against whole episodes: equal outcomes from equal draws, and equal rates."""

import math

import numpy as np
import pytest

from diagnose.cli.calibrate import planted
from diagnose.cli.calibration import outcomes
from diagnose.cli.configure import configured
from diagnose.episode import Episode, run_episode
from diagnose.laws import CATALOGUE
from diagnose.models.reference import Profile, Reference
from diagnose.models.reference.profile import CAPACITIES
from diagnose.models.reference.sampler import candidate, supported
from diagnose.models.reference.truth import VerdictTable, chance_of, draws_of, verdicts_of
from diagnose.seeds import stream
from diagnose.tasks import family_of, task

SEED = 5


@pytest.fixture(scope="module")
def study():
    """The default study, for its interventions and cells."""
    return configured(["subject=reference/frontier"])


def succeeds(study, one, code, profile, run):
    """Run one whole episode."""
    return bool(
        run_episode(
            Episode(
                episode_id=f"{one.id}-{run}-{code}",
                study="test",
                study_seed=SEED,
                factors=tuple(factor.name for factor in study.factors),
                doses=tuple(map(int, code)),
                task=one,
                family=family_of(one),
                run=run,
                model=Reference(profile),
                interventions=study.interventions,
            )
        ).success
    )


def drawn_task(family, level):
    rng = stream("test", family, level)
    return next(one for _ in range(50) if supported(one := candidate(family, level, rng)))


@pytest.mark.parametrize(
    "one",
    [task("C-L1"), task("B-L4"), drawn_task("A", 3), drawn_task("D", 1), drawn_task("E", 1)],
    ids=lambda one: f"{one.id}-{one.level}",
)
def test_fed_the_policys_own_draws_it_gives_the_episodes_outcomes_exactly(study, one):
    profile = Profile(
        0.8, 0.8, 0.8, 0.8, slip=0.1, overrides={"dust_pointing": {"discovery": 0.95}}
    )
    supplied = [frozenset(capacities) for capacities in study.supplied.values()]
    runs = 3
    draws = np.empty((1, runs, len(CATALOGUE), len(CAPACITIES)))
    slips = np.empty((1, runs))
    for run in range(runs):
        draws[0, run], slips[0, run] = draws_of((SEED, one.id, run))
    table = VerdictTable.of([verdicts_of(one)])
    simulated = table.outcomes(profile, supplied, np.array([0]), draws, slips)[:, 0]
    real = [
        [succeeds(study, one, code, profile, run) for run in range(runs)] for code in study.supplied
    ]
    assert simulated.tolist() == real
    assert 0 < np.sum(real) < np.size(real)


def test_in_every_cell_simulated_studies_succeed_as_often_as_enumerated():
    subject = planted("flat")
    tasks = [task("A-L1"), task("C-L1"), drawn_task("E", 1), drawn_task("D", 1)]
    verdicts = [verdicts_of(one) for one in tasks]
    runs = 20_000
    y = outcomes(subject, VerdictTable.of(verdicts), np.arange(len(tasks)), runs, stream("rates"))
    truth = np.array(
        [[chance_of(one, subject.profile, cell) for one in verdicts] for cell in subject.supplied]
    )
    z = (y.mean(axis=2) - truth) / np.sqrt(truth * (1 - truth) / runs)
    assert np.abs(z).max() < 4.5  # of 64 cells x tasks; P = 4e-4 for a true generator


def test_whole_episodes_succeed_as_often_as_enumerated(study):
    """Independent Monte Carlo: tasks of the population, random cells, fresh seeds."""
    profile = Profile(0.8, 0.85, 0.9, 0.85, slip=0.05)
    rng = stream("whole episodes")
    tasks = [drawn_task(family, 1 + i % 2) for i, family in enumerate("ABCDE")]
    codes = list(study.supplied)
    passed, chances = 0, []
    for run in range(150):
        one, code = tasks[run % len(tasks)], codes[int(rng.integers(len(codes)))]
        passed += succeeds(study, one, code, profile, run)
        chances.append(chance_of(verdicts_of(one), profile, study.supplied[code]))
    spread = math.sqrt(sum(chance * (1 - chance) for chance in chances))
    assert abs(passed - sum(chances)) < 3.5 * spread
    assert spread > 3


def test_cells_share_their_draws():
    """An added intervention never turns a success into a failure of the same run."""
    subject = planted("bottleneck_discovery")
    table = VerdictTable.of([verdicts_of(task("C-L1"))])
    y = outcomes(subject, table, np.array([0]), 500, stream("paired"))
    for a, less in enumerate(subject.supplied):
        for b, more in enumerate(subject.supplied):
            if less <= more:
                assert (y[a] <= y[b]).all()
