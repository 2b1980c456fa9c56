"""The next token of one answer: from its own logits and its own draws, so from nobody else's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.seeds import stream


class Sampler:
    """Draws the tokens of one answer; the same seed and logits give the same tokens."""

    def __init__(self, temperature: float, top_p: float, seed: int) -> None:
        self._temperature, self._top_p = temperature, top_p
        self._draws = stream("local", "tokens", seed)

    def next(self, logits: NDArray[Any]) -> int:
        """Return the next token's id.

        Args:
            logits: shape: vocabulary.
        """
        if not self._temperature:
            return int(np.argmax(logits))
        scaled = logits.astype(np.float64) / self._temperature
        odds = np.exp(scaled - scaled.max())
        at = self._draws.random()
        if self._top_p >= 1.0:
            return _inverse(odds, at)
        order = np.argsort(-odds, kind="stable")
        sums = np.cumsum(odds[order])
        kept = int(np.searchsorted(sums, self._top_p * sums[-1])) + 1
        return int(order[_inverse(odds[order[:kept]], at)])


def _inverse(odds: NDArray[np.float64], at: float) -> int:
    """Return where the cumulated odds pass the share ``at`` of their sum."""
    sums = np.cumsum(odds)
    return min(int(np.searchsorted(sums, at * sums[-1], side="right")), len(odds) - 1)
