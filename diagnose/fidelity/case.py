"""A conformance case: a small circuit, and when each of its lamps is lit by the game's own rules.

The circuit is drawn as text: one string per layer from y = 1 up, rows (z, southwards) apart by
spaces, a character per column (x, eastwards). ``LEGEND`` says what the characters stand for, and
a case may add its own; capital letters from P on are lamps, and every one of them has its times.

Times are ``"1..13"`` for each lit interval [rise, fall) in rt after the press; ``"on..3"`` was lit
before the press, ``"11.."`` never goes dark again, and ``""`` is a lamp that stays dark.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from diagnose.env.blocks import Pos, name_of, parse_block
from diagnose.env.circuit import Circuit
from diagnose.env.trace import Interval, Time, Trace

LAMPS = frozenset("PQRSTU")
_LAMP = parse_block("redstone_lamp")
LEGEND: Mapping[str, str] = {
    "b": "stone_button[face=floor]",
    "-": "redstone_wire",
    "s": "stone",
    "g": "glass",
    "B": "redstone_block",
    "x": "target",
    "i": "redstone_torch",
    "t": "redstone_wall_torch[facing=east]",  # hangs on the block to its west
    ">": "repeater[facing=west]",  # a repeater faces its input: this one carries east
    "<": "repeater[facing=east]",
    "v": "repeater[facing=north]",
    "^": "repeater[facing=south]",
    "2": "repeater[facing=west,delay=2]",
    "3": "repeater[facing=west,delay=3]",
    "4": "repeater[facing=west,delay=4]",
    "c": "comparator[facing=west]",
    "m": "comparator[facing=west,mode=subtract]",
    "o": "observer[facing=west]",  # watches the cell to its west, gives to the east
}
AREA_SIDE = 33


@dataclass(frozen=True)
class Case:
    """One documented behaviour of the game and a circuit that shows it."""

    name: str
    shows: str
    layers: tuple[str, ...]
    lamps: Mapping[str, str]
    source: str
    legend: Mapping[str, str] = field(default_factory=dict)
    watch_rt: int = 600
    departs: Mapping[str, str] = field(default_factory=dict)  # what the judge says, if not that
    why: str = ""  # how it is known that the game does otherwise

    @cached_property
    def _cells(self) -> tuple[tuple[Pos, str], ...]:
        return tuple(
            ((x, y, z), sign)
            for y, layer in enumerate(self.layers, start=1)
            for z, row in enumerate(layer.split())
            for x, sign in enumerate(row)
            if sign != "."
        )

    @cached_property
    def circuit(self) -> Circuit:
        """The circuit; a drawing that the game would not let stand is refused.

        Raises:
            InputError: see ``Circuit.from_json``; a mistake of the case.
        """
        known = {**LEGEND, **self.legend}
        blocks = {
            pos: _LAMP if sign in LAMPS and sign not in self.legend else parse_block(known[sign])
            for pos, sign in self._cells
        }
        (button,) = (pos for pos, state in blocks.items() if name_of(state) == "stone_button")
        return Circuit.from_json(
            {"blocks": [[*pos, state] for pos, state in blocks.items()], "press": button},
            AREA_SIDE,
        )

    @property
    def expected(self) -> Mapping[Pos, str]:
        """When each lamp is lit in the game, by cell."""
        return self._by_cell(self.lamps)

    @property
    def judged(self) -> Mapping[Pos, str]:
        """When each lamp is lit by the judge: as in the game, but for a known departure."""
        return self._by_cell({**self.lamps, **self.departs})

    def _by_cell(self, lamps: Mapping[str, str]) -> Mapping[Pos, str]:
        return {
            pos: lamps[sign]
            for pos, sign in self._cells
            if sign in LAMPS and sign not in self.legend
        }


def told(trace: Trace) -> dict[Pos, str]:
    """Return a trace's lamps in the notation of a case."""
    return {
        pos: " ".join(
            _interval(lit, before=number == 0 and pos in trace.lit_before)
            for number, lit in enumerate(intervals)
        )
        for pos, intervals in trace.lamps.items()
    }


def _interval(lit: Interval, *, before: bool) -> str:
    rise: Time | str = "on" if before else lit.rise_rt
    return f"{rise}..{'' if lit.fall_rt is None else lit.fall_rt}"
