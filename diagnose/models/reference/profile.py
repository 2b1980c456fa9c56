"""A capacity profile: with which probability each step of the loop succeeds, law by law."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnose.errors import ConfigError
from diagnose.laws import CATALOGUE

CAPACITIES = ("identification", "discovery", "consolidation", "application")


@dataclass(frozen=True)
class Profile:
    """Probabilities in [0, 1].

    Raises:
        ConfigError: a probability lies outside [0, 1], or an override names no known law.
    """

    identification: float  # notices that it does not know a law the task needs
    discovery: float  # designs an experiment that reveals a law it looks for
    consolidation: float  # still knows, when it builds, a law it has found
    application: float  # uses, where the device needs it, a law it knows
    method: float = 0.0  # designs one when led by a scientist's template; no less than discovery
    slip: float = 0.0  # forgets one lamp of the device, whatever it knows; nothing helps here
    # Remembers a law by the names of things, whatever the loop brings; of no use under other names.
    recall: float = 0.0
    # law -> capacity -> probability, where it differs from the above
    overrides: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*CAPACITIES, "method", "slip", "recall"):
            _probability(f"subject.profile.{name}", getattr(self, name))
        for law, entries in self.overrides.items():
            where = f"subject.profile.overrides.{law}"
            if law not in CATALOGUE:
                raise ConfigError(where, law, f"name one of {', '.join(CATALOGUE)}")
            for capacity, value in entries.items():
                if capacity not in CAPACITIES:
                    raise ConfigError(where, capacity, f"name one of {', '.join(CAPACITIES)}")
                _probability(f"{where}.{capacity}", value)

    def probability(self, capacity: str, law: str) -> float:
        """Return the probability that ``capacity`` succeeds on ``law``."""
        own = self.overrides.get(law, {})
        value: float = own[capacity] if capacity in own else getattr(self, capacity)
        return value

    def methodical(self, law: str) -> float:
        """Return the probability that an experiment on ``law`` is sound when led by a template.

        The same draw decides as without it, so a template never spoils an experiment.
        """
        return max(self.probability("discovery", law), self.method)


def _probability(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= float(str(value)) <= 1:
        raise ConfigError(name, value, "give a probability from 0 to 1")
