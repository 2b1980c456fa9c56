"""Where a signal stops on its way to what stayed dark: the least repair, found by search.

The trace says which parts the signal reached. From there the search goes on along what the builder
can have meant: what works costs nothing, and each fault on the way (a gap, a repeater that faces
the wrong way, dust that points elsewhere) costs a repair. The cheapest way to a dark lamp names its
faults. A fault of a kind that is on the way already is cheap: misconceptions are repeated.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, takewhile

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
_REPAIR, _AGAIN = 1.0, 0.01
_AIR_EXTRA, _CELL_EXTRA, _HOLLOW_EXTRA = 0.2, 0.7, 0.5
_STEEP_EXTRA = 0.1
_DIODES = ("repeater", "comparator")
_TORCHES = ("redstone_torch", "redstone_wall_torch")
_LAMP = "redstone_lamp"
_SHORT_GAP = 2  # empty cells; a longer stretch was never laid

# How the signal is in a cell: in a part, weakly or strongly in a block, in a part that was turned
# about (and gives its signal towards the direction in the third place), in a cell to be filled.
PART, WEAK, STRONG, TURNED, AIR = "part", "weak", "strong", "turned", "air"
Node = tuple[str, Pos, str]


@dataclass(frozen=True)
class Fault:
    """One fault on the way to a lamp.

    ``at`` is the cell where it lies (the repeater that faces wrongly, the first empty cell, the
    dust that points elsewhere), ``towards`` the next one on the way.
    """

    cause: str
    at: Pos
    towards: Pos
    cells: tuple[Pos, ...]


@dataclass(frozen=True)
class _Edge:
    node: Node
    strength: int
    cause: str = ""
    at: Pos = (0, 0, 0)
    extra: float = 0.0


@dataclass(frozen=True)
class _Held:
    """The best way to a node known so far."""

    cost: float
    strength: int
    before: Node | None
    edge: _Edge | None
    causes: frozenset[str]


class Search:
    """The search over one circuit and the trace of its press."""

    def __init__(self, circuit: Circuit, trace: Trace, area_side: int) -> None:
        self._blocks = circuit.blocks
        self._press = circuit.press
        self._trace = trace
        self._side = area_side
        self._active = trace.active or frozenset()
        self._names = {pos: name_of(state) for pos, state in circuit.blocks.items()}
        self._held: dict[Node, _Held] = {}
        self._hangs_lamps = any(
            self._names.get(moved(pos, "up")) == DUST for pos in circuit.cells(_LAMP)
        )

    def reached(self, pos: Pos) -> bool:
        """Return whether the press acted through the part at ``pos``."""
        return pos == self._press or pos in self._active

    def faults(self, targets: Iterable[Pos]) -> Mapping[Pos, tuple[Fault, ...]]:
        """Return, for each target that any repair reaches, the faults on its cheapest way."""
        open_targets = set(targets)
        found: dict[Pos, tuple[Fault, ...]] = {}
        self._held = {}
        queue: list[tuple[float, int, int, Node]] = []
        ticket = count()
        for pos, strength in self._sources():
            node = (PART, pos, "")
            self._held[node] = _Held(0.0, strength, None, None, frozenset())
            queue.append((0.0, -strength, next(ticket), node))
        heapq.heapify(queue)
        closed: set[Node] = set()
        while queue and open_targets:
            _, _, _, node = heapq.heappop(queue)
            if node in closed:
                continue
            closed.add(node)
            if node[0] in (PART, TURNED) and node[1] in open_targets:
                open_targets.remove(node[1])
                found[node[1]] = self._way(node)
            held = self._held[node]
            for edge in self._edges(node, held):
                if edge.node in closed:
                    continue
                cost = held.cost + self._price(edge, held)
                known = self._held.get(edge.node)
                if known and (known.cost, -known.strength) <= (cost, -edge.strength):
                    continue
                causes = held.causes | {edge.cause} if edge.cause else held.causes
                self._held[edge.node] = _Held(cost, edge.strength, node, edge, causes)
                heapq.heappush(queue, (cost, -edge.strength, next(ticket), edge.node))
        return found

    def _price(self, edge: _Edge, held: _Held) -> float:
        if not edge.cause:
            return edge.extra
        if edge.cause in held.causes:
            return _AGAIN + edge.extra
        return _REPAIR + edge.extra + (_AIR_EXTRA if edge.cause == AIR else 0.0)

    def _sources(self) -> Iterator[tuple[Pos, int]]:
        """Yield the parts that the signal reached, with the strength it had there."""
        yield self._press, FULL
        for pos in self._active:
            name = self._names.get(pos, "air")
            if name == DUST:
                if peak := self._trace.dust[pos].peak:
                    yield pos, peak
            elif name in (*_DIODES, *_TORCHES, "observer"):
                yield pos, FULL

    def _way(self, node: Node) -> tuple[Fault, ...]:
        """Return the faults on the way to ``node``, from the button on."""
        steps: list[tuple[Node, _Edge]] = []
        at: Node | None = node
        while at is not None:
            held = self._held[at]
            if held.edge is not None:
                steps.append((at, held.edge))
            at = held.before
        steps.reverse()
        faults: list[Fault] = []
        for index, (reached, edge) in enumerate(steps):
            if edge.cause == AIR:
                if not index or steps[index - 1][0][0] != AIR:
                    faults.append(self._gap(steps[index:]))
            elif edge.cause:
                faults.append(Fault(edge.cause, edge.at, reached[1], (edge.at,)))
        return _as_rails(faults)

    def _gap(self, steps: list[tuple[Node, _Edge]]) -> Fault:
        """Name a stretch of empty cells by its shape and by what lies beyond."""
        run = list(takewhile(lambda step: step[0][0] == AIR, steps))
        cells = tuple(node[1] for node, _ in run)
        beyond = steps[len(run)][0][1]
        start = self._held[steps[0][0]].before
        origin = start[1] if start else cells[0]
        bends = sum(a != b for a, b in zip(origin, beyond, strict=True)) > 1
        if len(cells) == 1 and bends:
            cause = "diagonal_gap"
        elif self._names.get(beyond) == _LAMP:
            cause = "no_wire_to_lamp"
        else:
            cause = "gap_in_wire"
        return Fault(cause, cells[0], beyond, cells)

    def _edges(self, node: Node, held: _Held) -> Iterator[_Edge]:
        kind, pos, towards = node
        if kind == AIR:
            yield from self._from_air(pos, held)
        elif kind in (WEAK, STRONG):
            yield from self._from_block(pos, held, strong=kind == STRONG)
        elif kind == TURNED:
            yield from self._into(pos, towards, held, strong=True, strength=FULL)
        else:
            yield from self._from_part(pos, held)

    def _from_part(self, pos: Pos, held: _Held) -> Iterator[_Edge]:
        name = self._name(pos)
        if name == DUST:
            yield from self._from_dust(pos, held)
        elif name == "stone_button":
            yield from self._from_button(pos, held)
        elif name in (*_DIODES, "observer"):
            facing = props_of(self._blocks[pos])["facing"]
            yield from self._into(pos, OPPOSITE[facing], held, strong=True, strength=FULL)
        elif name in _TORCHES:
            support = support_of(pos, self._blocks[pos])
            for direction in OFFSETS:
                if moved(pos, direction) != support and (
                    direction == "up" or not self._conducts(moved(pos, direction))
                ):
                    yield from self._into(pos, direction, held, strong=True, strength=FULL)

    def _from_button(self, pos: Pos, held: _Held) -> Iterator[_Edge]:
        support = support_of(pos, self._blocks[pos])
        for direction in OFFSETS:
            beside = moved(pos, direction)
            if beside == support or not self._conducts(beside) or self._name(beside) == _LAMP:
                yield from self._into(pos, direction, held, strong=True, strength=FULL)

    def _from_dust(self, pos: Pos, held: _Held) -> Iterator[_Edge]:
        dust = self._trace.dust.get(pos)
        sides = dust.sides if dust else ()
        strength = held.strength
        for direction in HORIZONTAL:
            beside = moved(pos, direction)
            name = self._name(beside)
            if name == DUST:
                yield self._weaker(pos, beside, strength)
                continue
            yield from self._slopes(pos, direction, strength)
            if direction in sides or name == "air":  # an empty cell is nothing to point at
                yield from self._into(pos, direction, held, strong=False, strength=strength)
            else:
                yield from self._past(pos, direction, held)
            if self._conducts(beside) and self._name(moved(beside, direction)) == DUST:
                beyond = (PART, moved(beside, direction), "")
                yield _Edge(beyond, FULL, "weak_power", beside, _STEEP_EXTRA)
        if pos[1] > 1:
            yield from self._into(pos, "down", held, strong=False, strength=strength)

    def _past(self, pos: Pos, direction: str, held: _Held) -> Iterator[_Edge]:
        """Yield what the dust at ``pos`` would act on if it pointed at the cell beside it."""
        beside = moved(pos, direction)
        name = self._name(beside)
        ahead = moved(beside, direction)
        if name == "repeater" and self._name(ahead) in (DUST, *_DIODES, _LAMP):
            if not self.reached(ahead):
                yield from self._diode(pos, beside, direction, held, held.strength)
        elif name == _LAMP or self._conducts(beside):
            turned = OPPOSITE[direction] in self._trace.dust[pos].sides
            cause = "dust_turned_away" if turned else "dust_passes_lamp"
            if name == _LAMP and not turned and self._raised(pos, beside):
                cause = "lamp_above_powered_block"
            kind, extra = (PART, 0.0) if name == _LAMP else (WEAK, _CELL_EXTRA)
            yield _Edge((kind, beside, ""), held.strength, cause, pos, extra)

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

    def _weaker(self, pos: Pos, beyond: Pos, strength: int, cause: str = "") -> _Edge:
        """Hand power on to dust, one weaker."""
        node = (PART, beyond, "")
        if cause:
            return _Edge(node, max(strength - 1, 1), cause, pos)
        if strength > 1:
            return _Edge(node, strength - 1)
        return _Edge(node, FULL, "signal_died", pos)

    def _slopes(self, pos: Pos, direction: str, strength: int) -> Iterator[_Edge]:
        """Yield the dust one or two steps up and down, and what keeps power from it."""
        beside = moved(pos, direction)
        up, down = moved(beside, "up"), moved(beside, "down")
        if self._name(up) == DUST:
            lid = moved(pos, "up")
            yield self._weaker(
                lid if self._conducts(lid) else pos,
                up,
                strength,
                "slope_cut" if self._conducts(lid) else "",
            )
        elif self._name(moved(up, "up")) == DUST:
            yield self._weaker(pos, moved(up, "up"), strength, "step_too_high")
        if self._name(down) == DUST:
            floor = moved(pos, "down")
            if self._conducts(beside):
                yield self._weaker(beside, down, strength, "slope_cut")
            elif not self._conducts(floor):
                yield self._weaker(floor, down, strength, "non_conductor")
            else:
                yield self._weaker(pos, down, strength)
        elif self._name(moved(down, "down")) == DUST and not self._conducts(beside):
            yield self._weaker(pos, moved(down, "down"), strength, "step_too_high")

    def _into(
        self, source: Pos, direction: str, held: _Held, *, strong: bool, strength: int
    ) -> Iterator[_Edge]:
        """Yield what power put out towards ``direction`` does in the cell there."""
        cell = moved(source, direction)
        name = self._name(cell)
        if name == "air":
            if direction in HORIZONTAL:
                yield from self._air(cell, strength)
            return
        if name == DUST:
            if strong:
                yield _Edge((PART, cell, ""), FULL)
            return
        if name in _DIODES:
            yield from self._diode(source, cell, direction, held, strength)
            return
        if name == "observer" or name in _TORCHES:
            return
        if self._conducts(cell):
            yield _Edge((STRONG if strong else WEAK, cell, ""), strength)
            if name == _LAMP:
                yield _Edge((PART, cell, ""), strength)
        elif PALETTE[name].full:
            yield _Edge((STRONG if strong else WEAK, cell, ""), strength, "non_conductor", cell)

    def _diode(
        self, source: Pos, cell: Pos, direction: str, held: _Held, strength: int
    ) -> Iterator[_Edge]:
        """Yield a repeater or comparator that is fed, or that should have been."""
        name, facing = self._names[cell], props_of(self._blocks[cell])["facing"]
        node = (PART, cell, "")
        if moved(cell, facing) == source:
            if held.cost == 0.0 and not self.reached(cell):
                yield self._blocked(cell, node, name, facing)
            else:
                yield _Edge(node, FULL)
        elif not self.reached(cell) and direction in HORIZONTAL:
            backwards = moved(cell, facing, -1) == source
            if backwards or name == "repeater":
                cause = "repeater_backwards" if backwards else "repeater_sideways"
                extra = 0.0 if backwards else _STEEP_EXTRA
                yield _Edge((TURNED, cell, direction), FULL, cause, cell, extra)

    def _blocked(self, cell: Pos, node: Node, name: str, facing: str) -> _Edge:
        """Say why a part that is fed gives no signal."""
        aside = next(self._lockers(cell, facing), None)
        if name == "repeater":
            return _Edge(node, FULL, "repeater_locked" if aside else "part_blocked", cell)
        # What a comparator subtracts has come as early as what it subtracts from.
        return _Edge(node, FULL, "repeater_delay_wrong", aside or cell)

    def _lockers(self, cell: Pos, facing: str) -> Iterator[Pos]:
        """Yield the repeaters and comparators that give into a repeater's sides."""
        for side in HORIZONTAL:
            beside = moved(cell, side)
            if (
                side not in (facing, OPPOSITE[facing])
                and self._names.get(beside) in _DIODES
                and moved(beside, props_of(self._blocks[beside])["facing"], -1) == cell
            ):
                yield beside

    def _from_block(self, block: Pos, held: _Held, *, strong: bool) -> Iterator[_Edge]:
        for direction in OFFSETS:
            beside = moved(block, direction)
            name = self._names.get(beside)
            if name is None:
                continue
            if name == DUST:
                cause = "" if strong else "weak_power"
                yield _Edge((PART, beside, ""), FULL, cause, block, _STEEP_EXTRA if cause else 0.0)
            elif name == _LAMP:
                yield _Edge((PART, beside, ""), held.strength)
            elif name in _DIODES:
                if moved(beside, props_of(self._blocks[beside])["facing"]) == block:
                    yield from self._diode(block, beside, direction, held, held.strength)
            elif name in _TORCHES and support_of(beside, self._blocks[beside]) == block:
                yield _Edge((PART, beside, ""), FULL)

    def _air(self, cell: Pos, strength: int, *, further: bool = False) -> Iterator[_Edge]:
        """Yield an empty cell that a wire might have led through."""
        x, y, z = cell
        if not (0 <= x < self._side and 0 <= z < self._side and 1 <= y <= LAYERS):
            return
        below = self._names.get((x, y - 1, z), "stone" if y == 1 else "air")
        if below != "air" and not PALETTE[below].full:
            return
        extra = (_HOLLOW_EXTRA if below == "air" else 0.0) + (_CELL_EXTRA if further else 0.0)
        yield _Edge((AIR, cell, ""), max(strength - 1, 1), AIR, cell, extra)

    def _from_air(self, pos: Pos, held: _Held) -> Iterator[_Edge]:
        """Go on as if dust lay here: it would join up, or point straight on."""
        before = held.before
        for direction in HORIZONTAL:
            beside = moved(pos, direction)
            if before and beside == before[1]:
                continue
            name = self._name(beside)
            if name == "air":
                yield from self._air(beside, held.strength, further=True)
            elif name == DUST:
                yield self._weaker(pos, beside, max(held.strength, 2))
            elif name == _LAMP:
                yield _Edge((PART, beside, ""), held.strength)
            elif name in _DIODES and moved(beside, props_of(self._blocks[beside])["facing"]) == pos:
                yield _Edge((PART, beside, ""), FULL)

    def _name(self, pos: Pos) -> str:
        if pos[1] == 0:
            return "stone"
        return self._names.get(pos, "air")

    def _conducts(self, pos: Pos) -> bool:
        return PALETTE[self._name(pos)].conducts


def _as_rails(faults: list[Fault]) -> tuple[Fault, ...]:
    """Call the gaps of one way a missing rail where together they are more than a gap."""
    empty = sum(len(fault.cells) for fault in faults if fault.cause == "gap_in_wire")
    if empty <= _SHORT_GAP:
        return tuple(faults)
    return tuple(
        replace(fault, cause="missing_rail") if fault.cause == "gap_in_wire" else fault
        for fault in faults
    )
