"""The broadcast comb: one source, a trunk, rows of lamps, all lit after the same delay.

The trunk runs along z from (0, 0); at each row offset k a row leaves it to the east and one to the
west. A wire carries no further than the law of attenuation allows, so long combs get repeaters: one
at the entrance of each half row, and on the trunk wherever it would die. Rows behind more trunk
repeaters get shorter entrance delays, so that all lamps rise together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.laws import Laws
from diagnose.tasks.layout import (
    EAST,
    NORTH,
    SOUTH,
    WEST,
    Canvas,
    Step,
    delay_chain,
    row,
    wire_range,
)

FIRST_TOOTH = 3  # cells 1 and 2 of a half row may hold entrance repeaters
PITCH = 6  # a row with its lamps is five cells wide; one stays free


@dataclass(frozen=True)
class HalfRow:
    """One half row: its offset on the trunk, its direction, and where its lamps hang."""

    offset: int
    along: Step
    teeth: tuple[tuple[int, int], ...]  # (x distance from the trunk, side)
    end_lamp_at: int | None = None  # x distance of a lamp the wire ends in

    @property
    def last(self) -> int:
        """The x distance of the last dust."""
        if self.end_lamp_at is not None:
            return self.end_lamp_at - 1
        return max(x for x, _ in self.teeth)

    @property
    def dusts(self) -> int:
        """The longest run of dust from the trunk: the wire and the stub of its last tooth."""
        stub = 1 if self.end_lamp_at is None else 0
        return self.last + stub


def even_rows(lamps: int, teeth_per_half: int, offsets: Sequence[int]) -> list[HalfRow]:
    """Hang ``lamps`` (even) on rows at ``offsets``, two lamps a tooth, halves filled in turn.

    Raises:
        ValueError: the rows cannot hold that many lamps.
    """
    counts = {(k, a): 0 for k in offsets for a in (EAST, WEST)}
    left = lamps // 2
    for k in offsets:
        for _ in range(teeth_per_half):
            for along in (EAST, WEST):
                if left:
                    counts[(k, along)] += 1
                    left -= 1
    if left:
        raise ValueError(f"{lamps} lamps do not fit {len(offsets)} rows of {4 * teeth_per_half}")
    return [
        HalfRow(k, along, tuple((FIRST_TOOTH + 2 * i, s) for i in range(count) for s in (1, -1)))
        for (k, along), count in counts.items()
        if count
    ]


def comb(canvas: Canvas, halves: Sequence[HalfRow], source: str) -> None:
    """Plan the comb's trunk and rows; ``source`` at (0, 0) is ``button`` or ``dust``."""
    laws = canvas.laws
    by_offset: dict[int, list[HalfRow]] = {}
    for half in halves:
        by_offset.setdefault(half.offset, []).append(half)
    first = 0 if source == "button" else 1  # dusts already spent at the source cell
    entrances = _needs_entrances(by_offset, laws, first)
    tiers: dict[int, int] = {0: 0}
    for sign in (1, -1):
        offsets = sorted(k * sign for k in by_offset if k * sign > 0)
        if offsets:
            tiers |= {k * sign: t for k, t in _trunk(canvas, offsets, sign, first).items()}
    if source == "button":
        canvas.press_here(0, 0)
    else:
        canvas.dust([(0, 0)])
    latest = max(tiers[k] for k in by_offset)
    for k, members in by_offset.items():
        for half in members:
            _half_row(canvas, half, latest - tiers[k] + 1 if entrances else 0, first)


def _needs_entrances(by_offset: dict[int, list[HalfRow]], laws: Laws, first: int) -> bool:
    longest = max(abs(k) + first + half.dusts for k, rows in by_offset.items() for half in rows)
    return longest > wire_range(laws)


def _trunk(canvas: Canvas, offsets: Sequence[int], sign: int, first: int) -> dict[int, int]:
    """Lay the trunk to the farthest offset; return the number of repeaters before each row."""
    reach = wire_range(canvas.laws)
    along = SOUTH if sign > 0 else NORTH
    tiers: dict[int, int] = {}
    level, tier = reach - first, 0
    rows = set(offsets)
    for z in range(1, offsets[-1] + 1):
        # Regenerate just behind a row when the next one would be out of reach (it needs 1 left).
        ahead = min((k for k in offsets if k >= z), default=z)
        if z - 1 in rows | {0} and z not in rows and level - (ahead - z) < 1:
            canvas.repeater(0, sign * z, along)
            level, tier = reach, tier + 1
            continue
        if z == offsets[-1]:
            canvas.corner(0, sign * z)
        else:
            canvas.put(0, sign * z, "minecraft:redstone_wire")
        level -= 1
        if z in rows:
            tiers[z] = tier
    return tiers


def _half_row(canvas: Canvas, half: HalfRow, entrance_rt: int, first: int) -> None:
    dx, z = half.along[0], half.offset
    chain = delay_chain(entrance_rt)
    for index, delay in enumerate(chain):
        canvas.repeater(dx * (1 + index), z, half.along, delay)
    start = 1 + len(chain)
    clockwise_is_south = dx > 0  # rotating east clockwise (seen from above) gives south
    teeth = [(x - start, s if clockwise_is_south else -s) for x, s in half.teeth]
    reach = wire_range(canvas.laws)
    strength = reach if chain else reach - abs(z) - first
    row(canvas, (dx * start, z), half.along, half.last - start + 1, teeth, strength)
    if half.end_lamp_at is not None:
        x = half.end_lamp_at
        if "dust_pointing" in canvas.laws:
            canvas.put(dx * x, z, "minecraft:redstone_lamp")
        else:
            # Taken to light what it passes, the wire runs on and the lamp stands beside its end.
            canvas.put(dx * x, z, "minecraft:redstone_wire")
            canvas.put(dx * x, z + 1, "minecraft:redstone_lamp")
