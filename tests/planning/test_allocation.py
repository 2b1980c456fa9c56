"""Who gets the runs: closed forms, the exact optimum, and what cannot be meant."""

import itertools

import numpy as np
import pytest

from analysis.batches import batches_of
from analysis.layout import INTERVENTIONS
from analysis.planning.allocation import (
    Spreads,
    candidates,
    chosen,
    correlations,
    neyman,
    shared_out,
    shrunk,
)
from analysis.planning.designs import Cells
from diagnose.errors import InputError
from diagnose.stopping import Outcome
from tests.analysis.studies import CODES

ALL = Cells(INTERVENTIONS, tuple(CODES))
USUAL = {"rule": "neyman", "estimand": "shapley", "pilot": 2, "every": 3, "most": 9}
USUAL["cost"] = "episodes"


def made(**changes):
    return neyman(ALL, changes.pop("runs", 8), **{**USUAL, **changes})


def value(scores, counts):
    return float((np.asarray(scores) ** 2 / np.asarray(counts)).sum())


def test_runs_are_as_neyman_has_them_where_these_are_whole():
    # n proportional to score / sqrt(price): 1:2:4 over prices 1, 4, 4 is 1 : 1 : 2.
    scores, prices = np.array([1.0, 2.0, 4.0]), np.array([1.0, 4.0, 4.0])
    counts = shared_out(scores, prices, 13 * 5.0, 100, np.arange(3))
    assert counts.tolist() == [5, 5, 10]
    equal = shared_out(np.ones(4), np.ones(4), 12, 9, np.arange(4))
    assert equal.tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("seed", range(5))
def test_with_equal_prices_no_whole_numbers_are_better(seed):
    draw = np.random.default_rng(seed)
    scores = draw.uniform(0, 1, 4)
    counts = shared_out(scores, np.ones(4), 13, 6, draw.permutation(4))
    every = [c for c in itertools.product(range(1, 7), repeat=4) if sum(c) == 13]
    assert counts.sum() == 13
    assert value(scores, counts) == pytest.approx(min(value(scores, c) for c in every))


def test_nothing_is_spent_on_what_gains_nothing_and_nobody_has_more_than_most():
    counts = shared_out(np.array([0.0, 1.0, 2.0]), np.ones(3), 30, 5, np.arange(3))
    assert counts.tolist() == [1, 5, 5]


def test_the_variance_is_that_of_the_runs_that_cells_share():
    sd = np.array([[0.5], [0.4]])
    joint = np.array([[1.0, 0.6], [0.6, 1.0]])
    known = Spreads(sd, joint, np.ones(2))
    weights, counts = np.array([[1.0, -1.0]]), np.array([[5], [2]])
    # Two runs are shared: cov(mean of 5, mean of 2) = 2 cov / (5 x 2).
    exact = 0.25 / 5 + 0.16 / 2 - 2 * 0.6 * 0.5 * 0.4 * 2 / (5 * 2)
    assert known.variance(weights, counts) == pytest.approx(exact)


def test_pairs_are_kept_where_they_are_worth_more():
    weights = np.array([[1.0, -1.0]])
    sd = np.array([[0.5, 0.05], [0.2, 0.05]])
    draw = np.random.default_rng(0)
    apart = chosen(weights, Spreads(sd, np.eye(2), np.ones(2)), 4, 12, draw)
    joint = np.array([[1.0, 0.95], [0.95, 1.0]])
    level = np.array([[0.5, 0.05], [0.4, 0.04]])
    together = chosen(weights, Spreads(level, joint, np.ones(2)), 4, 12, draw)
    assert apart.how == "cells"
    assert together.how == "tasks"
    assert (together.counts[0] == together.counts[1]).all()
    assert apart.share < 1 > together.share
    flat = chosen(weights, Spreads(np.full((2, 2), 0.5), np.eye(2), np.ones(2)), 4, 12, draw)
    assert (flat.how, flat.share) == ("equal", 1.0)


def test_every_allocation_costs_what_equal_runs_would():
    draw = np.random.default_rng(3)
    sd, price = draw.uniform(0.1, 0.5, (16, 5)), draw.uniform(0.5, 2.0, 16)
    weights = made().weights(sorted(CODES))
    known = Spreads(sd, np.eye(16), price)
    budget = 3 * 5 * price.sum()
    for counts in candidates(weights, known, 3, 9, draw).values():
        assert budget - 16 * price.max() < (counts * price[:, None]).sum() <= budget + 1e-9
        assert counts.min() >= 1


def test_rates_are_drawn_to_cells_and_tasks_only_as_far_as_these_are_known():
    draw = np.random.default_rng(1)
    # All cells of a run alike: 16 cells tell of a task no more than one does.
    one = (draw.uniform(size=(400, 2)) < 0.5).astype(float)
    rates = shrunk(np.tile(one, (16, 1, 1)))
    start = 0.8 * 0.5  # of PRIOR / (PRIOR + 2): what does not follow a task's own runs
    assert rates.min() == pytest.approx(start, abs=0.03)
    assert rates.max() == pytest.approx(1 - start, abs=0.03)
    hard = np.repeat([0.1, 0.9], 200)
    told = (draw.uniform(size=(16, 400, 2)) < hard[None, :, None]).astype(float)
    assert shrunk(told)[:, :200].mean() == pytest.approx(0.1, abs=0.03)


def test_correlations_are_found_by_distance():
    draw = np.random.default_rng(2)
    codes = ("00", "01", "10", "11")
    shared = draw.uniform(size=(1, 600, 6)) < 0.5
    own = draw.uniform(size=(4, 600, 6)) < 0.5
    together = draw.uniform(size=(1, 600, 6)) < 0.4
    y = np.where(together, shared, own).astype(float)
    found = correlations(y, np.full((4, 600), 0.5), codes)
    assert np.diag(found).tolist() == [1, 1, 1, 1]
    assert found[0, 1] == found[1, 3] == pytest.approx(0.4, abs=0.03)
    assert found[0, 3] == pytest.approx(0.4, abs=0.04)


def test_a_decision_does_not_hang_on_the_order_of_records():
    rule = made(cost="usd")
    draw = np.random.default_rng(4)
    tasks = ["A-L1", "A-L2", "B-L1"]
    seen = [
        Outcome(task, run, code, bool(draw.random() < 0.4), float(draw.random()))
        for task in tasks for code in CODES for run in range(2)
    ]  # fmt: skip
    lost = seen[5]
    seen[5] = Outcome(lost.task, lost.run, lost.cell, None)
    first = rule.allocate(1, tasks, seen, np.random.default_rng(0))
    again = rule.allocate(1, tasks[::-1], seen[::-1], np.random.default_rng(0))
    assert first == again
    prices = first.facts["price"]
    dear, cheap = max(prices, key=prices.get), min(prices, key=prices.get)
    means = {
        code: np.mean(
            [one.cost_usd for one in seen if one.cell == code and one.success is not None]
        )
        for code in (dear, cheap)
    }
    assert prices[dear] / prices[cheap] == pytest.approx(means[dear] / means[cheap], rel=1e-6)


def test_batches_have_runs_of_their_own():
    found = batches_of(8, 2, 3, 9)
    assert [(b.first, b.end, b.runs) for b in found] == [(0, 2, 2), (2, 11, 3), (11, 20, 3)]
    assert [b.runs for b in batches_of(10, 2, 3, 9)] == [2, 3, 3, 2]
    assert [b.runs for b in batches_of(9, 2, 3, 9)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": "thompson"}, "study.allocate.rule: received 'thompson'"),
        ({"cost": "tokens"}, "study.allocate.cost"),
        ({"pilot": 1}, "study.allocate.pilot: received 1"),
        ({"every": 1}, "study.allocate.every: received 1"),
        ({"most": 3}, "give more than the mean, 3"),
        ({"estimand": None}, "declare one, such as shapley:gap_hints"),
        ({"estimand": "shapley:wings"}, "these cells allow"),
        ({"runs": 5}, "no batch may have more than half"),
        ({"runs": 2}, "no batch may have more than half"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, said):
    with pytest.raises(InputError) as error:
        made(**changes)
    assert said in str(error.value)
