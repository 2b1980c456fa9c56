"""Why two engines part over a circuit, found by experiment.

A class of parts is the cause when the engines agree once those parts are made inert: taken away,
or, where they fill their cell, replaced by glass. The classes are tried in order, alone first, then
together. What is left depends on the order of simultaneous changes if one engine contradicts
itself: on the same circuit turned or mirrored, which the rules of the game do not tell apart.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from diagnose.env import engine, mchprs
from diagnose.env.blocks import (
    AIR,
    HORIZONTAL,
    OPPOSITE,
    Pos,
    block_text,
    conducts,
    is_full,
    moved,
    name_of,
    parse_block,
    props_of,
)
from diagnose.env.circuit import Circuit, unsupported
from diagnose.env.trace import Interval, Trace
from diagnose.fidelity.loops import on_loops

UNSETTLED = "never settles"
WITHIN = "within one tick"
TOGETHER = "several of these together"
ORDER = "update order"
UNCLASSIFIED = "unclassified"
_GLASS = parse_block("glass")
_Lamps = Mapping[Pos, tuple[Interval, ...]]


def _observers(circuit: Circuit) -> Iterable[Pos]:
    return circuit.cells("observer")


def _torches_on_lamps(circuit: Circuit) -> Iterable[Pos]:
    lamps = set(circuit.cells("redstone_lamp"))
    return [pos for pos in circuit.cells("redstone_torch") if moved(pos, "down") in lamps]


def _comparator_sides(circuit: Circuit) -> Iterator[Pos]:
    """Yield comparators with a torch, a button or a conductor at a side."""
    for pos in circuit.cells("comparator"):
        facing = props_of(circuit.blocks[pos])["facing"]
        beside = (moved(pos, side) for side in HORIZONTAL if side not in (facing, OPPOSITE[facing]))
        states = [circuit.blocks[cell] for cell in beside if cell in circuit.blocks]
        if any(conducts(state) or name_of(state) in _SIDE_SOURCES for state in states):
            yield pos


def _locks(circuit: Circuit) -> Iterator[Pos]:
    """Yield diodes that give into the side of a repeater."""
    for pos in (*circuit.cells("repeater"), *circuit.cells("comparator")):
        facing = props_of(circuit.blocks[pos])["facing"]
        ahead = circuit.blocks.get(moved(pos, facing, -1), AIR)
        if name_of(ahead) == "repeater" and props_of(ahead)["facing"] not in (
            facing,
            OPPOSITE[facing],
        ):
            yield pos


_SIDE_SOURCES = ("redstone_torch", "redstone_wall_torch", "stone_button")

CAUSES: Mapping[str, Callable[[Circuit], Iterable[Pos]]] = {
    "observer": _observers,
    "torch on a lamp": _torches_on_lamps,
    "side of a comparator": _comparator_sides,
    "lock": _locks,
    "feeds itself": on_loops,
    "comparator": lambda circuit: circuit.cells("comparator"),
}
ABOUT: Mapping[str, str] = {
    UNSETTLED: "in one of the engines the circuit is moving before the press, or to the end",
    WITHIN: "a lamp changes and changes back within a tick; MCHPRS is read once a tick, so it is "
    "not seen there",
    "observer": "MCHPRS has no observers: to it they are blocks that conduct",
    "torch on a lamp": "MCHPRS lets a torch light the lamp it stands on",
    "side of a comparator": "the tick engine takes a torch, a button or a powered block at a "
    "comparator's side for a signal; the game and MCHPRS do not",
    "lock": "a repeater that another locks: what it holds before the press was left by the "
    "building",
    "feeds itself": "a part whose output can come back to it; MCHPRS cuts some such loops, and "
    "what is stable depends on the order of changes",
    "comparator": "the engines agree once the comparators are gone, whatever stands at their sides",
    TOGETHER: "no one of the above alone, but all of them up to some point of this list",
    ORDER: "an engine contradicts itself on the circuit turned or mirrored",
    UNCLASSIFIED: "none of these",
}


def pressed(circuit: Circuit, side: int, watch_rt: int) -> tuple[Trace, Trace]:
    """Return what the tick engine and MCHPRS see."""
    return engine.press(circuit, side, watch_rt), mchprs.press(circuit, side, watch_rt)


def agree(tick: Trace, other: Trace) -> bool:
    """Return whether every lamp was lit at the same times, and before the press too."""
    return tick.lamps == other.lamps and tick.lit_before == other.lit_before


def classify(circuit: Circuit, side: int, watch_rt: int) -> str:
    """Return the class of a disagreement."""
    traces = pressed(circuit, side, watch_rt)
    if not all(trace.settled and trace.quiet for trace in traces):
        return UNSETTLED
    if _joined(traces[0]) == _joined(traces[1]):
        return WITHIN
    suspects = {name: frozenset(found(circuit)) for name, found in CAUSES.items()}

    def cleared(cells: frozenset[Pos]) -> bool:
        return bool(cells) and agree(*pressed(without(circuit, cells, side), side, watch_rt))

    for name, cells in suspects.items():
        if cleared(cells):
            return name
    if _order_matters(circuit, side, watch_rt):
        return ORDER
    together: frozenset[Pos] = frozenset()
    for cells in suspects.values():
        together |= cells
        if cleared(together):
            return TOGETHER
    return UNCLASSIFIED


def _joined(trace: Trace) -> tuple[object, ...]:
    """Return the lamps' times as if what changes back within the same tick had not changed."""
    lamps: dict[Pos, list[Interval]] = {}
    for pos, intervals in trace.lamps.items():
        kept: list[Interval] = []
        for lit in intervals:
            if kept and kept[-1].fall_rt == lit.rise_rt:
                kept[-1] = Interval(kept[-1].rise_rt, lit.fall_rt)
            elif lit.fall_rt != lit.rise_rt:
                kept.append(lit)
        lamps[pos] = kept
    return lamps, trace.lit_before


def without(circuit: Circuit, cells: Iterable[Pos], side: int) -> Circuit:
    """Return the circuit with parts made inert; what hung on them falls."""
    blocks = dict(circuit.blocks)
    for pos in cells:
        if is_full(blocks[pos]):
            blocks[pos] = _GLASS
        else:
            del blocks[pos]
    while loose := unsupported(blocks, side):
        for pos, _ in loose:
            del blocks[pos]
    return Circuit(blocks, circuit.press)


def turned(circuit: Circuit, side: int, quarters: int, *, mirrored: bool) -> Circuit:
    """Return the circuit turned clockwise about the area's middle, and mirrored east to west."""
    blocks = {
        _turn(pos, side, quarters, mirrored=mirrored): _turn_state(
            state, quarters, mirrored=mirrored
        )
        for pos, state in circuit.blocks.items()
    }
    return Circuit(blocks, _turn(circuit.press, side, quarters, mirrored=mirrored))


_CLOCKWISE = ("north", "east", "south", "west")


def _turn(pos: Pos, side: int, quarters: int, *, mirrored: bool) -> Pos:
    x, y, z = pos
    for _ in range(quarters):
        x, z = side - 1 - z, x
    return (side - 1 - x if mirrored else x, y, z)


def _turn_state(state: str, quarters: int, *, mirrored: bool) -> str:
    props = dict(props_of(state))
    facing = props.get("facing")
    if facing in _CLOCKWISE:
        facing = _CLOCKWISE[(_CLOCKWISE.index(facing) + quarters) % 4]
        if mirrored and facing in ("east", "west"):
            facing = OPPOSITE[facing]
        props["facing"] = facing
    return block_text(name_of(state), props)


def _order_matters(circuit: Circuit, side: int, watch_rt: int) -> bool:
    here = [trace.lamps for trace in pressed(circuit, side, watch_rt)]
    for quarters in range(4):
        for mirrored in (False, True):
            there = pressed(turned(circuit, side, quarters, mirrored=mirrored), side, watch_rt)
            for mine, its in zip(here, there, strict=True):
                moved_lamps: _Lamps = {
                    _turn(pos, side, quarters, mirrored=mirrored): lit for pos, lit in mine.items()
                }
                if moved_lamps != its.lamps:
                    return True
    return False
