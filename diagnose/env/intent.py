"""Ways that a signal may have been meant to go: those that work, and those that a fault closes.

``Intent.edges`` yields, from a cell that the signal is in, where it goes on to; an edge with a
cause goes on only if that fault were repaired. Dust points, attenuates and climbs as in the game;
beyond that a wire is taken to be meant wherever parts lie as if it were.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from diagnose.env.blocks import (
    HORIZONTAL,
    OFFSETS,
    OPPOSITE,
    PALETTE,
    Pos,
    moved,
    name_of,
    props_of,
    support_of,
)
from diagnose.env.circuit import LAYERS, Circuit
from diagnose.env.dust import DUST
from diagnose.env.trace import Trace

FULL = 15  # the strength of a fresh signal
_CELL_EXTRA, _HOLLOW_EXTRA = 0.7, 0.5  # what a repair costs beyond its own price
_STEEP_EXTRA = 0.1
DIODES = ("repeater", "comparator")
TORCHES = ("redstone_torch", "redstone_wall_torch")
LAMP = "redstone_lamp"

# How the signal is in a cell: in a part, weakly or strongly in a block, in a part that was turned
# about (and gives its signal towards the direction in the third place), in a cell to be filled.
PART, WEAK, STRONG, TURNED, AIR = "part", "weak", "strong", "turned", "air"
Node = tuple[str, Pos, str]


class Edge(NamedTuple):
    """A step on, its cause if a fault closes it, and what its repair costs beyond the usual."""

    node: Node
    strength: int
    cause: str = ""
    at: Pos = (0, 0, 0)
    extra: float = 0.0


class Held(NamedTuple):
    """The best way to a node known so far."""

    cost: float
    strength: int
    before: Node | None
    edge: Edge | None
    causes: frozenset[str]


class Intent:
    """The ways through one circuit, given the trace of its press."""

    def __init__(self, circuit: Circuit, trace: Trace, area_side: int) -> None:
        self._blocks = circuit.blocks
        self._press = circuit.press
        self._trace = trace
        self._side = area_side
        self._active = trace.active or frozenset()
        self._names = {pos: name_of(state) for pos, state in circuit.blocks.items()}
        self._hangs_lamps = any(
            self._names.get(moved(pos, "up")) == DUST for pos in circuit.cells(LAMP)
        )

    def reached(self, pos: Pos) -> bool:
        """Return whether the press acted through the part at ``pos``."""
        return pos == self._press or pos in self._active

    def sources(self) -> Iterator[tuple[Pos, int]]:
        """Yield the parts that the signal reached, with the strength it had there."""
        yield self._press, FULL
        for pos in self._active:
            name = self._names.get(pos, "air")
            if name == DUST:
                if peak := self._trace.dust[pos].peak:
                    yield pos, peak
            elif name in (*DIODES, *TORCHES, "observer"):
                yield pos, FULL

    def edges(self, node: Node, held: Held) -> Iterator[Edge]:
        """Yield where the signal goes on to from ``node``, which it reached as ``held`` says."""
        kind, pos, towards = node
        if kind == AIR:
            yield from self._from_air(pos, held)
        elif kind in (WEAK, STRONG):
            yield from self._from_block(pos, held, strong=kind == STRONG)
        elif kind == TURNED:
            yield from self._into(pos, towards, held, strong=True, strength=FULL)
        else:
            yield from self._from_part(pos, held)

    def _from_part(self, pos: Pos, held: Held) -> Iterator[Edge]:
        name = self.name(pos)
        if name == DUST:
            yield from self._from_dust(pos, held)
        elif name == "stone_button":
            yield from self._from_button(pos, held)
        elif name in (*DIODES, "observer"):
            facing = props_of(self._blocks[pos])["facing"]
            yield from self._into(pos, OPPOSITE[facing], held, strong=True, strength=FULL)
        elif name in TORCHES:
            support = support_of(pos, self._blocks[pos])
            for direction in OFFSETS:
                if moved(pos, direction) != support and (
                    direction == "up" or not self._conducts(moved(pos, direction))
                ):
                    yield from self._into(pos, direction, held, strong=True, strength=FULL)

    def _from_button(self, pos: Pos, held: Held) -> Iterator[Edge]:
        support = support_of(pos, self._blocks[pos])
        for direction in OFFSETS:
            beside = moved(pos, direction)
            if beside == support or not self._conducts(beside) or self.name(beside) == LAMP:
                yield from self._into(pos, direction, held, strong=True, strength=FULL)

    def _from_dust(self, pos: Pos, held: Held) -> Iterator[Edge]:
        dust = self._trace.dust.get(pos)
        sides = dust.sides if dust else ()
        strength = held.strength
        for direction in HORIZONTAL:
            beside = moved(pos, direction)
            name = self.name(beside)
            if name == DUST:
                yield self._weaker(pos, beside, strength)
                continue
            yield from self._slopes(pos, direction, strength)
            if direction in sides or name == "air":  # an empty cell is nothing to point at
                yield from self._into(pos, direction, held, strong=False, strength=strength)
            else:
                yield from self._past(pos, direction, held)
            if self._conducts(beside) and self.name(moved(beside, direction)) == DUST:
                beyond = (PART, moved(beside, direction), "")
                yield Edge(beyond, FULL, "weak_power", beside, _STEEP_EXTRA)
        if pos[1] > 1:
            yield from self._into(pos, "down", held, strong=False, strength=strength)

    def _past(self, pos: Pos, direction: str, held: Held) -> Iterator[Edge]:
        """Yield what the dust at ``pos`` would act on if it pointed at the cell beside it."""
        beside = moved(pos, direction)
        name = self.name(beside)
        ahead = moved(beside, direction)
        if name == "repeater" and self.name(ahead) in (DUST, *DIODES, LAMP):
            if not self.reached(ahead):
                yield from self._diode(pos, beside, direction, held, held.strength)
        elif name == LAMP or self._conducts(beside):
            turned = OPPOSITE[direction] in self._trace.dust[pos].sides
            cause = "dust_turned_away" if turned else "dust_passes_lamp"
            if name == LAMP and not turned and self._raised(pos, beside):
                cause = "lamp_above_powered_block"
            kind, extra = (PART, 0.0) if name == LAMP else (WEAK, _CELL_EXTRA)
            yield Edge((kind, beside, ""), held.strength, cause, pos, extra)

    def _raised(self, dust: Pos, lamp: Pos) -> bool:
        """Return whether the lamp would light one lower, beside the block that carries the dust.

        A device without a lamp under dust shows nobody who knows that dust acts downwards: there
        the dust is taken to run past its lamp, as it does anywhere.
        """
        below = moved(lamp, "down")
        return (
            self._hangs_lamps
            and dust[1] > 1
            and self._conducts(moved(dust, "down"))
            and below not in self._blocks
        )

    def _weaker(self, pos: Pos, beyond: Pos, strength: int, cause: str = "") -> Edge:
        """Hand power on to dust, one weaker."""
        node = (PART, beyond, "")
        if cause:
            return Edge(node, max(strength - 1, 1), cause, pos)
        if strength > 1:
            return Edge(node, strength - 1)
        return Edge(node, FULL, "signal_died", pos)

    def _slopes(self, pos: Pos, direction: str, strength: int) -> Iterator[Edge]:
        """Yield the dust one or two steps up and down, and what keeps power from it."""
        beside = moved(pos, direction)
        up, down = moved(beside, "up"), moved(beside, "down")
        if self.name(up) == DUST:
            lid = moved(pos, "up")
            yield self._weaker(
                lid if self._conducts(lid) else pos,
                up,
                strength,
                "slope_cut" if self._conducts(lid) else "",
            )
        elif self.name(moved(up, "up")) == DUST:
            yield self._weaker(pos, moved(up, "up"), strength, "step_too_high")
        if self.name(down) == DUST:
            floor = moved(pos, "down")
            if self._conducts(beside):
                yield self._weaker(beside, down, strength, "slope_cut")
            elif not self._conducts(floor):
                yield self._weaker(floor, down, strength, "non_conductor")
            else:
                yield self._weaker(pos, down, strength)
        elif self.name(moved(down, "down")) == DUST and not self._conducts(beside):
            yield self._weaker(pos, moved(down, "down"), strength, "step_too_high")

    def _into(
        self, source: Pos, direction: str, held: Held, *, strong: bool, strength: int
    ) -> Iterator[Edge]:
        """Yield what power put out towards ``direction`` does in the cell there."""
        cell = moved(source, direction)
        name = self.name(cell)
        if name == "air":
            if direction in HORIZONTAL:
                yield from self._air(cell, strength)
            return
        if name == DUST:
            if strong:
                yield Edge((PART, cell, ""), FULL)
            return
        if name in DIODES:
            yield from self._diode(source, cell, direction, held, strength)
            return
        if name == "observer" or name in TORCHES:
            return
        if self._conducts(cell):
            yield Edge((STRONG if strong else WEAK, cell, ""), strength)
            if name == LAMP:
                yield Edge((PART, cell, ""), strength)
        elif PALETTE[name].full:
            yield Edge((STRONG if strong else WEAK, cell, ""), strength, "non_conductor", cell)

    def _diode(
        self, source: Pos, cell: Pos, direction: str, held: Held, strength: int
    ) -> Iterator[Edge]:
        """Yield a repeater or comparator that is fed, or that should have been."""
        name, facing = self._names[cell], props_of(self._blocks[cell])["facing"]
        node = (PART, cell, "")
        if moved(cell, facing) == source:
            if held.cost == 0.0 and not self.reached(cell):
                yield self._blocked(cell, node, name, facing)
            else:
                yield Edge(node, FULL)
        elif not self.reached(cell) and direction in HORIZONTAL:
            backwards = moved(cell, facing, -1) == source
            if backwards or name == "repeater":
                cause = "repeater_backwards" if backwards else "repeater_sideways"
                extra = 0.0 if backwards else _STEEP_EXTRA
                yield Edge((TURNED, cell, direction), FULL, cause, cell, extra)

    def _blocked(self, cell: Pos, node: Node, name: str, facing: str) -> Edge:
        """Say why a part that is fed gives no signal."""
        aside = next(lockers(self._blocks, cell), None)
        if name == "repeater":
            return Edge(node, FULL, "repeater_locked" if aside else "part_blocked", cell)
        # What a comparator subtracts has come as early as what it subtracts from.
        return Edge(node, FULL, "repeater_delay_wrong", aside or cell)

    def _from_block(self, block: Pos, held: Held, *, strong: bool) -> Iterator[Edge]:
        for direction in OFFSETS:
            beside = moved(block, direction)
            name = self._names.get(beside)
            if name is None:
                continue
            if name == DUST:
                cause = "" if strong else "weak_power"
                yield Edge((PART, beside, ""), FULL, cause, block, _STEEP_EXTRA if cause else 0.0)
            elif name == LAMP:
                yield Edge((PART, beside, ""), held.strength)
            elif name in DIODES:
                if moved(beside, props_of(self._blocks[beside])["facing"]) == block:
                    yield from self._diode(block, beside, direction, held, held.strength)
            elif name in TORCHES and support_of(beside, self._blocks[beside]) == block:
                yield Edge((PART, beside, ""), FULL)

    def _air(self, cell: Pos, strength: int, *, further: bool = False) -> Iterator[Edge]:
        """Yield an empty cell that a wire might have led through."""
        x, y, z = cell
        if not (0 <= x < self._side and 0 <= z < self._side and 1 <= y <= LAYERS):
            return
        below = self._names.get((x, y - 1, z), "stone" if y == 1 else "air")
        if below != "air" and not PALETTE[below].full:
            return
        extra = (_HOLLOW_EXTRA if below == "air" else 0.0) + (_CELL_EXTRA if further else 0.0)
        yield Edge((AIR, cell, ""), max(strength - 1, 1), AIR, cell, extra)

    def _from_air(self, pos: Pos, held: Held) -> Iterator[Edge]:
        """Go on as if dust lay here: it would join up, or point straight on."""
        before = held.before
        for direction in HORIZONTAL:
            beside = moved(pos, direction)
            if before and beside == before[1]:
                continue
            name = self.name(beside)
            if name == "air":
                yield from self._air(beside, held.strength, further=True)
            elif name == DUST:
                yield self._weaker(pos, beside, max(held.strength, 2))
            elif name == LAMP:
                yield Edge((PART, beside, ""), held.strength)
            elif name in DIODES and moved(beside, props_of(self._blocks[beside])["facing"]) == pos:
                yield Edge((PART, beside, ""), FULL)

    def name(self, pos: Pos) -> str:
        """Return what stands at a cell; the floor is stone."""
        if pos[1] == 0:
            return "stone"
        return self._names.get(pos, "air")

    def _conducts(self, pos: Pos) -> bool:
        return PALETTE[self.name(pos)].conducts


def lockers(blocks: Mapping[Pos, str], cell: Pos) -> Iterator[Pos]:
    """Yield the repeaters and comparators that give into the sides of the one at ``cell``."""
    facing = props_of(blocks[cell])["facing"]
    for side in HORIZONTAL:
        beside = moved(cell, side)
        state = blocks.get(beside)
        if (
            side not in (facing, OPPOSITE[facing])
            and state is not None
            and name_of(state) in DIODES
            and moved(beside, props_of(state)["facing"], -1) == cell
        ):
            yield beside
