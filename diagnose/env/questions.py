"""Which experiment answers a question asked in free text, if any.

A question's words are gathered into concepts (``lexicon``). Each law has frames of concepts
(``data/frames.txt``); the law whose frame is met most specifically is the one asked about. What
holds words of other worlds, looks like code, data or a plan, or meets no frame is refused rather
than answered with something else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from diagnose.env.experiments import Experiment, catalogue, further
from diagnose.env.lexicon import concepts_in, is_foreign, is_known, table, words

MOST_CHARACTERS = 2_000
MOST_WORDS = 60  # a longer text is no question
MOST_UNKNOWN = 1 / 3  # share of a question's words that may be of no known world
LEAST_SCORE = 2.0  # of the most specific frame met; two concepts, or one thing
THING_WEIGHT = 2  # a thing of the world, against 1 for what is asked about it
MISSED_PART = 1.5  # off a frame for each part that the question names and the frame does not
MOST_AMOUNTS = 3  # of a question's numbers that are tried

# Things that a question which names them is about, whatever wire or lamp stands beside them.
PARTS = frozenset("REPEATER COMPARATOR TORCH OBSERVER TARGET GLASS SOURCE".split())
THINGS = PARTS | {"WIRE", "LAMP", "BUTTON"}

# What words alone do not tell, rewritten into words that do.
_REWRITES = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        ("'", ""),
        ("_", " "),
        (r"\b(?:solid )?(?:blocks? of redstone|red(?:stone)? blocks?)\b", " sourceblock "),
        # Before the name of a part, "redstone" is no wire of its own.
        (
            (
                r"\bredstone (?=(?:lamp|torch|tick|signal|repeater|comparator|component|power|"
                r"button|dust|wire|trace|line|powder|trail))"
            ),
            "",
        ),
        (r"\b(hook|link|join|light|hold|connect|pop|pick|lit|wire)(s|ed|ing)? up\b", r"\1\2"),
        (r"\b(blocks?|levels?|steps?) at once\b", r"\1"),
        (r"\bstep by step\b", "stepwise"),
        (r"\bstill (?=lights?\b|conduct|power|connect)", ""),
        (r"\bwhen (?=do\b|does\b|will\b)", "after how long "),
        (r"\b(?:glow|shine|burn)(s|ing)? on\b", " glow still "),
        (
            (
                r"\bhow long (?=(?:may|can|could|is|are|should) (?:a|an|the|my|i)\b.{0,12}"
                r"\b(?:wire|line|trail|dust|redstone|run|make))"
            ),
            "how far ",
        ),
        (r"\b(?:delay|setting)\s*=?\s*[1-4]\b", " repeater delay setting "),
        (r"\bfacing\s*=\s*\w+", " repeater facing "),
        (r"\b(?:subtract\w*|compare) mode\b", r" comparator \g<0>"),
    )
)
# Concepts that lie in numbers, or in how often something is said.
_REPEATED = (
    ("REPEATER2", re.compile(r"repeater|another one"), 2),
    ("WIRE2", re.compile(r"\b(?:dusts?|wires?|redstone)\b"), 2),
    ("AMOUNT", re.compile(r"\d|how many|after how|at what|at which"), 1),
    ("NUMBERS", re.compile(r"\d+"), 2),
    ("HEIGHT", re.compile(r"\by\s*=\s*\d"), 1),
    ("DUSTS", re.compile(r"(?:\d|how many|dozen|teen) (?:more )?(?:dusts?|wires?)\b"), 1),
)
# A line of code or of data, a plan, a demand on a device, a request for one.
_NO_QUESTION = re.compile(
    r"^(?!.*\?).*\blamps\b.*\bmust\b|^\s*use (?:an?|the|some|two|more)\b|"
    r"\bmust (?:be exactly|carry|light|glow)\b|\bwhat counts\b|"
    r"^\s*(?:import|from|def|class|return|print|select|place|build)\b.*[(:;]|"
    r"^\s*(?:for|while|if)\b[^?]*:\s*(?:$|\w+\()|"
    r"^\s*- .+: |\blit from \d|"
    r"\w\([^?]*\)\s*;?\s*$|\w\(\)|^\s*[\[{]|==|\]\]|\w\s+=\s+[\[({\"'\d]|```|\":|"
    r"^\s*(?:now |next |then |so |first,? )?(?:i(?:'| wi| a)ll|let me|let's|we(?:'| wi)ll|"
    r"i am going to|next i|now i)\b.*\b(?:place|build|put|wire|lay|use|add|make|connect)\b|"
    r"\b(?:give|write|design|build|place|make|wire) (?:me|us|a|an|the|them|\w+ lamps)\b.*"
    r"\b(?:for me|device|circuit|please|clock)\b"
)
_NUMBER = re.compile(r"(?<![\d.])\d{1,2}(?![\d.]*\d)")


def match(question: str) -> Experiment | None:
    """Return the experiment that answers ``question``, or None where none does.

    Where the experiment varies an amount and the question names amounts, those are tried as well.
    """
    return _matched(question[:MOST_CHARACTERS])  # cut before it is remembered


@lru_cache(maxsize=4096)
def _matched(question: str) -> Experiment | None:
    text = question.lower()
    asked = words(text)
    if not asked or len(asked) > MOST_WORDS or is_foreign(asked) or _NO_QUESTION.search(text):
        return None
    for pattern, said in _REWRITES:
        text = pattern.sub(said, text)
    asked = words(text)
    if sum(not is_known(word) for word in asked) > MOST_UNKNOWN * len(asked):
        return None
    concepts = concepts_in(asked)
    if "redstone" in asked:
        concepts.add("WIRE")
    concepts.update(
        concept for concept, said, least in _REPEATED if len(said.findall(text)) >= least
    )
    law = _law(frozenset(concepts))
    if law is None:
        return None
    experiment = catalogue().get(law) or further()[law]
    amounts = [int(number) for number in _NUMBER.findall(question)]
    return experiment.with_amounts(amounts[:MOST_AMOUNTS])


@dataclass(frozen=True)
class _Frame:
    """Concepts that must all occur, and concepts of which none may."""

    needed: frozenset[str]
    barred: frozenset[str]
    weight: int  # how specific it is

    def score(self, asked: frozenset[str]) -> float:
        """Return how specifically the frame is met; 0 where it is not."""
        if not self.needed <= asked or self.barred & asked:
            return 0.0
        return max(0.0, self.weight - MISSED_PART * len(asked & PARTS - self.needed))


def _law(asked: frozenset[str]) -> str | None:
    """Return the law asked about: the most specific frame, then the most frames met."""
    scores = {}
    for law, frames in _frames().items():
        met = [score for frame in frames if (score := frame.score(asked))]
        if met and max(met) >= LEAST_SCORE:
            scores[law] = (max(met), len(met), law)
    return max(scores, key=lambda law: scores[law], default=None)


@cache
def _frames() -> Mapping[str, tuple[_Frame, ...]]:
    def parsed(text: str) -> _Frame:
        parts = text.split()
        barred = frozenset(part[1:] for part in parts if part.startswith("!"))
        needed = frozenset(part for part in parts if not part.startswith("!"))
        things = len(needed & THINGS)
        return _Frame(needed, barred, THING_WEIGHT * things + len(needed) - things)

    return {
        law: tuple(parsed(frame) for frame in frames.split(";"))
        for law, frames in table("frames").items()
    }
