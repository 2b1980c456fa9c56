"""What a press did, and what a family says of it. Times: redstone ticks (rt), 0 = just pressed."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from diagnose.env.blocks import Pos

Time = int | float  # rt; a float only for a half tick, which no block of the palette makes


@dataclass(frozen=True)
class Interval:
    """One lit interval [rise, fall) in rt; ``fall_rt`` is None when the lamp never went dark."""

    rise_rt: Time
    fall_rt: Time | None

    @property
    def lit_rt(self) -> Time | None:
        """How long it was lit; None when it never ended."""
        return None if self.fall_rt is None else self.fall_rt - self.rise_rt


@dataclass(frozen=True)
class Window:
    """When a rule expects one lamp to be lit, given what the press showed of the others.

    ``rise_rt`` holds the first and the last moment at which it may light; ``fall_rt`` is when it
    must go dark, and ``lit_at_rt`` a moment at which it must be lit, where the rule says so.
    """

    rise_rt: tuple[Time, Time]
    fall_rt: Time | None = None
    lit_at_rt: Time | None = None

    def met_by(self, intervals: Sequence[Interval]) -> bool:
        """Return whether a lamp did as expected, in exactly one finished interval."""
        if len(intervals) != 1 or intervals[0].fall_rt is None:
            return False
        rise, fall = intervals[0].rise_rt, intervals[0].fall_rt
        return (
            self.rise_rt[0] <= rise <= self.rise_rt[1]
            and self.fall_rt in (None, fall)
            and (self.lit_at_rt is None or rise <= self.lit_at_rt < fall)
        )


@dataclass(frozen=True)
class Dust:
    """One dust: its connections (sides and slopes) and the strongest signal it carried, 0..15.

    ``sides`` names the connected directions in the engine's own shape of it.
    """

    connections: int
    peak: int
    sides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """Every lamp's lit intervals after one press.

    A lamp that was lit before the press opens its first interval at 0. ``active`` are the cells
    that the press can have acted through: those that changed, and comparators powered at rest,
    whose strength may change unseen; None where that was not watched.
    """

    lamps: Mapping[Pos, tuple[Interval, ...]]
    settled: bool  # nothing was moving before the press
    lit_before: tuple[Pos, ...]
    quiet: bool  # nothing is moving at the end
    end_rt: Time  # how long it was watched
    dust: Mapping[Pos, Dust] = field(default_factory=dict)
    active: frozenset[Pos] | None = None

    def brightest_rt(self) -> Time:
        """Return the first moment at which most lamps are lit; 0 when none ever is."""
        lit = [interval for intervals in self.lamps.values() for interval in intervals]
        rises = sorted(interval.rise_rt for interval in lit)
        falls = sorted(interval.fall_rt for interval in lit if interval.fall_rt is not None)
        return max(
            sorted(set(rises)),
            key=lambda at: bisect_right(rises, at) - bisect_right(falls, at),
            default=0,
        )

    @property
    def lit(self) -> int:
        """How many lamps the press lit: one that was lit before counts if it was lit again."""
        return sum(
            len(intervals) > (pos in self.lit_before) for pos, intervals in self.lamps.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON form: lamps as [x, y, z, [[rise, fall], ...]], sorted."""
        return {
            "end_rt": self.end_rt,
            "lamps": [
                [*pos, [[lit.rise_rt, lit.fall_rt] for lit in intervals]]
                for pos, intervals in sorted(self.lamps.items())
            ],
            "lit_before": [list(pos) for pos in self.lit_before],
            "quiet": self.quiet,
            "settled": self.settled,
        }


@dataclass(frozen=True)
class Verdict:
    """Whether the device does what the task wants, and every reason why not."""

    passed: bool
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        """Passing and having a reason not to is a contradiction."""
        if self.passed == bool(self.reasons):
            raise ValueError("a verdict passes exactly when it has no reason against it")

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form kept in records."""
        return {"passed": self.passed, "reasons": list(self.reasons)}
