"""How each block looks on a plan: one sign per cell, seen from above."""

from collections.abc import Mapping

from diagnose.env.blocks import OFFSETS, name_of, props_of
from diagnose.env.flat import (
    BACK,
    CHOSEN,
    DARK,
    INK,
    LIT,
    PANEL,
    Colour,
    Flat,
    Place,
    blend,
    dust_colour,
)

_STONE = (139, 144, 153)
_GLASS = (128, 170, 182)
_PLATE = (186, 189, 196)
_RED = (206, 40, 28)
_ON = (255, 84, 60)
_OFF = (112, 34, 32)
_PALE = (236, 224, 212)
_OBSERVER = (84, 88, 96)
_BUTTON = (158, 163, 172)
_WOOD = (140, 104, 62)
_LEAST_DETAIL_PX = 9  # smaller cells are filled with their block's colour
_LEAST_DIGIT_PX = 20
_FILLS: Mapping[str, Colour] = {
    "stone": _STONE,
    "glass": _GLASS,
    "redstone_block": _RED,
    "observer": _OBSERVER,
    "target": _PALE,
    "repeater": _PLATE,
    "comparator": _PLATE,
}


def draw(
    flat: Flat,
    corner: Place,
    size: float,
    state: str,
    sides: Mapping[str, str],
    *,
    chosen: bool,
) -> None:
    """Draw one block into the cell at ``corner``; ``sides`` are those its dust connects to."""
    name, props = name_of(state), props_of(state)
    cell = _Cell(flat, corner, size)
    if size < _LEAST_DETAIL_PX:
        cell.box(0, 1, _plain(name, props, chosen=chosen))
    elif name == "redstone_wire":
        _dust(cell, sides, int(props["power"]))
    elif name in ("repeater", "comparator"):
        _plate(cell, props)
    elif name in ("redstone_torch", "redstone_wall_torch"):
        _torch(cell, props)
    elif name == "stone_button":
        _button(cell, props, chosen=chosen)
    elif name == "redstone_lamp":
        _lamp(cell, lit=props["lit"] == "true")
    elif name == "observer":
        _observer(cell, props)
    elif name == "glass":
        cell.box(0.06, 0.94, blend(PANEL, _GLASS, 0.35), edge=_GLASS)
        cell.line((0.25, 0.5), (0.5, 0.25), _GLASS, 0.06)
    else:
        cell.box(0.03, 0.97, _FILLS[name])
        if name == "target":
            for inset, ring in ((0.17, _RED), (0.31, _PALE), (0.42, _RED)):
                cell.box(inset, 1 - inset, ring)
        elif name == "redstone_block":
            cell.box(0.25, 0.75, blend(_RED, INK, 0.2))


class _Cell:
    """One cell of a plan; points are given as shares of its size."""

    def __init__(self, flat: Flat, corner: Place, size: float) -> None:
        self.flat, self.size = flat, size
        self._corner = corner

    def at(self, across: float, down: float) -> Place:
        return (self._corner[0] + across * self.size, self._corner[1] + down * self.size)

    def box(self, low: float, high: float, fill: Colour, *, edge: Colour | None = None) -> None:
        thick = max(1.0, self.size * 0.05)
        self.flat.box(self.at(low, low), self.at(high, high), fill, edge=edge, thick=thick)

    def line(self, start: Place, end: Place, fill: Colour, thick: float) -> None:
        self.flat.line([self.at(*start), self.at(*end)], fill, thick * self.size)

    def disc(self, centre: Place, radius: float, fill: Colour) -> None:
        self.flat.disc(self.at(*centre), radius * self.size, fill)

    def arrow(self, facing: str, fill: Colour, start: float, wide: float = 0.24) -> None:
        """Draw a triangle from ``start`` before the middle, away from ``facing``."""
        dx, _, dz = OFFSETS[facing]
        foot = (0.5 + dx * start, 0.5 + dz * start)
        self.flat.polygon(
            [
                self.at(0.5 - dx * 0.44, 0.5 - dz * 0.44),
                self.at(foot[0] + dz * wide, foot[1] + dx * wide),
                self.at(foot[0] - dz * wide, foot[1] - dx * wide),
            ],
            fill,
        )


def _plain(name: str, props: Mapping[str, str], *, chosen: bool) -> Colour:
    """Return the one colour of a block in a cell too small for a sign."""
    if name == "redstone_wire":
        return dust_colour(int(props["power"]))
    if name == "redstone_lamp":
        return LIT if props["lit"] == "true" else DARK
    if name == "stone_button":
        return CHOSEN if chosen else _BUTTON
    if name in ("redstone_torch", "redstone_wall_torch"):
        return _ON if props["lit"] == "true" else _OFF
    return _FILLS[name]


def _dust(cell: _Cell, sides: Mapping[str, str], power: int) -> None:
    colour = dust_colour(power)
    for side, shape in sides.items():
        dx, _, dz = OFFSETS[side]
        end = (0.5 + dx * 0.5, 0.5 + dz * 0.5)
        cell.line((0.5, 0.5), end, colour, 0.24)
        if shape == "up":  # a bar across the edge where dust climbs
            cell.line(
                (end[0] - dx * 0.06 + dz * 0.3, end[1] - dz * 0.06 + dx * 0.3),
                (end[0] - dx * 0.06 - dz * 0.3, end[1] - dz * 0.06 - dx * 0.3),
                colour,
                0.12,
            )
    cell.disc((0.5, 0.5), 0.2 if len(sides) > 2 else 0.12, colour)
    if power and cell.size >= _LEAST_DIGIT_PX:
        cell.disc((0.5, 0.5), 0.31, colour)
        cell.flat.text(cell.at(0.5, 0.5), str(power), INK, cell.size * 0.42)


def _plate(cell: _Cell, props: Mapping[str, str]) -> None:
    cell.box(0.04, 0.96, _PLATE)
    on = props["powered"] == "true"
    cell.arrow(props["facing"], _ON if on else _OFF, 0.0)
    dx, _, dz = OFFSETS[props["facing"]]
    if props.get("locked") == "true":
        cell.line((0.5 + dz * 0.4, 0.5 + dx * 0.4), (0.5 - dz * 0.4, 0.5 - dx * 0.4), BACK, 0.1)
    setting = props.get("delay") or ("S" if props["mode"] == "subtract" else "C")
    at = cell.at(0.5 + dx * 0.24, 0.5 + dz * 0.24)
    cell.flat.text(at, setting, BACK, max(cell.size * 0.46, 8))


def _torch(cell: _Cell, props: Mapping[str, str]) -> None:
    on = props["lit"] == "true"
    dx, _, dz = OFFSETS[props["facing"]] if "facing" in props else (0, 0, 0)
    head = (0.5 - dx * 0.1, 0.5 - dz * 0.1)
    if dx or dz:
        cell.line((0.5 - dx * 0.5, 0.5 - dz * 0.5), head, _WOOD, 0.16)
    cell.disc(head, 0.26, _WOOD)
    cell.disc(head, 0.19, _ON if on else _OFF)


def _button(cell: _Cell, props: Mapping[str, str], *, chosen: bool) -> None:
    colour = CHOSEN if chosen else _BUTTON
    dx, _, dz = OFFSETS[props["facing"]] if props["face"] == "wall" else (0, 0, 0)
    low, high = (
        cell.at(0.24 - dx * 0.24, 0.24 - dz * 0.24),
        cell.at(0.76 - dx * 0.24, 0.76 - dz * 0.24),
    )
    if chosen:
        cell.disc((0.5, 0.5), 0.47, blend(CHOSEN, BACK, 0.65))
    cell.flat.box(low, high, colour, radius=cell.size * 0.08)


def _lamp(cell: _Cell, *, lit: bool) -> None:
    fill = LIT if lit else DARK
    core = blend(LIT, INK, 0.65) if lit else blend(DARK, (170, 116, 70), 0.45)
    cell.box(0.03, 0.97, fill)
    cell.box(0.22, 0.78, core)


def _observer(cell: _Cell, props: Mapping[str, str]) -> None:
    cell.box(0.03, 0.97, _OBSERVER)
    colour = _ON if props["powered"] == "true" else _OFF
    facing = props["facing"]
    if facing == "up":
        for across in (0.34, 0.66):
            cell.disc((across, 0.5), 0.1, INK)
    elif facing == "down":
        cell.disc((0.5, 0.5), 0.18, colour)
    else:
        dx, _, dz = OFFSETS[facing]
        for side in (0.2, -0.2):
            cell.disc((0.5 + dx * 0.34 + dz * side, 0.5 + dz * 0.34 + dx * side), 0.09, INK)
        cell.line((0.5 + dx * 0.2, 0.5 + dz * 0.2), (0.5, 0.5), INK, 0.1)
        cell.arrow(facing, colour, -0.05, 0.2)
