"""What the contrasts of a fraction of the 2^k cells really estimate.

With y = sum over subsets S of beta_S chi_S, where chi_S is the product of the signs (on 1, off -1)
of the factors in S, cells that form a regular fraction cannot tell S from T where chi_S = +-chi_T
on all of them: any contrast then estimates the sum. An effect in the catalogue's units is
2^|S| beta_S: the average effect of one factor, the mean difference in differences of two.

Source: Box and Hunter 1961; Wu and Hamada 2009, chapter 5.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from analysis.fractions import Word, constant_words, contrast, shrunk, subsets, together
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
    words = _words(factors, found)
    if not words:
        return ()
    made = []
    told: set[Word] = set(words)
    for effect in subsets(len(factors)):
        if frozenset(effect) in told:
            continue
        parts = together(effect, words)
        told |= {alias for _, alias in parts}
        made.append(
            Alias(
                tuple(_named(alias, factors) for _, alias in parts),
                tuple(sign * shrunk(alias, effect) for sign, alias in parts),
                dict(zip(found, contrast(effect, found), strict=True)),
            )
        )
    return tuple(made)


def defining(factors: Sequence[str], cells: Collection[str]) -> tuple[str, ...]:
    """Return the words that are constant over the cells, with their sign: ``ABCD``, ``-ABC``.

    Raises:
        InputError: a code is not one of 0 and 1 per factor.
    """
    words = _words(factors, _checked(factors, cells))
    return tuple(
        ("-" if words[frozenset(one)] < 0 else "") + word(_named(one, factors), factors)
        for one in subsets(len(factors))
        if frozenset(one) in words
    )


def is_fraction(factors: Sequence[str], cells: Collection[str]) -> bool:
    """Whether the cells are a regular fraction: fewer than 2^k, closed under x + y + z mod 2."""
    return bool(_words(factors, sorted({code for code in cells if code})))


def _words(factors: Sequence[str], cells: Sequence[str]) -> Mapping[Word, int]:
    """Return what is constant over a fraction; nothing where the cells are none."""
    return (constant_words(cells) or {}) if 1 < len(cells) < 2 ** len(factors) else {}


def _named(effect: Collection[int], factors: Sequence[str]) -> Effect:
    return tuple(factors[i] for i in sorted(effect))


def _checked(factors: Sequence[str], cells: Collection[str]) -> list[str]:
    for code in cells:
        if len(code) != len(factors) or set(code) - {"0", "1"}:
            raise InputError("cell", code, f"give 0 or 1 for each of {len(factors)} factors")
    return sorted(set(cells))
