"""A device as it rests before the press: what must be in a file that is pasted without updates."""

from collections.abc import Mapping
from dataclasses import dataclass

from diagnose.env.blocks import HORIZONTAL, Pos, block_text, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import DUST, sides_of
from diagnose.env.engine import comparator_outputs, states_at
from diagnose.env.exchange.cells import less


@dataclass(frozen=True)
class Rest:
    """Every block's state, and the strength that each comparator gives (the game keeps it apart).

    Power is the engine's; the shape of dust is ours, for the engine shows it only later.
    """

    states: Mapping[Pos, str]
    outputs: Mapping[Pos, int]


def at_rest(circuit: Circuit, low: Pos, high: Pos) -> Rest:
    """Return the device at rest; ``low`` and ``high`` bound its blocks."""
    edge = (low[0], 0, low[2])  # in a world as wide as the device
    side = max(high[0] - low[0], high[2] - low[2]) + 1
    alone = Circuit(
        {less(pos, edge): state for pos, state in circuit.blocks.items()},
        less(circuit.press, edge),
    )
    settled = states_at(alone, side)
    states = {pos: settled[less(pos, edge)] for pos in circuit.blocks}
    for pos in circuit.cells(DUST):
        shape = {**dict.fromkeys(HORIZONTAL, "none"), **sides_of(circuit.blocks, pos)}
        states[pos] = block_text(DUST, {**shape, "power": props_of(states[pos])["power"]})
    given = comparator_outputs(alone, side)
    return Rest(states, {pos: given[less(pos, edge)] for pos in circuit.cells("comparator")})
