"""The world a subject edits: blocks placed and removed under the game's support rule.

Every call takes untrusted values (model-written code) and either changes the world and says what
popped off, or raises a ``SubjectError`` that says what to do and changes nothing.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from diagnose.env.blocks import (
    AIR,
    OFFSETS,
    STONE,
    Pos,
    is_full,
    moved,
    name_of,
    parse_block,
    support_of,
)
from diagnose.env.circuit import LARGEST_SIDE, LAYERS, Circuit
from diagnose.env.layer import LETTERS, draw_layer
from diagnose.env.terms import quoted
from diagnose.env.wording import cell_text, named, presentable
from diagnose.errors import InputError, SubjectError


@dataclass(frozen=True)
class Edit:
    """What one call changed. ``str(edit)`` tells it to the subject."""

    placed: int = 0  # cells that now hold a newly placed block
    removed: tuple[Pos, ...] = ()  # cells emptied on purpose
    replaced: tuple[Pos, ...] = ()  # cells among ``placed`` that held another block before
    popped: tuple[tuple[Pos, str], ...] = ()  # what fell off, with its block name

    def __str__(self) -> str:
        """One line: what was placed, replaced and removed, and what popped off."""
        parts = []
        if self.placed:
            parts.append(f"placed {self.placed}")
        if self.replaced:
            parts.append(f"replaced {named([cell_text(pos) for pos in self.replaced])}")
        if self.removed:
            parts.append(f"removed {named([cell_text(pos) for pos in self.removed])}")
        if self.popped:
            fallen = [f"{name} at {cell_text(pos)}" for pos, name in self.popped]
            parts.append(f"popped off: {named(fallen)}")
        return "; ".join(parts) or "nothing changed"


class World:
    """A stone floor at y = 0 and four layers to build in, empty at first.

    Placing into an occupied cell replaces what is there. A block that loses its support pops off.
    """

    def __init__(self, area_side: int) -> None:
        if isinstance(area_side, bool) or not 1 <= area_side <= LARGEST_SIDE:
            raise InputError("area_side", area_side, f"use 1 to {LARGEST_SIDE}")
        self.area_side = area_side
        self._blocks: dict[Pos, str] = {}

    @property
    def blocks(self) -> Mapping[Pos, str]:
        """What stands, by cell; read-only."""
        return MappingProxyType(self._blocks)

    def place(self, pos: object, block: object) -> Edit:
        """Place one block; ``air`` removes.

        Raises:
            SubjectError: unknown block, cell outside the area, or no support.
        """
        return self._apply({self._cell(pos): _parsed(block)})

    def fill(self, a: object, b: object, block: object) -> Edit:
        """Place a block into every cell of the box with corners ``a`` and ``b``, both included.

        Raises:
            SubjectError: as ``place``; nothing is placed then.
        """
        first, last = self._cell(a), self._cell(b)
        state = _parsed(block)
        xs, ys, zs = (range(min(p, q), max(p, q) + 1) for p, q in zip(first, last, strict=True))
        return self._apply(dict.fromkeys(product(xs, ys, zs), state))

    def build(self, blocks: object) -> Edit:
        """Place a list of ``[x, y, z, block]`` together: supports may come in any order.

        Raises:
            SubjectError: as ``place``, naming the entry; nothing is placed then.
        """
        if not isinstance(blocks, list | tuple):
            raise SubjectError(f"build wants a list of [x, y, z, block], not {_shown(blocks)}")
        most = (LAYERS + 1) * self.area_side**2
        if len(blocks) > most:
            raise SubjectError(f"build got {len(blocks)} blocks; the area holds {most}")
        wanted: dict[Pos, str] = {}
        for number, entry in enumerate(blocks):
            if not isinstance(entry, list | tuple) or len(entry) != 4:
                raise SubjectError(
                    f"build entry {number} is {_shown(entry)}; write [x, y, z, block]"
                )
            try:
                wanted[self._cell(entry[:3])] = _parsed(entry[3])
            except SubjectError as error:
                raise SubjectError(f"build entry {number}: {error}") from error
        return self._apply(wanted)

    def remove(self, pos: object) -> Edit:
        """Empty a cell; what hung on it pops off. An empty cell stays empty.

        Raises:
            SubjectError: a cell outside the area, or the floor.
        """
        return self._apply({self._cell(pos): AIR})

    def clear(self) -> Edit:
        """Remove everything but the floor."""
        removed = tuple(sorted(self._blocks))
        self._blocks = {}
        return Edit(removed=removed)

    def at(self, pos: object) -> str:
        """Return the state at a cell: ``minecraft:air`` if empty, stone for the floor.

        Raises:
            SubjectError: a cell outside the area.
        """
        cell = self._cell(pos)
        return STONE if cell[1] == 0 else self._blocks.get(cell, AIR)

    def circuit(self, press: object = None) -> Circuit:
        """Return what stands as a circuit to be pressed at ``press``.

        Without ``press``, the only stone button is meant.

        Raises:
            SubjectError: no stone button there, or not exactly one to choose.
        """
        if press is None:
            buttons = sorted(p for p, s in self._blocks.items() if name_of(s) == "stone_button")
            if len(buttons) != 1:
                raise SubjectError(
                    f"{len(buttons)} stone buttons stand; place exactly one, or name its cell"
                )
            return Circuit(self._blocks, buttons[0])
        cell = self._cell(press)
        found = name_of(self.at(cell))
        if found != "stone_button":
            raise SubjectError(
                f"{cell_text(cell)} holds {found}, not a stone_button; press a button"
            )
        return Circuit(self._blocks, cell)

    def look(self, y: object, letters: Mapping[str, str] = LETTERS) -> str:
        """Return layer ``y`` as text: a row per z, a column per x, with a legend.

        Raises:
            SubjectError: no such layer.
        """
        if isinstance(y, bool) or not isinstance(y, int) or not 1 <= y <= LAYERS:
            raise SubjectError(f"look wants a layer y from 1 to {LAYERS}, not {_shown(y)}")
        return draw_layer(self._blocks, y, letters)

    def snapshot(self) -> Mapping[Pos, str]:
        """Return what stands, to be given to ``restore`` later."""
        return MappingProxyType(dict(self._blocks))

    def restore(self, snapshot: Mapping[Pos, str]) -> None:
        """Make the world as it was at ``snapshot`` (trusted: it came from ``snapshot``)."""
        self._blocks = dict(snapshot)

    def _cell(self, pos: object) -> Pos:
        if not isinstance(pos, list | tuple) or len(pos) != 3:
            raise SubjectError(f"a cell is [x, y, z], not {_shown(pos)}")
        if any(isinstance(part, bool) or not isinstance(part, int) for part in pos):
            raise SubjectError(f"a cell is three whole numbers, not {_shown(pos)}")
        x, y, z = pos
        top = self.area_side - 1
        if not (0 <= x <= top and 0 <= y <= LAYERS and 0 <= z <= top):
            raise SubjectError(
                f"{_shown(list(pos))} is outside the area: x and z from 0 to {top}, y from 1 to "
                f"{LAYERS} (y = 0 is the stone floor)"
            )
        return (x, y, z)

    def _apply(self, wanted: Mapping[Pos, str]) -> Edit:
        """Change cells together, refuse what cannot stand, and let fall what lost its support.

        Only the changed cells and their neighbours are looked at: everything else stands already.
        """
        changes: dict[Pos, str] = {}
        for pos, state in wanted.items():
            if pos[1] > 0:
                changes[pos] = state
            elif state != STONE:
                raise SubjectError(
                    f"{cell_text(pos)} is the stone floor, which stays; build at y = 1 to {LAYERS}"
                )
        after = ChainMap(changes, self._blocks)
        self._refuse(after, changes)
        placed, removed, replaced = 0, [], []
        for pos, state in changes.items():
            before = self._blocks.pop(pos, None)
            if state != AIR:
                self._blocks[pos] = state
                placed += 1
                if before not in (None, state):
                    replaced.append(pos)
            elif before is not None:
                removed.append(pos)
        popped = tuple((pos, name_of(state)) for pos, state in self._drop_loose(changes))
        return Edit(placed, tuple(removed), tuple(replaced), popped)

    def _drop_loose(self, changed: Iterable[Pos]) -> list[tuple[Pos, str]]:
        """Remove and return, sorted, what hung on a changed cell that no longer holds it."""
        dropped: list[tuple[Pos, str]] = []
        waiting = [pos for pos in changed if not is_full(self._blocks.get(pos, AIR))]
        while waiting:
            holder = waiting.pop()
            for direction in OFFSETS:
                beside = moved(holder, direction)
                state = self._blocks.get(beside)
                if state is not None and support_of(beside, state) == holder:
                    dropped.append((beside, self._blocks.pop(beside)))
                    waiting.append(beside)
        return sorted(dropped)

    def _refuse(self, after: Mapping[Pos, str], changes: Mapping[Pos, str]) -> None:
        """Raise SubjectError if a changed block would not stand among the blocks ``after``."""
        told = []
        for pos, state in changes.items():
            support = support_of(pos, state)
            if support is not None and not self._holds(after, support):
                told.append(
                    f"{name_of(state)} at {cell_text(pos)} needs a full block at "
                    f"{cell_text(support)}, which holds {self._found(after, support)}"
                )
        if told:
            raise SubjectError(f"nothing was placed: {named(told)}")

    def _holds(self, blocks: Mapping[Pos, str], cell: Pos) -> bool:
        if cell[1] == 0:
            return 0 <= cell[0] < self.area_side and 0 <= cell[2] < self.area_side
        return is_full(blocks.get(cell, AIR))

    def _found(self, blocks: Mapping[Pos, str], cell: Pos) -> str:
        x, y, z = cell
        if not (0 <= x < self.area_side and 1 <= y <= LAYERS and 0 <= z < self.area_side):
            return "nothing (outside the area)"
        return name_of(blocks.get(cell, AIR))


def _parsed(block: object) -> str:
    try:
        return parse_block(block)
    except InputError as error:
        raise SubjectError(str(error)) from error


def _shown(value: object) -> str:
    text = repr(presentable(value))
    return quoted(text if len(text) <= 80 else text[:77] + "...")
