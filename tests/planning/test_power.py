"""Power and detectable effects: statsmodels, the stated figures, simulation and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower, TTestPower

from analysis.layout import INTERVENTIONS
from analysis.planning.designs import Cells, covered, difference
from analysis.planning.pilot import Pilot
from analysis.planning.power import (
    Assumed,
    Components,
    Price,
    Size,
    best_split,
    power,
    runs_needed,
    splits,
    tasks_needed,
)
from analysis.planning.simulate import LogitWorld, from_pilot
from analysis.uncertainty import Uncertainty
from diagnose.design import Factor, cells
from diagnose.errors import InputError
from tests.analysis.studies import TASKS, study, table
from tests.study.fake import FACTORS

FLAT = Assumed(rate=0.35)


def design(name: str, factors=FACTORS) -> Cells:
    codes = tuple(cell.code for cell in cells(factors, name))
    return Cells(tuple(factor.name for factor in factors), codes)


def pp(value: float) -> float:
    return round(100 * value, 1)


def test_the_stated_figures_of_a_study_of_25_tasks_and_8_runs():
    """A rate of 0.35 in every cell, independent runs, these tasks, two-sided 5 %, power 80 %."""
    full, size = design("full_factorial"), Size(25, 8, "fixed")
    pair = difference("1000", "0000")
    assert pp(size.detectable(FLAT.components(pair.weights))) == 13.4
    for one in full.estimands:
        if one.kind == "ame":
            assert pp(size.detectable(FLAT.components(one.weights))) == 4.7
        if one.kind == "int":
            assert pp(size.detectable(FLAT.components(one.weights))) == 9.4


def test_more_tasks_beat_more_seeds():
    """400 episodes a cell either way: effect 0.53 standard deviations of its spread over tasks.

    0.72 and 0.96 are what the tasks' spread alone gives (a mean log odds ratio of 0.48 with slope
    SD 0.9); the noise of the runs costs a little more of both.
    """
    slopes = Components(between=0.9, within=0.0)
    few, many = Size(25, 16), Size(50, 8)
    assert round(few.power(slopes, 0.4775), 2) == 0.72
    assert round(many.power(slopes, 0.4775), 2) == 0.96
    noisy = Components(between=0.9, within=0.25 / (0.35 * 0.65))  # of log odds, 16 cells
    assert few.power(noisy, 0.4775) == pytest.approx(0.686, abs=0.001)
    assert many.power(noisy, 0.4775) == pytest.approx(0.925, abs=0.001)


@pytest.mark.parametrize("effect", [0.0, 0.05, 0.13, 0.4])
@pytest.mark.parametrize("tasks", [2, 5, 25, 60])
def test_power_is_statsmodels(effect, tasks):
    parts = Components(between=0.2, within=0.4)
    se = parts.se(tasks, 8, "new")
    theirs = TTestPower().power(effect / se / math.sqrt(tasks), tasks, 0.05)
    assert Size(tasks, 8).power(parts, effect) == pytest.approx(theirs, abs=1e-9)
    n, own = 8 * tasks, 0.35 * 0.65
    theirs = NormalIndPower().power(effect / math.sqrt(own), n, 0.05)
    two = FLAT.components(difference("1000", "0000").weights)
    assert Size(tasks, 8, "fixed").power(two, effect) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95])
def test_detectable_is_statsmodels(wanted):
    parts = Components(between=0.2, within=0.4)
    theirs = TTestPower().solve_power(None, 25, 0.05, wanted) * math.sqrt(25)
    assert Size(25, 8).detectable(parts, wanted) == pytest.approx(
        theirs * parts.se(25, 8, "new"), rel=1e-5
    )
    theirs = NormalIndPower().solve_power(None, 200, 0.05, wanted) * math.sqrt(0.35 * 0.65)
    two = FLAT.components(difference("1000", "0000").weights)
    assert Size(25, 8, "fixed").detectable(two, wanted) == pytest.approx(theirs, rel=1e-5)


def test_power_far_out_is_one_and_without_an_effect_is_alpha():
    assert power(100.0, 1.0, 24) == pytest.approx(1.0)
    assert power(35.0, 1.0, 24) == pytest.approx(1.0)
    assert power(0.0, 1.0, 24) == pytest.approx(0.05, abs=1e-12)
    assert power(0.1, 0.0, 24) == 1.0


KINDS = {
    "full_factorial": {"shapley", "ame", "seq", "add1", "loo", "int"},
    "half_fraction": {"alias", "alias2"},
    "paper_sequential": {"seq", "add1", "loo"},
    "one_at_a_time": {"seq", "add1"},
    "paper_2x2": {"shapley", "ame", "seq", "add1", "loo", "int"},
}


@pytest.mark.parametrize("name", KINDS)
def test_each_design_allows_its_estimands(name):
    """``add1`` and ``loo`` of a sequence are of its first and last factor only."""
    made = design(name)
    assert {one.kind for one in made.estimands} == KINDS[name]
    assert covered(made.estimands) <= set(made.codes)
    if name == "paper_sequential":
        own = [one.name for one in made.estimands if one.kind in {"add1", "loo"}]
        assert own == ["add1:gap_hints", "loo:solution_sketches"]
    if name == "one_at_a_time":
        assert {one.name for one in made.estimands if one.kind == "seq"} == {"seq:gap_hints"}
    assert len(made.leading) == len(made.factors)


def test_a_2x2_has_two_factors():
    held = [*FACTORS[:3], FACTORS[3].fixed(0)]
    made = design("paper_2x2", held)
    assert made.factors == ("gap_hints", "experiment_oracles+knowledge_notes")
    one = made.estimand("int:gap_hints*experiment_oracles+knowledge_notes")
    assert one.weights == {"0000": 1.0, "1000": -1.0, "0110": -1.0, "1110": 1.0}
    with pytest.raises(InputError, match="these cells allow"):
        made.estimand("ame:knowledge_notes")


def test_shams_and_further_doses_are_no_cells_of_on_and_off():
    factors = [Factor(name, "c", (0, 1, 9)) for name in "ab"]
    made = design("placebo_controlled", factors)
    assert made.factors == ("a", "b")
    assert covered(made.estimands) == {"00", "10", "01", "11"}


def test_assumed_components_are_those_of_the_model_they_state():
    """Tasks drawn from the stated model: the contrasts' standard deviation over a million tasks."""
    draw = np.random.default_rng(5)
    assumed = Assumed(0.4, 0.2, 0.1, 0.3)
    made = design("full_factorial")
    tasks, k = 200_000, 4
    slopes = draw.normal(0, 0.2, (k, tasks))
    pairs = draw.normal(0, 0.1, (k, k, tasks))
    rates = {}
    for code in made.codes:
        on = [i for i in range(k) if code[i] == "1"]
        rates[code] = (
            sum(slopes[i] for i in on)
            + sum(pairs[i, j] for i in on for j in on if i < j)
            + np.zeros(tasks)
        )
    for one in made.estimands:
        parts = assumed.components(one.weights)
        seen = sum(weight * rates[code] for code, weight in one.weights.items())
        assert parts.between == pytest.approx(seen.std(), rel=0.01, abs=1e-9)
        squares = sum(weight**2 for weight in one.weights.values())
        assert parts.within == pytest.approx(0.4 * 0.6 * 0.7 * squares)


def test_what_is_held_does_not_spread():
    held = Cells(("a", "b"), ("01", "11"))
    (one,) = [e for e in held.estimands if e.kind == "ame"]
    assert FLAT.components(one.weights).between == pytest.approx(math.hypot(0.2, 0.1))


parts = st.builds(Components, between=st.floats(0.01, 0.5), within=st.floats(0.01, 2.0))


@given(parts, st.floats(0.02, 0.5), st.integers(5, 60), st.sampled_from(["new", "fixed"]))
def test_the_runs_needed_are_the_fewest(components, most, tasks, target):
    for reach in (Size.detectable, Size.half_width):
        found = runs_needed(components, tasks, target, reach, most)
        if found is None:
            assert reach(Size(tasks, 100_000, target), components) > most
            continue
        assert reach(Size(tasks, found, target), components) <= most
        assert found == 1 or reach(Size(tasks, found - 1, target), components) > most


@given(parts, st.floats(0.02, 0.5), st.integers(1, 20))
def test_the_tasks_needed_are_the_fewest(components, most, runs):
    found = tasks_needed(components, runs, "new", Size.detectable, most)
    assert Size(found, runs).detectable(components) <= most
    assert found == 2 or Size(found - 1, runs).detectable(components) > most


def test_the_best_split_is_the_best_of_all():
    components = Components(0.2, 0.4)
    budget = 16 * 25 * 8
    best = best_split(components, budget, 16, Price(), most_tasks=400)
    assert best == Size(200, 1)  # without a price of a task: one run of as many as can be
    assert best_split(components, budget, 16, Price(), most_tasks=25) == Size(25, 8)
    dear = Price(episode=1.0, task=400.0)
    best = best_split(components, 20_000, 16, dear, most_tasks=400)
    every = list(splits(20_000, 16, dear, 400))
    assert all(size.tasks * (400 + 16 * size.runs) <= 20_000 for size in every)
    assert best.detectable(components) == min(s.detectable(components) for s in every)
    by_formula = math.sqrt(0.4 / 0.2**2 * 400 / 16)
    assert abs(best.runs - by_formula) < 4
    assert best_split(components, 10, 16, Price(), 400) is None


def varied(task: str, cell: tuple[int, ...]) -> float:
    """Every task has a slope of its own for the first factor."""
    slope = 0.1 + 0.5 * (TASKS.index(task) % 5) / 4
    return 0.2 + slope * cell[0] + 0.1 * cell[1]


def test_a_pilot_gives_the_spread_it_was_drawn_with():
    """Many runs, so that chance is small: slopes 0.1 to 0.6 in steps have an SD of 0.1804."""
    pilot = Pilot(study(table(varied, runs=200, common=False)), INTERVENTIONS, Assumed())
    one = design("full_factorial").estimand("ame:gap_hints")
    found = pilot.components(one.weights)
    slopes = np.array([0.1 + 0.5 * (n % 5) / 4 for n in range(25)])
    assert found.between == pytest.approx(slopes.std(ddof=1), rel=0.05)
    rates = {(t, c): varied(t, tuple(map(int, c))) for t in TASKS for c in one.weights}
    within = np.mean(
        [sum(w**2 * rates[t, c] * (1 - rates[t, c]) for c, w in one.weights.items()) for t in TASKS]
    )
    assert found.within == pytest.approx(within, rel=0.05)
    assert (found.source, found.df) == ("pilot", 24)


def test_a_pilot_s_standard_error_is_its_analysis_s_own():
    """Planning the very study that the pilot was must give the interval that its analysis has."""
    made = study(table(varied, runs=8, common=True))
    pilot = Pilot(made, INTERVENTIONS, Assumed())
    one = design("full_factorial").estimand("shapley:gap_hints")
    components = pilot.components(one.weights)
    for target in ("new", "fixed"):
        sample, own = pilot.rows(one.weights)
        (spread,) = Uncertainty(target).spreads(sample, own[None, :])
        assert components.se(25, 8, target) == pytest.approx(spread.se, rel=1e-9)
    # Chi-squared with 24 degrees of freedom: 18.062 has 20 % below.
    unlucky = components.unlucky()
    assert unlucky.se(25, 8, "new") == pytest.approx(
        components.se(25, 8, "new") * math.sqrt(24 / 18.062), rel=1e-4
    )
    assert Components(0.1, 0.1).unlucky() == Components(0.1, 0.1)


def test_what_a_pilot_lacks_is_assumed():
    raw = table(varied, runs=2, codes=["0000", "1000"])
    pilot = Pilot(study(raw), INTERVENTIONS, Assumed())
    made = design("full_factorial")
    assert pilot.components(made.estimand("add1:gap_hints").weights).source == "pilot"
    lacking = made.estimand("ame:gap_hints").weights
    assert pilot.components(lacking) == Assumed().components(lacking)


def test_one_run_a_task_still_has_a_spread():
    pilot = Pilot(study(table(varied, runs=1)), INTERVENTIONS, Assumed())
    found = pilot.components(design("full_factorial").estimand("add1:gap_hints").weights)
    assert found.within > 0
    assert np.isfinite(found.between)


def test_simulation_from_a_pilot_agrees_with_the_formula():
    """Three standard errors of 4,000 studies, and what normal theory leaves out."""
    draw = np.random.default_rng(2)
    pilot = Pilot(study(table(varied, runs=12, common=True)), INTERVENTIONS, Assumed())
    one = design("full_factorial").estimand("ame:gap_hints")
    components, per_run = pilot.components(one.weights), pilot.contrasts(one.weights)
    for size in (Size(25, 8), Size(50, 4), Size(25, 8, "fixed")):
        effect = size.detectable(components, 0.8)
        assert from_pilot(per_run, size, effect, draw, 4000) == pytest.approx(0.8, abs=0.04)
        assert from_pilot(per_run, size, 0.0, draw, 4000) == pytest.approx(0.05, abs=0.02)


def test_simulation_from_rates_agrees_with_the_formula():
    """Slope SD 0.9 about a mean of 0.5 on the logit scale; the formula takes the tasks' moments."""
    draw = np.random.default_rng(4)
    world = LogitWorld(-0.6, 1.0, (0.5, 0.0, 0.0, 0.0), 0.9)
    weights = dict(design("full_factorial").estimand("ame:gap_hints").weights)
    codes = list(weights)
    rates = world.rates(codes, 4000, draw, 10)
    true = np.einsum("c,sct->st", np.array(list(weights.values())), rates)
    squares = np.array([weights[code] ** 2 for code in codes])
    within = float((squares[:, None] * (rates * (1 - rates)).mean(axis=0)).sum(axis=0).mean())
    components = Components(float(true.std()), within)
    powers = []
    for size in (Size(25, 16), Size(50, 8)):
        powers.append(world.power(weights, size, draw, 1500))
        assert powers[-1] == pytest.approx(size.power(components, true.mean()), abs=0.05)
    assert powers[1] - powers[0] > 0.15  # more tasks beat more seeds


def test_shared_draws_correlate_cells():
    draw = np.random.default_rng(6)
    world = LogitWorld(0.0, 0.0, (0.0,), 0.0, shared=0.6)
    x = world.contrasts({"1": 1.0, "0": -1.0}, 200, 50, draw, 20)
    assumed = Assumed(0.5, 0.0, 0.0, 0.6).components({"1": 1.0, "0": -1.0})
    assert x.var() == pytest.approx(assumed.within, rel=0.02)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Assumed(rate=1.0), "rate"),
        (lambda: Assumed(slope_sd=-0.1), "slope_sd"),
        (lambda: Assumed(seed_correlation=1.5), "seed_correlation"),
        (lambda: Size(1, 8), "tasks"),
        (lambda: Size(25, 0), "runs"),
        (lambda: Size(25, 8).detectable(Components(0.1, 0.1), 0.01), "power"),
        (lambda: Cells(("a",), ()), "cells"),
        (lambda: from_pilot(np.ones((3, 1)), Size(25, 8), 0.1, np.random.default_rng(0)), "pilot"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()
