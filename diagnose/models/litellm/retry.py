"""When a failed call is made again: exponential backoff with full jitter, retry-after honoured."""

import random
from dataclasses import dataclass

LONGEST_RETRY_AFTER_S = 600.0  # a provider that asks for more is taken at this much


@dataclass(frozen=True)
class Backoff:
    """How long to wait between attempts.

    Full jitter (uniform from 0 to the exponential bound) spreads callers that failed together.
    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    attempts: int
    first_s: float
    longest_s: float

    def wait_s(self, attempt: int, retry_after_s: float | None, chance: random.Random) -> float:
        """Return the seconds to wait after ``attempt`` (1 for the first) has failed.

        What the provider asks for is a lower bound; jitter comes on top, or all who were refused
        together would come back together.
        """
        bound_s = min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))
        jitter_s = chance.uniform(0.0, bound_s)
        asked_s = min(max(retry_after_s or 0.0, 0.0), LONGEST_RETRY_AFTER_S)
        return asked_s + jitter_s
