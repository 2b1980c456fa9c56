"""A circuit as an isometric scene: drawn whole, or only where something has changed."""

import math
from collections.abc import Iterable, Mapping

from PIL import Image

from diagnose.env import parts
from diagnose.env.blocks import Pos, name_of, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import sides_of
from diagnose.env.flat import FAINT, INK
from diagnose.env.iso import HEIGHT, Box, Point, Sheet

_TILES = ((60, 66, 78), (55, 61, 72))
_GRID = (72, 79, 93)
_FLOOR_SIDES = ((40, 44, 54), (33, 37, 45))
_DEPTH = 0.55  # of the floor's rim below its surface at y = 1
_MOST_TILES = 80  # along an edge; beyond, the floor is one plain field
_LARGEST_UNIT_PX = 30.0
_LABEL_PX = 13.0
_LABEL_SIZE = 0.46  # half-tiles
_AXIS_SIZE = 0.6
_OVERHANG = 0.5  # half-tiles by which a part may be drawn beyond its cell
_OPAQUE = frozenset({"stone", "target", "redstone_lamp", "redstone_block", "observer"})
_FULL_LIGHT = ("east", "south", "up")


class Scene:
    """The picture of one circuit, ``widest_px`` wide at most, in any of its states."""

    def __init__(self, circuit: Circuit, states: Mapping[Pos, str], widest_px: int) -> None:
        self._circuit = circuit
        self.states = dict(states)
        blocks = circuit.blocks
        self._opaque = {pos for pos, state in blocks.items() if name_of(state) in _OPAQUE}
        self._sides = {pos: sides_of(blocks, pos) for pos in circuit.cells("redstone_wire")}
        self._hidden = {pos for pos in self._sides if self._is_hidden(pos)}
        # One layer after the other, and within it from the back to the front.
        visible = (pos for pos in blocks if not self._is_walled_in(pos))
        self._order = sorted(visible, key=lambda pos: (pos[1], pos[0] + pos[2]))
        low = (min(x for x, _, _ in blocks) - 1, min(z for _, _, z in blocks) - 1)
        high = (max(x for x, _, _ in blocks) + 2, max(z for _, _, z in blocks) + 2)
        across = high[0] - low[0] + high[1] - low[1]
        rim = [
            (x, y, z) for x in (low[0], high[0]) for y in (1, 1 - _DEPTH) for z in (low[1], high[1])
        ]
        tops = [(x, y + 1, z) for x, y, z in blocks]
        unit = min(_LARGEST_UNIT_PX, widest_px / across)
        self._sheet = Sheet([*rim, *tops], unit, (44, 40, 18))
        _floor(self._sheet, low, high)
        self._ground = self._sheet.window((0, 0, *self._sheet.image.size))
        self._draw(self._sheet, self._order)

    def place(self, pos: Pos) -> tuple[int, int]:
        """Return the pixel of the middle of a cell's upper side in the picture."""
        across, down = self._sheet.at((pos[0] + 0.5, pos[1] + 1, pos[2] + 0.5))
        return (int(across / self._sheet.scale), int(down / self._sheet.scale))

    def change(self, changed: Mapping[Pos, str]) -> None:
        """Take in new states, and draw again where they are seen."""
        seen = [pos for pos, state in changed.items() if self.states[pos] != state]
        self.states.update(changed)
        if not seen:
            return
        box = self._around(seen)
        # Pillow rounds places left of and above a picture otherwise: so nothing is drawn there.
        room = math.ceil(4 * self._sheet.unit)
        wide = (max(0, box[0] - room), max(0, box[1] - room), box[2], box[3])
        part = self._ground.window(wide)
        self._draw(part, (pos for pos in self._order if _meet(self._around([pos]), box)))
        self._sheet.lay(part, wide, box)

    def picture(self) -> Image.Image:
        """Return the picture of the present states."""
        return self._sheet.finished()

    def _draw(self, sheet: Sheet, cells: Iterable[Pos]) -> None:
        hidden = []
        for pos in cells:
            self._block(sheet, pos)
            if pos in self._hidden:
                hidden.append(pos)
        for pos in hidden:
            power = int(props_of(self.states[pos])["power"])
            parts.hidden_dust(sheet, pos, self._sides[pos], power)

    def _block(self, sheet: Sheet, pos: Pos) -> None:
        state = self.states[pos]
        name, props = name_of(state), props_of(state)
        if name == "redstone_wire":
            parts.dust(sheet, pos, self._sides[pos], int(props["power"]))
        elif name in ("repeater", "comparator"):
            parts.plate(sheet, pos, props)
        elif name in ("redstone_torch", "redstone_wall_torch"):
            parts.torch(sheet, pos, props)
        elif name == "stone_button":
            parts.button(sheet, pos, props, chosen=pos == self._circuit.press)
        else:
            parts.cube(sheet, pos, name, props)

    def _around(self, cells: Iterable[Pos]) -> Box:
        """Return the part of the sheet that some cells are drawn on."""
        lefts, tops, rights, bottoms = [], [], [], []
        unit = self._sheet.unit
        for x, y, z in cells:
            across, down = self._sheet.at((x + 0.5, y + 0.5, z + 0.5))
            lefts.append(across - unit * (1 + _OVERHANG))
            rights.append(across + unit * (1 + _OVERHANG))
            tops.append(down - unit * (0.5 + HEIGHT / 2 + _OVERHANG))
            bottoms.append(down + unit * (0.5 + HEIGHT / 2 + _OVERHANG))
        wide, high = self._sheet.image.size
        return (
            max(0, math.floor(min(lefts))),
            max(0, math.floor(min(tops))),
            min(wide, math.ceil(max(rights))),
            min(high, math.ceil(max(bottoms))),
        )

    def _is_walled_in(self, pos: Pos) -> bool:
        """Return whether full blocks cover all three sides that look at the viewer."""
        x, y, z = pos
        return {(x + 1, y, z), (x, y, z + 1), (x, y + 1, z)} <= self._opaque

    def _is_hidden(self, pos: Pos) -> bool:
        """Return whether a full block hides the middle of a cell's floor from the viewer."""
        x, y, z = pos
        for step in range(1, 100):
            rise = step / 20
            along = rise * HEIGHT  # a ray to the viewer: as far to the east as to the south
            cell = (
                math.floor(x + 0.5 + along),
                math.floor(y + 0.02 + rise),
                math.floor(z + 0.5 + along),
            )
            if cell in self._opaque:
                return True
        return False


def _meet(first: Box, second: Box) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )


def _floor(sheet: Sheet, low: tuple[int, int], high: tuple[int, int]) -> None:
    """Draw the checked floor with its thickness, and its coordinates along the two near edges."""
    (left, back), (right, front) = low, high
    if max(right - left, front - back) <= _MOST_TILES:
        for x in range(left, right):
            for z in range(back, front):
                corners = [(x, 1.0, z), (x + 1, 1.0, z), (x + 1, 1.0, z + 1), (x, 1.0, z + 1)]
                sheet.polygon(corners, _TILES[(x + z) % 2], edge=_GRID)
    else:
        whole: list[Point] = [
            (left, 1, back),
            (right, 1, back),
            (right, 1, front),
            (left, 1, front),
        ]
        sheet.polygon(whole, _TILES[0])
    depth = 1 - _DEPTH
    sheet.polygon(
        [(left, 1, front), (right, 1, front), (right, depth, front), (left, depth, front)],
        _FLOOR_SIDES[0],
    )
    sheet.polygon(
        [(right, 1, front), (right, 1, back), (right, depth, back), (right, depth, front)],
        _FLOOR_SIDES[1],
    )
    size = max(_LABEL_SIZE, _LABEL_PX * sheet.scale / sheet.unit)
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128) if step >= 2.2 * size or step == 128)
    for x in range(left + 1, right - 1):
        if x % step == 0:
            sheet.text((x + 0.5, 1.0, front - 0.5), str(x), FAINT, size)
    for z in range(back + 1, front - 1):
        if z % step == 0:
            sheet.text((right - 0.5, 1.0, z + 0.5), str(z), FAINT, size)
    size = max(_AXIS_SIZE, size)
    sheet.text((left + 0.5, 1.0, front - 0.5), "x", INK, size)
    sheet.text((right - 0.5, 1.0, back + 0.5), "z", INK, size)
