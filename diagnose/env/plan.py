"""A circuit layer by layer, seen from above: north is up, x to the right, z downwards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import Image

from diagnose.env import glyphs
from diagnose.env.blocks import Pos, is_full, name_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import DUST, sides_of
from diagnose.env.flat import FAINT, GRID, INK, PANEL, Flat, Place, blend, width_of

_WIDEST_PX = 1100  # of one layer
_LARGEST_CELL_PX, _SMALLEST_CELL_PX = 34, 3
_ROW_PX = 2400  # of all layers beside one another; beyond, two and two
_MARGIN = 44
_TITLE = 34
_LABEL = 11.0
_STONE_BELOW = (50, 55, 66)


@dataclass(frozen=True)
class Plan:
    """Where everything of a plan lies. ``layers`` are the heights that hold blocks."""

    layers: tuple[int, ...]
    x: range
    z: range
    cell_px: int
    columns: int  # layers beside one another

    @classmethod
    def of(cls, circuit: Circuit) -> "Plan":
        """Lay out a circuit with one free column around it."""
        layers = tuple(sorted({y for _, y, _ in circuit.blocks}))
        x, z = (
            range(
                min(pos[axis] for pos in circuit.blocks) - 1,
                max(pos[axis] for pos in circuit.blocks) + 2,
            )
            for axis in (0, 2)
        )
        fits = _WIDEST_PX // max(len(x), len(z))
        cell = max(_SMALLEST_CELL_PX, min(_LARGEST_CELL_PX, fits))
        in_one_row = len(layers) * (len(x) * cell + _MARGIN) <= _ROW_PX
        return cls(layers, x, z, cell, len(layers) if in_one_row else min(2, len(layers)))

    @property
    def size(self) -> tuple[int, int]:
        """The plan's width and height in pixels."""
        rows = -(-len(self.layers) // self.columns)
        wide, high = self._panel
        return (self.columns * wide + _MARGIN // 2, rows * high + _MARGIN // 4)

    def corner(self, pos: Pos) -> Place:
        """Return the pixel of the upper left corner of a cell."""
        number = self.layers.index(pos[1])
        wide, high = self._panel
        left = number % self.columns * wide + _MARGIN
        top = number // self.columns * high + _MARGIN // 2 + _TITLE
        across, down = pos[0] - self.x.start, pos[2] - self.z.start
        return (left + across * self.cell_px, top + down * self.cell_px)

    def middle(self, pos: Pos) -> tuple[int, int]:
        """Return the pixel in the middle of a cell."""
        left, top = self.corner(pos)
        return (round(left + self.cell_px / 2), round(top + self.cell_px / 2))

    def marks(self, axis: range) -> Iterator[int]:
        """Yield the coordinates of an axis that are written out, without crowding."""
        longest = max(width_of(str(at), _LABEL) for at in (axis.start, axis.stop))
        steps = (1, 2, 4, 8, 16, 32, 64, 128)
        step = next((one for one in steps if one * self.cell_px >= longest + 8), 128)
        yield from (at for at in axis if at >= 0 and at % step == 0)

    @property
    def _panel(self) -> tuple[int, int]:
        wide = len(self.x) * self.cell_px + _MARGIN
        return (max(wide, 150), len(self.z) * self.cell_px + _MARGIN // 2 + _TITLE)


def render_plan(circuit: Circuit, states: Mapping[Pos, str]) -> Image.Image:
    """Return the plan of a circuit in the states given."""
    plan = Plan.of(circuit)
    flat = Flat(*plan.size)
    for y in plan.layers:
        _panel(flat, plan, y)
    below = {(x, y + 1, z) for (x, y, z), state in circuit.blocks.items() if is_full(state)}
    for pos in below:
        if pos[1] in plan.layers:
            _fill(flat, plan, pos, _STONE_BELOW)
    cell = plan.cell_px
    for pos, state in states.items():
        sides = sides_of(circuit.blocks, pos) if name_of(state) == DUST else {}
        glyphs.draw(flat, plan.corner(pos), cell, state, sides, chosen=pos == circuit.press)
    return flat.finished()


def _panel(flat: Flat, plan: Plan, y: int) -> None:
    """Draw the empty grid of one layer, its title and its coordinates."""
    cell = plan.cell_px
    left, top = plan.corner((plan.x.start, y, plan.z.start))
    right, bottom = left + len(plan.x) * cell, top + len(plan.z) * cell
    flat.box((left, top), (right, bottom), PANEL)
    if cell >= 2 * _SMALLEST_CELL_PX:
        for number in range(len(plan.x) + 1):
            flat.line([(left + number * cell, top), (left + number * cell, bottom)], GRID, 0.7)
        for number in range(len(plan.z) + 1):
            flat.line([(left, top + number * cell), (right, top + number * cell)], GRID, 0.7)
    flat.text((left, top - 34), f"layer y = {y}", INK, 14, anchor="lm")
    for x in plan.marks(plan.x):
        flat.text((left + (x - plan.x.start + 0.5) * cell, top - 9), str(x), FAINT, _LABEL)
    for z in plan.marks(plan.z):
        at = (left - 6, top + (z - plan.z.start + 0.5) * cell)
        flat.text(at, str(z), FAINT, _LABEL, anchor="rm")
    axis = blend(FAINT, INK, 0.6)
    flat.text((right - 2, top - 22), "x", axis, _LABEL + 1, anchor="rm")
    flat.text((left - 22, bottom - 6), "z", axis, _LABEL + 1, anchor="rm")


def _fill(flat: Flat, plan: Plan, pos: Pos, colour: tuple[int, int, int]) -> None:
    left, top = plan.corner(pos)
    flat.box((left, top), (left + plan.cell_px, top + plan.cell_px), colour)
