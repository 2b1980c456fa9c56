"""Fractions of the factorial: aliases against planted effects and a library's designs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from pydoe import fracfact

from analysis.fractions import aliased, defining_words
from analysis.layout import INTERVENTIONS
from tests.analysis.studies import CODES, by_name, study, table

HALF = [code for code in CODES if code.count("1") % 2 == 0]


def cells_of(generators: str) -> list[str]:
    return ["".join("1" if x > 0 else "0" for x in row) for row in fracfact(generators)]


def word(letters: str) -> frozenset[int]:
    return frozenset("abcdefgh".index(letter) for letter in letters)


@pytest.mark.parametrize(
    ("generators", "words"),
    [
        ("a b c abc", ["abcd"]),
        ("a b ab", ["abc"]),
        ("a b c ab ac", ["abd", "ace", "bcde"]),
        ("a b c d abcd", ["abcde"]),
        ("a b c abd", None),
    ],
)
def test_defining_words_are_those_of_the_generators(
    generators: str, words: list[str] | None
) -> None:
    if words is None:  # no generator: d is not among the first three
        with pytest.raises((ValueError, IndexError, KeyError)):
            fracfact(generators)
        return
    found = defining_words(cells_of(generators))
    assert found is not None
    assert set(found) == {word(letters) for letters in words}


def test_what_is_no_regular_fraction_has_no_words() -> None:
    assert defining_words(CODES) == {}
    one_at_a_time = [code for code in CODES if code.count("1") <= 1]
    assert defining_words(one_at_a_time) is None
    assert defining_words([code for code in CODES if code[3] == "0"]) is None  # d is held
    assert defining_words([code for code in CODES if code[2] == code[3]]) is None  # c is d
    assert defining_words(HALF[:7]) is None
    assert defining_words([]) is None
    assert defining_words([*HALF, "2000"]) is None


@pytest.mark.parametrize("generators", ["a b c abc", "a b ab", "a b c ab ac", "a b c d abcd"])
def test_the_contrast_of_a_fraction_is_the_sum_that_it_names(generators: str) -> None:
    cells = cells_of(generators)
    k = len(cells[0])
    rng = np.random.default_rng(k)
    values = rng.normal(size=2**k)
    signs = np.array([[1 if digit == "1" else -1 for digit in f"{x:0{k}b}"] for x in range(2**k)])

    def effect(subset: frozenset[int]) -> float:
        """The average effect or interaction over the whole factorial, from its definition."""
        column = signs[:, sorted(subset)].prod(axis=1)
        return float(column @ values) * 2 ** len(subset) / 2**k

    words = defining_words(cells)
    assert words is not None
    for size in (1, 2):
        for subset in combinations(range(k), size):
            own = frozenset(subset)
            if own in words:
                assert aliased(subset, cells, "abcde"[:k]) is None
                continue
            made = aliased(subset, cells, "abcde"[:k])
            assert made is not None
            weights, told = made
            expected = effect(own) + sum(
                sign * effect(own ^ one) / 2.0 ** (len(own ^ one) - size)
                for one, sign in words.items()
            )
            assert weights @ values == pytest.approx(expected, abs=1e-12)
            assert told.startswith("*".join("abcde"[index] for index in subset))
            for one in words:
                assert "*".join("abcde"[index] for index in sorted(own ^ one)) in told


def test_half_of_the_cells_give_aliased_effects_and_no_shapley_value() -> None:
    def rate(_task: str, cell: tuple[int, ...]) -> float:
        return 0.2 + 0.3 * cell[0] + 0.1 * cell[2] + 0.2 * cell[0] * cell[1]

    for target in ("new", "fixed"):
        own = by_name(study(table(rate, codes=HALF, common=False)).estimates(target).frame)
        row = own.loc["int:knowledge_notes*solution_sketches"]
        # Nothing but hints and oracles interacts: their 0.2 is what this row finds.
        assert row["ci_low"] < 0.2 < row["ci_high"]
        assert row["method"].endswith(
            "estimates knowledge_notes*solution_sketches + gap_hints*experiment_oracles"
        )
        assert row["status"] == "model_based"
        assert own.loc["ame:gap_hints", "method"].endswith(
            "estimates gap_hints + experiment_oracles*knowledge_notes*solution_sketches / 4"
        )
        levels = [own.loc[f"ame_level:gap_hints@L{level}", "estimate"] for level in range(1, 6)]
        assert own.loc["ame:gap_hints", "estimate"] == pytest.approx(np.mean(levels), abs=1e-12)
        kinds = own.index.str.partition(":").get_level_values(0)
        for kind in ("shapley", "sii", "stii2", "ksii2", "fsii2", "mcnemar", "cmh", "mlogor"):
            of_kind = own[kinds == kind]
            assert (of_kind["status"] == "not_estimable").all(), kind
        assert own.loc["shapley:gap_hints", "method"].startswith("refused")
        # Every effect of all 16 cells is lost or under its alias.
        for kind in ("ame", "int", "gee", "clogit"):
            for _, row in own[kinds == kind].iterrows():
                assert row["status"] == "not_estimable" or "fraction: estimates" in row["method"]


def test_any_half_of_the_cells_says_what_it_assumes() -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        codes = [CODES[index] for index in sorted(rng.choice(16, 8, replace=False))]
        own = by_name(
            study(table(lambda _t, c: 0.2 + 0.1 * sum(c), codes=codes, runs=3)).estimates().frame
        )
        kinds = own.index.str.partition(":").get_level_values(0)
        for kind in ("ame", "shapley", "int"):
            assert (own.loc[kinds == kind, "status"] == "not_estimable").all()
        for name in INTERVENTIONS:
            gee = own.loc[f"gee:{name}"]
            assert gee["status"] == "not_estimable" or "interactions taken as 0" in gee["method"]
            for kind in ("mcnemar", "cmh"):
                row = own.loc[f"{kind}:{name}"]
                assert row["status"] == "not_estimable" or "at " in row["method"]


def test_models_of_different_fractions_share_none() -> None:
    other = [code for code in CODES if code not in HALF]
    both = [table(lambda _t, c: 0.2 + 0.1 * sum(c), codes=codes, model=model, runs=2)
            for model, codes in (("m", HALF), ("n", other))]  # fmt: skip
    frame = study(pd.concat(both)).estimates().frame
    assert by_name(frame, "m").loc["ame:gap_hints", "status"] == "model_based"
    assert (
        by_name(frame, "n")
        .loc["ame:gap_hints", "method"]
        .endswith("estimates gap_hints - experiment_oracles*knowledge_notes*solution_sketches / 4")
    )
    assert by_name(frame, "ALL").loc["ame:gap_hints", "status"] == "not_estimable"
