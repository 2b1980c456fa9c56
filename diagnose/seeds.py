"""One seed tree: study -> task -> run -> component.

A stream is named by its path, not by the order in which streams were asked for, so any worker can
draw any part of a study. The cell is deliberately absent from the path: cells share their draws,
which pairs every contrast (common random numbers).
"""

import hashlib

import numpy as np


def seed_of(*path: str | int) -> int:
    """Return the 128-bit seed of the stream at ``path``, for example ``(7, "C-L3", 0, "subject")``.

    Parts are length-prefixed before hashing, so ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    digest = hashlib.sha256()
    for part in path:
        data = f"{type(part).__name__}:{part}".encode()
        digest.update(len(data).to_bytes(4, "big"))
        digest.update(data)
    return int.from_bytes(digest.digest()[:16], "big")


def stream(*path: str | int) -> np.random.Generator:
    """Return the random generator of the stream at ``path``."""
    return np.random.default_rng(seed_of(*path))


def uniform(*path: str | int) -> float:
    """Return one uniform draw in [0, 1) at ``path``: a 53-bit fraction of its hash."""
    return (seed_of(*path) >> 75) / float(1 << 53)
