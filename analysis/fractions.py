"""Regular fractions of a factorial: which effects they cannot tell apart.

In a regular fraction some products of factors, the defining words, do not vary: with I = ABCD the
column of A is that of BCD, so the difference that estimates A's effect estimates A + BCD. Source:
Box and Hunter 1961.
"""

import math
from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np

from analysis.layout import Floats

Word = frozenset[int]  # of factors, by position


def defining_words(codes: Collection[str]) -> dict[Word, int] | None:
    """Return each defining word's sign; None where the cells are no regular fraction.

    No fraction is what tells single factors not at all: a word of one factor (it does not vary) or
    of two (they vary together). The whole factorial has no words.

    Args:
        codes: the cells, of doses 0 and 1 only.
    """
    if not codes or any(set(code) - {"0", "1"} for code in codes):
        return None
    signs = np.array([[1 if digit == "1" else -1 for digit in code] for code in sorted(codes)])
    k = signs.shape[1]
    words: dict[Word, int] = {}
    for size in range(1, k + 1):
        for word in combinations(range(k), size):
            product = signs[:, word].prod(axis=1)
            if (product == product[0]).all():
                if size <= 2:
                    return None
                words[frozenset(word)] = int(product[0])
    # The words of 2^(k-p) cells are 2^p - 1; other cells have fewer.
    return words if len(codes) * (len(words) + 1) == 2**k else None


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
    own = frozenset(effect)
    if not words or own in words:
        return None
    k = len(names)
    weights = np.zeros(2**k)
    for code in codes:
        sign = math.prod(1 if code[factor] == "1" else -1 for factor in effect)
        weights[int(code, 2)] = sign * 2 ** len(own) / len(codes)
    parts = [(1, own)]
    parts += [(sign, own ^ word) for word, sign in words.items()]
    parts.sort(key=lambda part: (part[1] != own, len(part[1]), sorted(part[1])))
    told = ""
    for sign, factors in parts:
        shrunk = 2 ** (len(factors) - len(own))  # effects halve with each factor they average over
        name = "*".join(names[factor] for factor in sorted(factors))
        by = "" if shrunk == 1 else f" / {shrunk}" if shrunk > 1 else f" x {round(1 / shrunk)}"
        told += f"{(' + ' if sign > 0 else ' - ') if told else ''}{name}{by}"
    return weights, told
