"""A picture of a circuit: isometric, with lamps and dust as they are at a moment of the press."""

import os
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from diagnose.env.blocks import Pos, name_of, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.engine import states_at
from diagnose.env.flat import INK, Flat, save_png, stacked
from diagnose.env.legend import strip
from diagnose.env.scene import Scene
from diagnose.env.trace import Time

_SMALLEST_AREA = 33
_WIDEST_PX = 1500
_MANY_COLUMNS, _WIDEST_OF_MANY_PX = 90, 2100  # a large device is drawn larger, to stay readable


def draw(
    circuit: Circuit,
    path: str | os.PathLike[str],
    trace_at_rt: Time | None = None,
    title: str = "",
) -> None:
    """Write a PNG of the circuit, settled, or ``trace_at_rt`` redstone ticks after its press."""
    save_png(render(circuit, trace_at_rt, title), Path(path))


def render(circuit: Circuit, trace_at_rt: Time | None = None, title: str = "") -> Image.Image:
    """Return the picture that ``draw`` writes, for sheets and notebooks."""
    states = states_at(circuit, area_of(circuit), trace_at_rt)
    scene = Scene(circuit, states, widest_px(circuit))
    return framed(scene.picture(), states, moment(states, trace_at_rt), title)


def area_of(circuit: Circuit) -> int:
    """Return the side of an area that holds the circuit, at least a published task's."""
    return max(_SMALLEST_AREA, *(max(x, z) + 1 for x, _, z in circuit.blocks))


def widest_px(circuit: Circuit) -> int:
    """Return how wide a circuit's picture may be."""
    columns = sum(
        max(pos[axis] for pos in circuit.blocks) - min(pos[axis] for pos in circuit.blocks) + 3
        for axis in (0, 2)
    )
    return _WIDEST_PX if columns < _MANY_COLUMNS else _WIDEST_OF_MANY_PX


def moment(states: Mapping[Pos, str], at_rt: Time | None) -> str:
    """Return the caption of a moment: ``t = 4 rt,  16 of 64 lamps lit``."""
    lit, lamps = lit_of(states)
    return f"{clock(at_rt)},  {lit} of {lamps} lamps lit"


def clock(at_rt: Time | None) -> str:
    """Return a moment's name."""
    return "before the press" if at_rt is None else f"t = {at_rt:g} rt"


def lit_of(states: Mapping[Pos, str]) -> tuple[int, int]:
    """Return how many lamps are lit, and how many there are."""
    lamps = [state for state in states.values() if name_of(state) == "redstone_lamp"]
    return sum(props_of(state)["lit"] == "true" for state in lamps), len(lamps)


def framed(
    image: Image.Image, states: Mapping[Pos, str], said: str, title: str = ""
) -> Image.Image:
    """Return a picture with its title above and its legend below."""
    rows = [image, strip(image.width, said, states.values())]
    if title:
        rows.insert(0, heading(image.width, title))
    return stacked(rows)


def heading(width: int, title: str, right: str = "") -> Image.Image:
    """Return a title as a row, and what is to stand at its right end."""
    flat = Flat(width, 40)
    flat.text((18, 24), title, INK, 20, anchor="lm")
    flat.text((width - 18, 24), right, INK, 20, anchor="rm")
    return flat.finished()
