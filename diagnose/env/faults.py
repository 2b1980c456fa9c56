"""Where a signal stops on its way to what stayed dark: the least repair, found by search.

The trace says which parts the signal reached. From there the search goes on along what the builder
can have meant: what works costs nothing, and each fault on the way (a gap, a repeater that faces
the wrong way, dust that points elsewhere) costs a repair. The cheapest way to a dark lamp names its
faults. A fault of a kind that is on the way already is cheap: misconceptions are repeated.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count, takewhile

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.intent import AIR, LAMP, PART, TURNED, Edge, Held, Intent, Node
from diagnose.env.trace import Trace

_REPAIR, _AGAIN = 1.0, 0.01  # what a repair costs, and another of a kind that is on the way already
_AIR_EXTRA = 0.2  # what is there is sooner wrong than something missing
_SHORT_GAP = 2  # empty cells; a longer stretch was never laid


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


class Search:
    """The search over one circuit and the trace of its press."""

    def __init__(self, circuit: Circuit, trace: Trace, area_side: int) -> None:
        self._intent = Intent(circuit, trace, area_side)
        self._held: dict[Node, Held] = {}

    def faults(self, targets: Iterable[Pos]) -> Mapping[Pos, tuple[Fault, ...]]:
        """Return, for each target that any repair reaches, the faults on its cheapest way."""
        open_targets = set(targets)
        found: dict[Pos, tuple[Fault, ...]] = {}
        self._held = {}
        queue: list[tuple[float, int, int, Node]] = []
        ticket = count()
        for pos, strength in self._intent.sources():
            node = (PART, pos, "")
            self._held[node] = Held(0.0, strength, None, None, frozenset())
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
            for edge in self._intent.edges(node, held):
                if edge.node in closed:
                    continue
                cost = held.cost + self._price(edge, held)
                known = self._held.get(edge.node)
                if known and (known.cost, -known.strength) <= (cost, -edge.strength):
                    continue
                causes = held.causes | {edge.cause} if edge.cause else held.causes
                self._held[edge.node] = Held(cost, edge.strength, node, edge, causes)
                heapq.heappush(queue, (cost, -edge.strength, next(ticket), edge.node))
        return found

    def _price(self, edge: Edge, held: Held) -> float:
        if not edge.cause:
            return edge.extra
        if edge.cause in held.causes:
            return _AGAIN + edge.extra
        return _REPAIR + edge.extra + (_AIR_EXTRA if edge.cause == AIR else 0.0)

    def _way(self, node: Node) -> tuple[Fault, ...]:
        """Return the faults on the way to ``node``, from the button on."""
        steps: list[tuple[Node, Edge]] = []
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

    def _gap(self, steps: list[tuple[Node, Edge]]) -> Fault:
        """Name a stretch of empty cells by its shape and by what lies beyond."""
        run = list(takewhile(lambda step: step[0][0] == AIR, steps))
        cells = tuple(node[1] for node, _ in run)
        beyond = steps[len(run)][0][1]
        start = self._held[steps[0][0]].before
        origin = start[1] if start else cells[0]
        bends = sum(a != b for a, b in zip(origin, beyond, strict=True)) > 1
        if len(cells) == 1 and bends:
            cause = "diagonal_gap"
        elif self._intent.name(beyond) == LAMP:
            cause = "no_wire_to_lamp"
        else:
            cause = "gap_in_wire"
        return Fault(cause, cells[0], beyond, cells)


def _as_rails(faults: list[Fault]) -> tuple[Fault, ...]:
    """Call the gaps of one way a missing rail where together they are more than a gap."""
    empty = sum(len(fault.cells) for fault in faults if fault.cause == "gap_in_wire")
    if empty <= _SHORT_GAP:
        return tuple(faults)
    return tuple(
        replace(fault, cause="missing_rail") if fault.cause == "gap_in_wire" else fault
        for fault in faults
    )
