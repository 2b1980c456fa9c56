"""The least repair of a fault, as edits of a circuit; the simulator says whether it helps."""

from collections.abc import Iterable, Mapping

from diagnose.env.blocks import (
    AIR,
    HORIZONTAL,
    OPPOSITE,
    STONE,
    Pos,
    is_full,
    moved,
    name_of,
    parse_block,
    props_of,
)
from diagnose.env.circuit import LAYERS, Circuit, unsupported
from diagnose.env.dust import DUST
from diagnose.env.faults import Fault
from diagnose.env.intent import lockers
from diagnose.env.trace import Trace

Edits = Mapping[Pos, str]  # cell -> what is to stand there; air empties it
_DUST = parse_block(DUST)
LAMP = parse_block("redstone_lamp")


def repaired(circuit: Circuit, edits: Edits, area_side: int) -> Circuit | None:
    """Return the circuit with edits applied, or None where the game would not let it stand."""
    blocks = dict(circuit.blocks)
    for pos, state in edits.items():
        x, y, z = pos
        if not (0 <= x < area_side and 1 <= y <= LAYERS and 0 <= z < area_side):
            return None
        if state == AIR:
            blocks.pop(pos, None)
        else:
            blocks[pos] = state
    if circuit.press not in blocks or unsupported(blocks, area_side):
        return None
    return Circuit(blocks, circuit.press)


def edits_for(fault: Fault, circuit: Circuit, trace: Trace) -> Edits:
    """Return the edits that repair one fault; empty where no small one is known."""
    blocks = circuit.blocks
    edits: Edits = {}
    match fault.cause:
        case "gap_in_wire" | "diagonal_gap" | "no_wire_to_lamp" | "missing_rail":
            edits = _filled(fault.cells, blocks)
        case "repeater_backwards":
            edits = _turned(fault.at, blocks)
        case "non_conductor" if name_of(blocks.get(fault.at, AIR)) == "glass":
            edits = {fault.at: STONE}
        case "dust_passes_lamp" | "dust_turned_away":
            edits = _pointed(fault, circuit, trace)
        case "lamp_above_powered_block" if moved(fault.towards, "down") not in blocks:
            edits = {fault.towards: AIR, moved(fault.towards, "down"): LAMP}
        case "signal_died":
            edits = _regenerated(fault.at, circuit, trace)
        case "slope_cut":
            edits = {fault.at: AIR}
        case "weak_power":
            edits = _wired(fault.at, blocks)
        case "repeater_locked":
            edits = dict.fromkeys(lockers(blocks, fault.at), AIR)
    return edits


def _filled(cells: Iterable[Pos], blocks: Mapping[Pos, str]) -> Edits:
    edits: dict[Pos, str] = {}
    for pos in cells:
        edits[pos] = _DUST
        below = moved(pos, "down")
        if below[1] > 0 and below not in blocks:
            edits[below] = STONE
    return edits


def _turned(pos: Pos, blocks: Mapping[Pos, str]) -> Edits:
    state = blocks[pos]
    facing = props_of(state)["facing"]
    return {pos: state.replace(f"facing={facing}", f"facing={OPPOSITE[facing]}")}


def _wired(pos: Pos, blocks: Mapping[Pos, str]) -> Edits:
    """Put dust in the place of a block that nothing hangs on."""
    return {} if moved(pos, "up") in blocks or not _carried(pos, blocks) else {pos: _DUST}


def _pointed(fault: Fault, circuit: Circuit, trace: Trace) -> Edits:
    """Take away what turns dust from a lamp, or lead a stub to a lamp moved one further."""
    dust, lamp = fault.at, fault.towards
    blocks = circuit.blocks
    direction = next((d for d in HORIZONTAL if moved(dust, d) == lamp), None)
    if direction is None or name_of(blocks.get(lamp, AIR)) != "redstone_lamp":
        return {}
    if fault.cause == "dust_turned_away":
        sides = trace.dust[dust].sides
        turning = [moved(dust, d) for d in sides if d not in (direction, OPPOSITE[direction])]
        if all(name_of(blocks.get(pos, AIR)) == DUST for pos in turning):
            return dict.fromkeys(turning, AIR)
    beyond = moved(lamp, direction)
    if beyond in blocks or not _carried(lamp, blocks):
        return {}
    return {lamp: _DUST, beyond: LAMP}


def _carried(pos: Pos, blocks: Mapping[Pos, str]) -> bool:
    below = moved(pos, "down")
    return below[1] == 0 or is_full(blocks.get(below, AIR))


def _regenerated(dead: Pos, circuit: Circuit, trace: Trace) -> Edits:
    """Put a repeater into the last straight piece of the wire before the signal dies."""
    blocks = circuit.blocks
    at = dead
    for _ in range(16):
        power = trace.dust[at].peak if at in trace.dust else 0
        before = next(
            (
                moved(at, d)
                for d in HORIZONTAL
                if (one := trace.dust.get(moved(at, d))) and one.peak == power + 1
            ),
            None,
        )
        if before is None:
            return {}
        direction = next(d for d in HORIZONTAL if moved(before, d) == at)
        ahead = moved(at, direction)
        if set(trace.dust[at].sides) == {direction, OPPOSITE[direction]} and (
            name_of(blocks.get(ahead, AIR)) == DUST
        ):
            return {at: parse_block(f"repeater[facing={OPPOSITE[direction]}]")}
        at = before
    return {}
