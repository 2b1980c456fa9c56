"""What episodes that are still to run will use: from episodes that were run, or a ceiling."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.95
CHARACTERS_PER_TOKEN = 3  # of prompts and code together; English prose alone has about 4


@dataclass(frozen=True)
class Range:
    """A sum over episodes, and where it will lie; None where nothing says how episodes spread."""

    expected: float
    low: float | None
    high: float | None


def total(seen: Mapping[str, Sequence[float]], to_run: Mapping[str, int]) -> Range:
    """Return the sum over episodes to come, by cell, with its normal prediction range.

    A cell of N episodes to come, of which n >= 2 were seen with mean m and variance s2, adds N m to
    the sum and N s2 + N2 s2 / n to its variance: the episodes' own spread, and how uncertain the
    mean is. Cells of which fewer were seen share the mean and variance of everything seen.

    Args:
        seen: what each episode seen used, by cell.
        to_run: how many episodes are to come, by cell.

    Raises:
        ValueError: nothing was seen.
    """
    every = [value for values in seen.values() for value in values]
    if not every:
        raise ValueError("nothing was seen")
    own = {cell: values for cell, values in seen.items() if len(values) >= 2}
    shared = sum(count for cell, count in to_run.items() if cell not in own)
    parts = [(to_run[cell], values) for cell, values in own.items() if cell in to_run]
    parts.append((shared, every))
    expected = sum(count * statistics.fmean(values) for count, values in parts)
    if shared and len(every) < 2:
        return Range(expected, None, None)
    variance = sum(
        (count + count**2 / len(values)) * statistics.variance(values)
        for count, values in parts
        if count
    )
    reach = statistics.NormalDist().inv_cdf((1 + LEVEL) / 2) * math.sqrt(variance)
    return Range(expected, max(0.0, expected - reach), expected + reach)


@dataclass(frozen=True)
class Ceiling:
    """The most that an episode can use: every turn taken, every text as long as it may be."""

    input_tokens: int
    output_tokens: int


def ceiling(
    opening: int, shown: int, answer_tokens: int, turns: int, most_tokens: int = 0
) -> Ceiling:
    """Return what an episode uses at most when each call reads all that was said before it.

    Args:
        opening: characters of the prompt and the first message.
        shown: characters of an observation at most.
        answer_tokens: of one answer at most.
        turns: at most.
        most_tokens: budget of input and output together, looked at before each call; 0 = none.
    """
    first, more = math.ceil(opening / CHARACTERS_PER_TOKEN), math.ceil(shown / CHARACTERS_PER_TOKEN)
    tokens_in = tokens_out = 0
    for turn in range(turns):
        if most_tokens and tokens_in + tokens_out >= most_tokens:
            break
        tokens_in += first + turn * (more + answer_tokens)
        tokens_out += answer_tokens
    return Ceiling(tokens_in, tokens_out)
