"""Aliases of a design's cells, against pydoe's and against least squares on planted effects."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydoe import fracfact_aliasing

from analysis.planning.fractional import LETTERS, aliases, defining, is_fraction
from diagnose.design import Factor, cells
from diagnose.errors import ConfigError, InputError
from tests.study.fake import FACTORS, NAMES

FIVE = (*FACTORS, Factor("env", "recall"))
FRACTIONS = [
    (FACTORS, "half_fraction"),
    (FACTORS, "half_fraction: D = -ABC"),
    (FACTORS, "half_fraction: B = ACD"),
    (FACTORS, "half_fraction: D = AB"),
    (FACTORS[:3], "half_fraction"),
    (FIVE, "half_fraction"),
    (FIVE, "fractional: 3"),
    (FIVE, "fractional: 4"),
]


def codes(factors, design):
    return [cell.code for cell in cells(factors, design)]


def test_the_half_of_four_factors():
    half = codes(FACTORS, "half_fraction")
    assert half == ["0000", "0011", "0101", "0110", "1001", "1010", "1100", "1111"]
    found = {one.name: one.letters(NAMES) for one in aliases(NAMES, half)}
    assert found == {
        "gap_hints": "A + BCD/4",
        "experiment_oracles": "B + ACD/4",
        "knowledge_notes": "C + ABD/4",
        "solution_sketches": "D + ABC/4",
        "gap_hints*experiment_oracles": "AB + CD",
        "gap_hints*knowledge_notes": "AC + BD",
        "gap_hints*solution_sketches": "AD + BC",
    }
    assert defining(NAMES, half) == ("ABCD",)
    other = codes(FACTORS, "half_fraction: D = -ABC")
    assert set(half) | set(other) == {f"{n:04b}" for n in range(16)}
    assert defining(NAMES, other) == ("-ABCD",)
    assert aliases(NAMES, other)[4].letters(NAMES) == "AB - CD"


@pytest.mark.parametrize(("factors", "design"), FRACTIONS)
def test_the_groups_are_pydoe_s(factors, design):
    """Up to signs, which pydoe looks past: it is given the half with the positive ones."""
    names = [factor.name for factor in factors]
    own = codes(factors, design)
    signs = np.array([[1 if digit == "1" else -1 for digit in code] for code in own])
    signs *= signs[-1]  # the last row all 1, so that every word of the defining relation is
    lines, _ = fracfact_aliasing(signs)

    def group(line: str) -> frozenset[str]:
        return frozenset(word.strip(" -").upper() for word in line.split("="))

    ours = {frozenset(w.strip("-") for w in _words(one, names)) for one in aliases(names, own)}
    constant = frozenset(word.strip("-") for word in defining(names, own))
    assert ours | {constant} == {group(line) for line in lines}


def _words(alias, names):
    return ["".join(LETTERS[names.index(name)] for name in effect) for effect in alias.effects]


@pytest.mark.parametrize(("factors", "design"), FRACTIONS)
def test_a_contrast_is_the_sum_that_its_name_says(factors, design):
    """Rates of all 2^k cells at random; effects as mean differences of differences."""
    names = [factor.name for factor in factors]
    k = len(names)
    draw = np.random.default_rng(3)
    rate = {f"{n:0{k}b}": float(draw.random()) for n in range(2**k)}

    def effect(subset: tuple[str, ...]) -> float:
        total = 0.0
        for code, value in rate.items():
            sign = np.prod([1 if code[names.index(name)] == "1" else -1 for name in subset])
            total += sign * value
        return total / 2 ** (k - len(subset))

    for one in aliases(names, codes(factors, design)):
        estimate = sum(weight * rate[code] for code, weight in one.weights.items())
        said = sum(
            float(c) * effect(own) for own, c in zip(one.effects, one.coefficients, strict=True)
        )
        assert estimate == pytest.approx(said, abs=1e-12)
        assert sum(one.weights.values()) == pytest.approx(0)


def test_every_effect_is_in_one_group_or_constant():
    for factors, design in FRACTIONS:
        names = [factor.name for factor in factors]
        own = codes(factors, design)
        held = [effect for one in aliases(names, own) for effect in one.effects]
        assert len(held) == len(set(held))
        every = sum(1 for size in range(1, len(names) + 1) for _ in combinations(names, size))
        assert len(held) + len(defining(names, own)) == every


@given(st.sets(st.sampled_from([f"{n:03b}" for n in range(8)])))
def test_a_set_of_cells_is_a_fraction_exactly_if_its_differences_are_a_subspace(some):
    """Counted by linear algebra: an affine set of dimension d has 2^d members."""
    whole = False
    if some:
        first = int(min(some), 2)
        basis: list[int] = []
        for code in some:
            value = int(code, 2) ^ first
            for one in basis:
                value = min(value, value ^ one)
            if value:
                basis.append(value)
        whole = len(some) == 2 ** len(basis)
    assert is_fraction("abc", some) == (whole and 1 < len(some) < 8)
    assert bool(aliases("abc", some)) == is_fraction("abc", some)


@pytest.mark.parametrize("design", ["full_factorial", "paper_sequential", "one_at_a_time"])
def test_what_is_no_fraction_has_no_aliases(design):
    assert aliases(NAMES, codes(FACTORS, design)) == ()
    assert defining(NAMES, codes(FACTORS, design)) == ()


def test_a_fraction_of_factors_held_and_with_doses():
    doses = Factor("experiment_oracles", "discovery", (0, 1, 2, 9))
    held = [FACTORS[0], doses, FACTORS[2], FACTORS[3].fixed(1)]
    assert codes(held, "half_fraction") == ["0001", "0111", "1011", "1101"]
    assert codes(held, "half_fraction: C = AB") == ["0011", "0101", "1001", "1111"]
    assert len(codes([*FIVE, Factor("six", "c")], "fractional: 3")) == 8
    assert len(codes(FIVE, "fractional: 5")) == 16
    for design in ("half_fraction", "fractional"):
        assert codes(FACTORS[:2], design) == ["00", "01", "10", "11"]


@pytest.mark.parametrize(
    ("factors", "design", "said"),
    [
        (FACTORS, "half_fraction: D = ABD", "design.generator"),
        (FACTORS, "half_fraction: D = A", "design.generator"),
        (FACTORS, "half_fraction: E = ABC", "design.generator"),
        (FACTORS, "half_fraction: D = ABB", "design.generator"),
        (FACTORS, "half_fraction: x", "such as D = ABC"),
        (FACTORS, "fractional: high", "design.resolution"),
        (FACTORS, "fractional: 2", "design.resolution"),
        (FACTORS, "full_factorial: 3", "takes no generator"),
        (FACTORS[:2], "half_fraction: B = A", "design.generator"),
        ([Factor(f"f{n}", "c") for n in range(9)], "half_fraction", "at most 8"),
        (FACTORS, "half", "choose one of"),
    ],
)
def test_what_is_no_fraction_is_refused(factors, design, said):
    with pytest.raises(ConfigError, match=said):
        cells(factors, design)


def test_a_code_of_other_doses_is_refused():
    with pytest.raises(InputError, match="0 or 1"):
        aliases(NAMES, ["0000", "0002"])
