"""Regular fractions of a factorial: which effects they cannot tell apart.

In a regular fraction some products of factors, the defining words, do not vary: with I = ABCD the
column of A is that of BCD, so the difference that estimates A's effect estimates A + BCD. Source:
Box and Hunter 1961.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from analysis.layout import Floats

Word = frozenset[int]  # of factors, by position


def constant_words(codes: Collection[str]) -> dict[Word, int] | None:
    """Return the sign of each product of factors that is the same in every cell.

    None where the cells are no regular fraction. The whole factorial has no such words.

    Args:
        codes: the cells, of doses 0 and 1 only.
    """
    if not codes:
        return None
    signs = np.array([[1 if digit == "1" else -1 for digit in code] for code in sorted(codes)])
    words: dict[Word, int] = {}
    for word in subsets(signs.shape[1]):
        product = signs[:, list(word)].prod(axis=1)
        if (product == product[0]).all():
            words[frozenset(word)] = int(product[0])
    # The words of 2^(k-p) cells are 2^p - 1; other cells have fewer.
    return words if len(signs) * (len(words) + 1) == 2 ** signs.shape[1] else None


def defining_words(codes: Collection[str]) -> dict[Word, int] | None:
    """Return each defining word's sign; None where the cells are no regular fraction.

    No fraction is what tells single factors not at all: a word of one factor (it does not vary) or
    of two (they vary together). The whole factorial has no words.

    Args:
        codes: the cells.
    """
    if any(set(code) - {"0", "1"} for code in codes):
        return None
    words = constant_words(codes)
    return None if words is None or any(len(word) <= 2 for word in words) else words


def subsets(k: int) -> Iterator[tuple[int, ...]]:
    """Yield every effect of k factors, by their positions: those of few factors first."""
    for size in range(1, k + 1):
        yield from combinations(range(k), size)


def together(effect: Collection[int], words: Mapping[Word, int]) -> list[tuple[int, Word]]:
    """Return what a contrast estimates together, with signs: the effect, then its aliases."""
    own = frozenset(effect)
    aliases = [(sign, own ^ word) for word, sign in words.items()]
    return [(1, own), *sorted(aliases, key=lambda part: (len(part[1]), sorted(part[1])))]


def shrunk(alias: Word, effect: Collection[int]) -> Fraction:
    """Return how much of an alias is in an effect: it halves with each factor averaged over."""
    return Fraction(2 ** len(effect), 2 ** len(alias))


def contrast(effect: Sequence[int], codes: Sequence[str]) -> list[float]:
    """Return the weights that estimate an effect in cells that balance it. Shape: codes."""
    scale = 2.0 ** len(effect) / len(codes)
    return [scale * math.prod(1 if code[i] == "1" else -1 for i in effect) for code in codes]


def aliased(
    effect: Sequence[int], codes: Collection[str], names: Sequence[str]
) -> tuple[Floats, str] | None:
    """Return the contrast of a fraction that estimates an effect with its aliases, and their names.

    None where the cells are no regular fraction, or the effect is a defining word itself. Shape:
    the 2^k standard cells.

    Args:
        effect: the factors whose average effect or interaction it is.
        codes: the cells of doses 0 and 1 that the study holds.
        names: of the factors.
    """
    words = defining_words(codes)
    if not words or frozenset(effect) in words:
        return None
    cells = sorted(codes)
    weights = np.zeros(2 ** len(names))
    weights[[int(code, 2) for code in cells]] = contrast(effect, cells)
    told = ""
    for sign, factors in together(effect, words):
        share = shrunk(factors, effect)
        name = "*".join(names[factor] for factor in sorted(factors))
        by = "" if share == 1 else f" / {1 / share}" if share < 1 else f" x {share}"
        told += f"{(' + ' if sign > 0 else ' - ') if told else ''}{name}{by}"
    return weights, told
