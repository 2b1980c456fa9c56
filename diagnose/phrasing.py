"""How interventions are worded: paraphrases drawn by seed, and shams of equal length.

A paraphrase is drawn from the episode's branch of the seed tree, so that it is the same in every
cell. A sham says true things that have nothing to do with the task, line by line as long as the
text it stands in for.
"""

import re
from collections.abc import Sequence

from diagnose.intervention import Setting
from diagnose.seeds import seed_of

TOLERANCE = 0.1  # by how much a sham's length in tokens may differ

# True, and of no use to anybody who builds with redstone. Clauses of many lengths.
ALMANAC: tuple[str, ...] = (
    "how bread rises",
    "when swallows leave",
    "why old copper turns green",
    "which way a sunflower turns",
    "how many strings a viola has",
    "what gives the beetroot its colour",
    "which months of the year are the shortest",
    "how a bee tells the others of flowers",
    "what the rings in the trunk of a pine record",
    "which of the common spices grow on trees as bark",
    "how the colour of the leaves changes late in the year",
    "in which order the instruments of an orchestra sit on the stage",
    "what keeps the water of a well cool through a long and hot summer",
    "how a sailor of former times found the north by the stars in the sky",
    "which of the birds in a garden go on singing after the sun has gone down",
    "why the bread of one town tastes different from the bread that is baked in the next",
    "how the bakers of a large town share out the hours of the night so that all is warm by dawn",
    (
        "which of the rivers that rise in the hills reach the sea first and "
        "how the shape of the land decides it"
    ),
    (
        "what a gardener looks for in the soil before the beans are sown and "
        "how the rain of the past weeks bears on the choice"
    ),
)


def tokens(text: str) -> int:
    """Return the length of a text in words and marks: the measure by which shams are matched."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def pick[T](setting: Setting, options: Sequence[T], *name: str | int) -> T:
    """Draw one of ``options`` at the branch ``name`` of the episode's seeds: equal in all cells."""
    return options[seed_of(*setting.seed_path, "wording", *name) % len(options)]


def sham_clauses(lengths: Sequence[int], bank: Sequence[str] = ALMANAC, owed: int = 0) -> list[str]:
    """Return one clause per wanted length in tokens, all different while the bank lasts.

    What one clause is too long or too short is made up for by the next ones, so the sum is met;
    ``owed`` is what the text before them is short of.
    """
    chosen: list[str] = []
    for wanted in lengths:
        owed += wanted
        unused = [clause for clause in bank if clause not in chosen] or list(bank)
        best = min(unused, key=lambda clause: (abs(tokens(clause) - owed), clause))
        chosen.append(best)
        owed -= tokens(best)
    return chosen
