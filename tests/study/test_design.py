"""Designs and schedules: counts, pairing, balance and order."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.design import (
    DESIGNS,
    OPTIONS,
    Cell,
    EpisodePlan,
    Factor,
    bundles,
    cells,
    full_factorial,
    register,
    schedule,
    schedule_sha256,
)
from diagnose.errors import ConfigError
from tests.study.fake import FACTORS

TASKS = [f"{family}-L{level}" for family in "ABCDE" for level in range(1, 6)]

levels = st.sets(st.integers(0, 9), min_size=1, max_size=4).map(lambda s: tuple(sorted(s)))
some_factors = st.lists(levels, min_size=1, max_size=4).map(
    lambda many: [Factor(f"f{i}", "c", doses) for i, doses in enumerate(many)]
)


def codes(design: str, factors: object = FACTORS) -> list[str]:
    return [cell.code for cell in cells(factors, design)]


def test_the_three_designs_of_four_factors() -> None:
    assert codes("full_factorial") == [f"{n:04b}" for n in range(16)]
    assert codes("paper_sequential") == ["0000", "1000", "1100", "1110", "1111"]
    assert codes("one_at_a_time") == ["0000", "1000", "0100", "0010", "0001", "1111"]


def test_the_default_study_has_3200_episodes() -> None:
    assert len(schedule(FACTORS, "full_factorial", TASKS)) == 16 * 25 * 8 == 3200


def test_doses_and_a_fixed_factor() -> None:
    notes = Factor("knowledge_notes", "consolidation", (0, 1, 2))
    factors = [FACTORS[0], notes, FACTORS[3].fixed(1)]
    assert codes("full_factorial", factors) == ["001", "011", "021", "101", "111", "121"]
    assert codes("paper_sequential", factors) == ["001", "101", "111"]
    assert codes("one_at_a_time", factors) == ["001", "101", "011", "111"]
    assert codes("dose_response", factors) == ["001", "101", "011", "021", "111"]


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ((0, 1), 1),
        ((0, 1, 9), 1),
        ((0, 1, 2, 3), 1),
        ((0, 2, 3), 3),
        ((0, 2, 9), 2),
        ((0, 9), 9),
        ((1, 2), 2),
        ((1,), 1),
        ((9,), 9),
        ((0,), 0),
    ],
)
def test_on_is_the_standard_dose_where_there_is_one(given: tuple[int, ...], full: int) -> None:
    factor = Factor("a", "c", given)
    assert factor.full == full
    assert codes("paper_sequential", [factor])[-1] == str(full)
    assert codes("full_factorial", [factor]) == [str(dose) for dose in given]


def test_shams_alone_and_in_the_full_cell() -> None:
    three = [Factor(name, "c", (0, 1, 9)) for name in "abc"]
    assert codes("placebo_controlled", three) == [
        "000", "100", "900", "010", "090", "001", "009", "111", "911", "191", "119",
    ]  # fmt: skip
    mixed = [three[0], Factor("b", "c", (0, 1)), Factor("c", "c", (0, 1, 2, 9)).fixed(1)]
    assert codes("placebo_controlled", mixed) == ["001", "101", "901", "011", "111", "911"]
    assert codes("paper_sequential", three) == ["000", "100", "110", "111"]


def test_each_dose_alone() -> None:
    factors = [Factor("a", "c", (0, 1, 2, 3)), Factor("b", "c", (0, 1, 9))]
    assert codes("dose_response", factors) == ["00", "10", "20", "30", "01", "11"]


@given(some_factors)
def test_placebo_cells_differ_from_nothing_or_from_everything_in_one_factor(
    factors: list[Factor],
) -> None:
    off, full = tuple(f.off for f in factors), tuple(f.full for f in factors)
    for cell in cells(factors, "placebo_controlled"):
        near = [sum(a != b for a, b in zip(cell.doses, one, strict=True)) for one in (off, full)]
        assert min(near) <= 1


@given(some_factors)
def test_a_full_factorial_is_the_product_of_its_levels(factors: list[Factor]) -> None:
    found = full_factorial(factors)
    assert len(set(found)) == len(found) == math.prod(len(f.levels) for f in factors)
    for i, factor in enumerate(factors):  # orthogonal: every level equally often
        counts = Counter(cell.doses[i] for cell in found)
        assert counts == dict.fromkeys(factor.levels, len(found) // len(factor.levels))


@given(some_factors, st.sampled_from(sorted(DESIGNS)))
def test_every_design_stays_within_the_levels_and_never_repeats(
    factors: list[Factor], design: str
) -> None:
    found = cells(factors, design)
    assert len(set(found)) == len(found)
    assert set(found) <= set(full_factorial(factors))
    off, full = (tuple(doses) for doses in ([f.off for f in factors], [f.full for f in factors]))
    assert Cell(off) in found
    # A fraction of an odd number lacks it, and ``alone`` is every factor by itself.
    assert Cell(full) in found or design in {*OPTIONS, "alone"}


@given(
    some_factors,
    st.sampled_from(sorted(DESIGNS)),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 2**64),
)
def test_every_block_holds_every_task_and_cell_once(
    factors: list[Factor], design: str, tasks: int, runs: int, seed: int
) -> None:
    names = TASKS[:tasks]
    plans = schedule(factors, design, names, runs, seed)
    found = cells(factors, design)
    size = tasks * len(found)
    assert [(p.block, p.position) for p in plans] == [
        (b, i) for b in range(runs) for i in range(size)
    ]
    assert all(plan.run == plan.block for plan in plans)
    for run in range(runs):
        block = Counter((p.task, p.cell) for p in plans if p.run == run)
        assert block == Counter((task, cell.code) for task in names for cell in found)


def test_cells_share_their_seeds_and_nothing_else_does() -> None:
    plans = schedule(FACTORS, "full_factorial", TASKS[:3], 2, 11)
    paths = Counter(plan.seed_path(11) for plan in plans)
    assert paths == {(11, task, run): 16 for task in TASKS[:3] for run in range(2)}


def test_the_order_is_the_seeds_and_differs_between_blocks() -> None:
    first = schedule(FACTORS, "full_factorial", TASKS, 2, 1)
    assert first == schedule(FACTORS, "full_factorial", TASKS, 2, 1)
    other = schedule(FACTORS, "full_factorial", TASKS, 2, 2)
    assert schedule_sha256(first) != schedule_sha256(other)

    def order(plans: list[EpisodePlan], run: int) -> list[tuple[str, str]]:
        return [(p.task, p.cell) for p in plans if p.run == run]

    orders = {tuple(order(plans, run)) for plans in (first, other) for run in (0, 1)}
    assert len(orders) == 4


def test_more_runs_keep_the_earlier_blocks() -> None:
    short = schedule(FACTORS, "one_at_a_time", TASKS, 2, 3)
    assert schedule(FACTORS, "one_at_a_time", TASKS, 4, 3)[: len(short)] == short


def test_positions_are_balanced_over_cells() -> None:
    # The mean position of a cell over 200 blocks of 16 is 7.5 +- 4.61/sqrt(200); 5 sigma = 1.63.
    plans = schedule(FACTORS, "full_factorial", TASKS[:1], 200, 9)
    for cell in codes("full_factorial"):
        places = [plan.position for plan in plans if plan.cell == cell]
        assert abs(sum(places) / 200 - 7.5) < 1.63


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_a_cell_survives_its_code(doses: list[int]) -> None:
    assert Cell.from_code(Cell(tuple(doses)).code) == Cell(tuple(doses))


def test_a_new_design_is_one_function_and_names_are_taken_once() -> None:
    def only_baseline(factors: list[Factor]) -> tuple[Cell, ...]:
        return (Cell(tuple(f.off for f in factors)),)

    register(only_baseline)
    try:
        assert codes("only_baseline") == ["0000"]
        with pytest.raises(ConfigError, match="only_baseline"):
            register(only_baseline)
    finally:
        del DESIGNS["only_baseline"]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Factor("", "c"), "factor.name"),
        (lambda: Factor("a", "c", ()), "factor a: levels"),
        (lambda: Factor("a", "c", (1, 0)), "factor a: levels"),
        (lambda: Factor("a", "c", (0, 0)), "factor a: levels"),
        (lambda: Factor("a", "c", (0, 10)), "factor a: levels"),
        (lambda: Factor("a", "c", (-1, 0)), "factor a: levels"),
        (lambda: Factor("a", "c", (False, True)), "factor a: levels"),
        (lambda: Cell.from_code("01x0"), "cell"),
        (lambda: Cell.from_code(""), "cell"),
        (lambda: cells(FACTORS, "latin"), "design"),
        (lambda: cells([], "full_factorial"), "factors"),
        (lambda: cells([FACTORS[0], FACTORS[0]], "full_factorial"), "factors"),
        (lambda: schedule(FACTORS, "full_factorial", [], 1, 0), "tasks"),
        (lambda: schedule(FACTORS, "full_factorial", ["A-L1", "A-L1"], 1, 0), "tasks"),
        (lambda: schedule(FACTORS, "full_factorial", ["A-L1"], 0, 0), "runs"),
    ],
)
def test_a_bad_design_names_its_field(make: object, field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.field == field


def test_the_published_two_by_two_bundles_all_but_the_first_factor() -> None:
    published = [*FACTORS[:3], FACTORS[3].fixed(0)]
    assert codes("paper_2x2", published) == ["0000", "1000", "0110", "1110"]
    assert bundles(published, "paper_2x2") == (("experiment_oracles", "knowledge_notes"),)
    assert codes("paper_2x2") == ["0000", "1000", "0111", "1111"]
    for design in ("full_factorial", "paper_sequential", "one_at_a_time"):
        assert bundles(FACTORS, design) == ()


@given(some_factors, st.sampled_from(sorted(DESIGNS)))
def test_bundled_factors_have_the_same_dose_in_every_cell_and_others_do_not(many, design) -> None:
    columns = {f.name: tuple(int(code[i]) for code in codes(design, many))
               for i, f in enumerate(many)}  # fmt: skip
    joined = {name for names in bundles(many, design) for name in names}
    for names in bundles(many, design):
        assert len({columns[name] for name in names}) == 1
    for one in columns.keys() - joined:
        alike = [name for name in columns if columns[name] == columns[one] and name != one]
        assert not alike or len(set(columns[one])) == 1
