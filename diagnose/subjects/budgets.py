"""What one episode may use."""

import math
from dataclasses import dataclass

from diagnose.errors import ConfigError


@dataclass(frozen=True)
class Budgets:
    """The limits of one episode; the first one reached ends it.

    ``seconds`` is off by default: a clock makes results depend on the machine and on the provider's
    load, so the same study would not give the same records twice.

    Raises:
        ConfigError: a budget is negative, or ``turns`` or ``silent_turns`` is zero.
    """

    trials: int = 50  # presses and verdicts together; 0 = none, only the final judging
    turns: int = 60  # replies of the model; at least 1
    silent_turns: int = 3  # replies without code in a row that count as stopping; at least 1
    tokens: int = 0  # input and output of all calls together; 0 = no limit
    seconds: float = 0.0  # clock time from the first call, looked at before each; 0 = no limit

    def __post_init__(self) -> None:
        """Check the budgets."""
        for name, least in (
            ("trials", 0),
            ("turns", 1),
            ("silent_turns", 1),
            ("tokens", 0),
            ("seconds", 0),
        ):
            value = getattr(self, name)
            plain = type(value) is int or (name == "seconds" and type(value) is float)
            if not plain or not least <= value < math.inf:
                raise ConfigError(f"budgets.{name}", value, f"give {least} or more")
