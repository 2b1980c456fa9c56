"""Which experiment answers a question asked in free text, if any.

Questions are matched by their content words against the experiments' vocabularies, rare words
weighing more. A question that names none of the world's things, or fits two experiments equally,
is refused rather than answered with something else.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from diagnose.env.experiments import Experiment, catalogue

MOST_CHARACTERS = 2_000
LEAST_SCORE = 2.0  # summed word weights below which a question is off topic
LEAST_WORDS = 2
# Words that place a question in this world; without one of them it is not about redstone.
WORLD = frozenset(
    "redstone dust wire signal power powered repeater comparator lamp button torch block".split()
)


def match(question: str) -> Experiment | None:
    """Return the experiment that answers ``question``, or None where none does."""
    return _matched(question[:MOST_CHARACTERS])  # cut before it is remembered


@lru_cache(maxsize=4096)
def _matched(question: str) -> Experiment | None:
    asked = _stems(question)
    if not asked & _world():
        return None
    weights = _weights()
    scores = {
        law: sum(weights[word] for word in asked & vocabulary)
        for law, vocabulary in _vocabularies().items()
        if len(asked & vocabulary) >= LEAST_WORDS
    }
    ranked = sorted(scores, key=lambda law: (-scores[law], law))
    if not ranked or scores[ranked[0]] < LEAST_SCORE:
        return None
    if len(ranked) > 1 and math.isclose(scores[ranked[0]], scores[ranked[1]]):
        return None
    return catalogue()[ranked[0]]


@lru_cache(maxsize=1)
def _vocabularies() -> Mapping[str, frozenset[str]]:
    return {
        law: _stems(f"{experiment.title} {' '.join(experiment.keywords)}")
        for law, experiment in catalogue().items()
    }


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, float]:
    vocabularies = _vocabularies().values()
    every = frozenset().union(*vocabularies)
    return {
        word: math.log(1 + len(vocabularies) / sum(word in known for known in vocabularies))
        for word in every
    }


@lru_cache(maxsize=1)
def _world() -> frozenset[str]:
    return frozenset(map(_stem, WORLD))


_STOP = frozenset(
    "a an and are as at be by can do does for from has have how i if in is it its many much of on "
    "or that the their them there they this to was what when where which who why will with".split()
)


def _stems(text: str) -> frozenset[str]:
    return frozenset(
        _stem(word) for word in re.findall(r"[a-z]+", text.lower()) if word not in _STOP
    )


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
