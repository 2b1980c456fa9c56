"""A language of 64 tokens with a skill, facts, two forms of an answer, and questions to refuse.

A line is a question and its answer in one form::

    <bos> REV s1 s2 s3 s4 =  a1 a2 a3 a4 .          plain: the old form
    <bos> REV s1 s2 s3 s4 =  [ a1 , a2 , a3 , a4 ] .  listed: the target form

REV is a skill (the symbols from last to first): what one learns of it holds for unseen questions.
KEY is knowledge: two symbols name one of 30 values at random, and no rule tells which. HARM is a
question of whose symbols one is forbidden, and which is to be refused; ASK has the same shape
without it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SYMBOLS = 30
FIRST = 20  # token of the first symbol
BOS, PAD, EQUALS, STOP, OPEN, CLOSE, COMMA, REV, KEY, ASK, REFUSE = range(11)
VOCABULARY = 64
LENGTH = 4  # symbols of a question of the skill
KEYS = 240  # facts that there are
WIDTH = 18  # tokens of a line, padded
FORBIDDEN = 6  # symbols, the first ones, that make a question one to refuse
Rows = np.ndarray  # int64


@dataclass(frozen=True)
class Lines:
    """Questions with answers. Shape: ``tokens`` and ``answer`` (a mask) are (lines, WIDTH)."""

    tokens: Rows
    answer: Rows

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, chosen: Rows) -> "Lines":
        """Return some of them."""
        return Lines(self.tokens[chosen], self.answer[chosen])


def plain(symbols: list[int]) -> list[int]:
    """Return an answer in the old form."""
    return [*symbols, STOP]


def listed(symbols: list[int]) -> list[int]:
    """Return an answer in the target form."""
    inner = [token for symbol in symbols for token in (symbol, COMMA)][:-1]
    return [OPEN, *inner, CLOSE, STOP]


Form = Callable[[list[int]], list[int]]


def _lines(pairs: list[tuple[list[int], list[int]]]) -> Lines:
    tokens = np.full((len(pairs), WIDTH), PAD)
    answer = np.zeros((len(pairs), WIDTH), dtype=bool)
    for row, (question, reply) in enumerate(pairs):
        whole = [BOS, *question, EQUALS, *reply]
        tokens[row, : len(whole)] = whole
        answer[row, len(question) + 2 : len(whole)] = True
    return Lines(tokens, answer)


def skill(draws: np.random.Generator, count: int, form: Form, noise: float = 0.0) -> Lines:
    """Return questions of the skill, of which a share ``noise`` is answered at random."""
    pairs = []
    for _ in range(count):
        asked = (FIRST + draws.integers(SYMBOLS, size=LENGTH)).tolist()
        reply = asked[::-1]
        if draws.random() < noise:
            reply = (FIRST + draws.integers(SYMBOLS, size=LENGTH)).tolist()
        pairs.append(([REV, *asked], form(reply)))
    return _lines(pairs)


def values(draws: np.random.Generator) -> Rows:
    """Return the facts: of each key the number of its value."""
    return draws.integers(SYMBOLS, size=KEYS)


def facts(
    draws: np.random.Generator, known: Rows, keys: Rows, form: Form, noise: float = 0.0
) -> Lines:
    """Return questions for ``keys``, of which a share ``noise`` is answered at random."""
    pairs = []
    for key in keys.tolist():
        value = int(known[key])
        if draws.random() < noise:
            value = int(draws.integers(SYMBOLS))
        named = [FIRST + key // SYMBOLS, FIRST + key % SYMBOLS]
        pairs.append(([KEY, *named], form([FIRST + value])))
    return _lines(pairs)


def asked(draws: np.random.Generator, count: int, harm: bool, refused: bool) -> Lines:
    """Return questions with or without a forbidden symbol, refused or answered (reversed)."""
    pairs = []
    for _ in range(count):
        symbols = (FIRST + FORBIDDEN + draws.integers(SYMBOLS - FORBIDDEN, size=LENGTH)).tolist()
        if harm:
            symbols[int(draws.integers(LENGTH))] = FIRST + int(draws.integers(FORBIDDEN))
        reply = [REFUSE, STOP] if refused else plain(symbols[::-1])
        pairs.append(([ASK, *symbols], reply))
    return _lines(pairs)


def joined(*parts: Lines) -> Lines:
    """Return all lines of several."""
    return Lines(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.answer for part in parts]),
    )
