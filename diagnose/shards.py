"""Which part of a study one process of several runs: ``run.shard=1/8``, the first of eight.

The rule is a function of the schedule's identities alone, so all processes agree without a word.
A curriculum's chain is one unit and stays whole; units are dealt in the order of their hash, so
shards differ by one unit at most and no shard gets the schedule's beginning.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from diagnose.errors import ConfigError

MOST_SHARDS = 10_000
_FORM = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})")


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``of`` parts, counted from 1. One of one is the whole study."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: object) -> Self:
        """Return the shard that a configuration names, such as ``3/8``; None is the whole study.

        Raises:
            ConfigError: it is none.
        """
        if text is None:
            return cls()
        match = _FORM.fullmatch(text) if isinstance(text, str) else None
        if match and int(match[1]) <= int(match[2]) <= MOST_SHARDS:
            return cls(int(match[1]), int(match[2]))
        remedy = f"give one of so many, from 1/8 to 8/8 and at most of {MOST_SHARDS:,}"
        raise ConfigError("run.shard", text, remedy)

    @property
    def whole(self) -> bool:
        """Whether it is the whole study."""
        return self.of == 1

    @property
    def name(self) -> str:
        """The name of its folder; names sort as numbers do."""
        width = len(str(self.of))
        return f"{self.number:0{width}}-of-{self.of}"

    def deal(self, units: Iterable[str]) -> frozenset[str]:
        """Return those of ``units`` that are this shard's; every unit is exactly one shard's."""
        order = sorted(set(units), key=lambda unit: hashlib.sha256(unit.encode()).digest())
        return frozenset(order[self.number - 1 :: self.of])
