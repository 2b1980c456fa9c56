"""What the contrasts of a fraction of the 2^k cells really estimate.

With y = sum over subsets S of beta_S chi_S, where chi_S is the product of the signs (on 1, off -1)
of the factors in S, cells that form a regular fraction cannot tell S from T where chi_S = +-chi_T
on all of them: any contrast then estimates the sum. An effect in the catalogue's units is
2^|S| beta_S: the average effect of one factor, the mean difference in differences of two.

Source: Box and Hunter 1961; Wu and Hamada 2009, chapter 5.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import prod

from diagnose.errors import InputError

Effect = tuple[str, ...]  # the factors of a main effect or an interaction, in the design's order
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Alias:
    """Effects that one contrast estimates together, named by the first, of fewest factors.

    What is estimated is the sum of ``coefficients`` times the effects. Weights are over the
    design's cells and sum to zero.
    """

    effects: tuple[Effect, ...]  # by number of factors, then in the design's order
    coefficients: tuple[Fraction, ...]  # of each effect; 1 for the first
    weights: dict[str, float]  # cell -> weight, in the first effect's units

    @property
    def name(self) -> str:
        """The first effect: ``gap_hints*experiment_oracles``."""
        return "*".join(self.effects[0])

    def letters(self, factors: Sequence[str]) -> str:
        """Return the sum with a letter per factor, in the order of ``factors``: ``AB + CD``."""
        terms = [
            ("- " if coefficient < 0 else "+ ") + word(effect, factors) + _over(coefficient)
            for effect, coefficient in zip(self.effects, self.coefficients, strict=True)
        ]
        return " ".join(terms).removeprefix("+ ")


def word(effect: Effect, factors: Sequence[str]) -> str:
    """Return an effect as letters: ``AC`` for the first and third factor."""
    return "".join(LETTERS[factors.index(name)] for name in effect)


def _over(coefficient: Fraction) -> str:
    size = abs(coefficient)
    if size == 1:
        return ""
    return f"/{size.denominator}" if size.numerator == 1 else f" x {size}"


def aliases(factors: Sequence[str], cells: Collection[str]) -> tuple[Alias, ...]:
    """Return what the contrasts of a fraction are aliased with, effects of few factors first.

    Args:
        factors: in the order of a cell's digits; factors that are never varied left out, and those
            that are only switched together taken as one.
        cells: codes of 0 and 1.

    Returns:
        A row per contrast that the cells allow; together they hold every effect but those that are
        constant over the cells (``defining``). Nothing for cells that are no fraction: all 2^k of
        them, or an irregular set, of which no contrast is a plain sum of effects.

    Raises:
        InputError: a code is not one of 0 and 1 per factor.
    """
    found = _checked(factors, cells)
    if not is_fraction(factors, found):
        return ()
    groups: dict[tuple[int, ...], list[tuple[Effect, int]]] = {}
    for effect, signs in _effects(factors, found):
        if len(set(signs)) > 1:
            key = tuple(sign * signs[0] for sign in signs)
            groups.setdefault(key, []).append((effect, signs[0]))
    made = []
    for key, members in groups.items():
        (first, sign), size = members[0], len(members[0][0])
        coefficients = tuple(
            own * sign * Fraction(2**size, 2 ** len(effect)) for effect, own in members
        )
        scale = sign * 2.0**size / len(found)
        weights = {code: scale * value for code, value in zip(found, key, strict=True)}
        made.append(Alias(tuple(effect for effect, _ in members), coefficients, weights))
        assert made[-1].effects[0] == first
    return tuple(made)


def defining(factors: Sequence[str], cells: Collection[str]) -> tuple[str, ...]:
    """Return the words that are constant over the cells, with their sign: ``ABCD``, ``-ABC``.

    Raises:
        InputError: a code is not one of 0 and 1 per factor.
    """
    found = _checked(factors, cells)
    if not is_fraction(factors, found):
        return ()
    return tuple(
        ("-" if signs[0] < 0 else "") + word(effect, factors)
        for effect, signs in _effects(factors, found)
        if len(set(signs)) == 1
    )


def is_fraction(factors: Sequence[str], cells: Collection[str]) -> bool:
    """Whether the cells are a regular fraction: fewer than 2^k, closed under x + y + z mod 2."""
    found = sorted({int(code, 2) for code in cells if code})
    if not 1 < len(found) < 2 ** len(factors):
        return False
    moved = {value ^ found[0] for value in found}
    return all(a ^ b in moved for a in moved for b in moved)


def _checked(factors: Sequence[str], cells: Collection[str]) -> list[str]:
    for code in cells:
        if len(code) != len(factors) or set(code) - {"0", "1"}:
            raise InputError("cell", code, f"give 0 or 1 for each of {len(factors)} factors")
    return sorted(set(cells))


def _effects(
    factors: Sequence[str], cells: Sequence[str]
) -> Iterator[tuple[Effect, tuple[int, ...]]]:
    """Yield every effect with its sign in each cell, those of few factors first."""
    k = len(factors)
    for size in range(1, k + 1):
        for subset in combinations(range(k), size):
            signs = tuple(prod(1 if code[i] == "1" else -1 for i in subset) for code in cells)
            yield tuple(factors[i] for i in subset), signs
