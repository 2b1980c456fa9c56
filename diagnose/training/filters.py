"""What is left out of candidates for being too long, said already, or more than is wanted."""

import io
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnose.errors import InputError
from diagnose.phrasing import tokens
from diagnose.seeds import uniform
from diagnose.subjects.fences import python_of
from diagnose.training.dataset import SPLITS
from diagnose.training.messages import characters, key_of, programs, texts
from diagnose.training.transcripts import Candidate

SHINGLE = 5  # tokens of a program that are compared together


@dataclass(frozen=True)
class Limits:
    """The longest conversation; 0 = no limit.

    Raises:
        InputError: a limit is negative.
    """

    characters: int = 0  # of all its messages
    tokens: int = 0  # words and marks, as ``diagnose.phrasing`` counts them; no tokeniser's
    per_task: int = 0  # examples of one task in one split

    def __post_init__(self) -> None:
        """Check the limits."""
        for name, value in vars(self).items():
            if type(value) is not int or value < 0:
                raise InputError(name, value, "give 0 (no limit) or more")

    def exceeded(self, candidate: Candidate) -> str:
        """Return which limit a candidate exceeds; empty for none."""
        if self.characters and characters(candidate.messages) > self.characters:
            return f"it is longer than {self.characters} characters"
        if self.tokens and sum(map(tokens, texts(candidate.messages))) > self.tokens:
            return f"it is longer than {self.tokens} tokens"
        return ""


def distinct(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Return candidates of which no two say the same, and the others.

    Train goes before validation, and that before held out: a text that is trained on validates
    nothing.
    """
    seen: set[str] = set()
    kept: list[Candidate] = []
    said: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: SPLITS.index(one.split)):
        key = key_of(one.messages)
        (said if key in seen else kept).append(one)
        seen.add(key)
    return kept, said


def unlike(candidates: Sequence[Candidate], most: float) -> tuple[list[Candidate], list[Candidate]]:
    """Return candidates whose programs are less alike than ``most``, and the others.

    Programs are compared that answer the same opening, by the share of runs of ``SHINGLE`` tokens
    that they have in common (Jaccard); comments and layout do not count. The first one stays.

    Raises:
        InputError: ``most`` is no share.
    """
    if not 0 < most <= 1:
        raise InputError("near", most, "give a share above 0; 1 leaves all but the same in")
    groups: dict[str, list[frozenset[tuple[str, ...]]]] = {}
    kept: list[Candidate] = []
    alike: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: SPLITS.index(one.split)):
        before = groups.setdefault(f"{one.record.task} {key_of(one.messages[:2])}", [])
        own = shingles(program_text(one))
        if any(similarity(own, other) >= most for other in before):
            alike.append(one)
        else:
            before.append(own)
            kept.append(one)
    return kept, alike


def program_text(candidate: Candidate) -> str:
    """Return all programs of a candidate's replies, one after the other."""
    told = []
    for message in candidate.messages:
        if message["role"] == "assistant":
            told += programs(message) or [python_of(message["content"])]
    return "\n".join(told)


def similarity(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return the Jaccard similarity of two sets; that of two empty ones is 1."""
    whole = len(one | other)
    return len(one & other) / whole if whole else 1.0


def shingles(code: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of ``SHINGLE`` tokens in a program; a shorter one is a single run."""
    words = _words(code)
    last = max(1, len(words) - SHINGLE + 1)
    return (
        frozenset(tuple(words[at : at + SHINGLE]) for at in range(last)) if words else frozenset()
    )


def _words(code: str) -> list[str]:
    """Return a program's tokens without comments and layout; words where it is no Python."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    try:
        found = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return code.split()
    return [one.string for one in found if one.type not in skipped and one.string]


def capped(
    candidates: Iterable[Candidate], per_task: int, seed: int
) -> tuple[list[Candidate], list[Candidate]]:
    """Return at most ``per_task`` candidates of each task and split, drawn by seed; and the rest.

    A larger number's candidates include a smaller one's.
    """
    kept: list[Candidate] = []
    spare: list[Candidate] = []
    counts: dict[tuple[str, str], int] = {}
    for one in sorted(candidates, key=lambda one: (uniform(seed, "cap", one.key), one.place)):
        place = (one.record.task, one.split)
        counts[place] = counts.get(place, 0) + 1
        (spare if per_task and counts[place] > per_task else kept).append(one)
    return kept, spare
