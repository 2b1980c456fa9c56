"""A picture of a circuit: isometric, with lamps and dust as they are at a moment of the press."""

import os
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from diagnose.env import parts
from diagnose.env.blocks import Pos, name_of, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import sides_of
from diagnose.env.engine import states_at
from diagnose.env.iso import Sheet
from diagnose.env.trace import Time

_BACK = (24, 27, 34)
_TILES = ((60, 66, 78), (55, 61, 72))
_GRID = (72, 79, 93)
_FLOOR_SIDES = ((40, 44, 54), (33, 37, 45))
_INK = (236, 239, 245)
_FAINT = (148, 156, 172)
_WIDEST_PX = 1500
_LARGEST_UNIT_PX = 30.0
_SMALLEST_AREA = 33
_LABEL_SIZE = 0.46  # half-tiles
_AXIS_SIZE = 0.6


def draw(
    circuit: Circuit,
    path: str | os.PathLike[str],
    trace_at_rt: Time | None = None,
    title: str = "",
) -> None:
    """Write a PNG of the circuit, settled, or ``trace_at_rt`` redstone ticks after its press."""
    render(circuit, trace_at_rt, title).save(Path(path), format="PNG", optimize=True)


def render(circuit: Circuit, trace_at_rt: Time | None = None, title: str = "") -> Image.Image:
    """Return the picture that ``draw`` writes, for films and notebooks."""
    side = max(_SMALLEST_AREA, *(max(x, z) + 1 for x, _, z in circuit.blocks))
    states = states_at(circuit, side, trace_at_rt)
    low = (min(x for x, _, _ in states) - 1, min(z for _, _, z in states) - 1)
    high = (max(x for x, _, _ in states) + 2, max(z for _, _, z in states) + 2)
    top = max(y for _, y, _ in states) + 1
    across = high[0] - low[0] + high[1] - low[1]
    unit = min(_LARGEST_UNIT_PX, _WIDEST_PX / across)
    sheet = Sheet(
        (low[0], 0.55, low[1]), (high[0], top, high[1]), unit, (44, 62 if title else 46, 46), _BACK
    )
    _floor(sheet, low, high)
    for pos in sorted(states, key=lambda cell: (cell[1], cell[0] + cell[2])):
        _block(sheet, circuit, states, pos)
    _captions(sheet, states, trace_at_rt, title)
    return sheet.finished()


def _floor(sheet: Sheet, low: tuple[int, int], high: tuple[int, int]) -> None:
    """Draw the checked floor with its thickness, and its coordinates along the two near edges."""
    (left, back), (right, front) = low, high
    for x in range(left, right):
        for z in range(back, front):
            corners = [(x, 1.0, z), (x + 1, 1.0, z), (x + 1, 1.0, z + 1), (x, 1.0, z + 1)]
            sheet.polygon(corners, _TILES[(x + z) % 2], edge=_GRID)
    depth = 0.55
    sheet.polygon(
        [(left, 1, front), (right, 1, front), (right, depth, front), (left, depth, front)],
        _FLOOR_SIDES[0],
    )
    sheet.polygon(
        [(right, 1, front), (right, 1, back), (right, depth, back), (right, depth, front)],
        _FLOOR_SIDES[1],
    )
    step = 1 if max(right - left, front - back) <= 14 else 4
    for x in range(left + 1, right - 1):
        if x % step == 0:
            sheet.text((x + 0.5, 1.0, front - 0.5), str(x), _FAINT, _LABEL_SIZE)
    for z in range(back + 1, front - 1):
        if z % step == 0:
            sheet.text((right - 0.5, 1.0, z + 0.5), str(z), _FAINT, _LABEL_SIZE)
    sheet.text((left + 0.5, 1.0, front - 0.5), "x", _INK, _AXIS_SIZE)
    sheet.text((right - 0.5, 1.0, back + 0.5), "z", _INK, _AXIS_SIZE)


def _block(sheet: Sheet, circuit: Circuit, states: Mapping[Pos, str], pos: Pos) -> None:
    state = states[pos]
    name, props = name_of(state), props_of(state)
    if name == "redstone_wire":
        parts.dust(sheet, pos, sides_of(circuit.blocks, pos), int(props["power"]))
    elif name in ("repeater", "comparator"):
        parts.plate(sheet, pos, props)
    elif name in ("redstone_torch", "redstone_wall_torch"):
        parts.torch(sheet, pos, props)
    elif name == "stone_button":
        parts.button(sheet, pos, props, chosen=pos == circuit.press)
    else:
        parts.cube(sheet, pos, name, props)


def _captions(sheet: Sheet, states: Mapping[Pos, str], at_rt: Time | None, title: str) -> None:
    lamps = [state for state in states.values() if name_of(state) == "redstone_lamp"]
    lit = sum(props_of(state)["lit"] == "true" for state in lamps)
    when = "before the press" if at_rt is None else f"t = {at_rt} rt"
    if title:
        sheet.caption("left", title, _INK, 20, 28)
    sheet.caption("left", f"{when}   {lit} of {len(lamps)} lamps lit", _FAINT, 14, -22)
