"""A circuit: what stands on the floor, and which button is pressed; and its file format.

The file is JSON ``{"blocks": [[x, y, z, "minecraft:name[...]"], ...], "press": [x, y, z]}``. The
stone floor at y = 0 is implied; other keys are ignored; x and z are shifted into the area.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from diagnose.env.blocks import AIR, STONE, Pos, brief, is_full, name_of, parse_block, support_of
from diagnose.env.wording import presentable
from diagnose.errors import InputError

__all__ = ["LAYERS", "MAX_FILE_BYTES", "Circuit", "Pos", "load_circuit", "unsupported"]

LAYERS = 4  # buildable layers above the floor: y = 1 .. 4
MAX_FILE_BYTES = 16 * 1024 * 1024
LARGEST_SIDE = 512
_FAR = 1 << 31  # no coordinate of any Minecraft world lies beyond


@dataclass(frozen=True)
class Circuit:
    """Blocks by cell, in canonical states, without the floor and without air; and the button.

    Raises:
        InputError: see ``from_json``; the constructor itself trusts its caller.
    """

    blocks: Mapping[Pos, str]
    press: Pos

    def __post_init__(self) -> None:
        """Sort and freeze the blocks, so that equal circuits are equal in every respect."""
        object.__setattr__(self, "blocks", MappingProxyType(dict(sorted(self.blocks.items()))))

    def __reduce__(self) -> tuple[type["Circuit"], tuple[dict[Pos, str], Pos]]:
        """Cross process boundaries: a read-only view does not pickle."""
        return (type(self), (dict(self.blocks), self.press))

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.sha256)

    @cached_property
    def sha256(self) -> str:
        """The content hash: of the sorted blocks in their canonical states, and the button."""
        # As json.dumps would write it, in half the time: a state holds nothing that JSON escapes.
        blocks = ",".join(
            [f'[[{x},{y},{z}],"{state}"]' for (x, y, z), state in self.blocks.items()]
        )
        text = f"[[{blocks}],[{','.join(map(str, self.press))}]]"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def extent(self) -> tuple[int, int]:
        """How many columns it spans along x and along z."""
        spans = ([pos[axis] for pos in self.blocks] for axis in (0, 2))
        x, z = (max(span) - min(span) + 1 for span in spans)
        return (x, z)

    def cells(self, name: str) -> tuple[Pos, ...]:
        """Return the cells that hold a block called ``name``, sorted."""
        return self._by_name.get(name, ())

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Pos, ...]]:
        found: dict[str, list[Pos]] = {}
        for pos, state in self.blocks.items():
            found.setdefault(name_of(state), []).append(pos)
        return {name: tuple(cells) for name, cells in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the circuit-file form."""
        return {
            "blocks": [[x, y, z, brief(state)] for (x, y, z), state in self.blocks.items()],
            "press": list(self.press),
        }

    @classmethod
    def from_json(cls, data: object, area_side: int) -> "Circuit":
        """Validate an untrusted circuit and shift it into the area.

        Stone at y = 0 and air are dropped. A circuit already inside the area keeps its place.

        Raises:
            InputError: anything that is not a circuit the game would let stand: wrong types,
                too many blocks, cells outside the area, unknown blocks, a block without support,
                two blocks in one cell, or a ``press`` that is no stone button.
        """
        if not 1 <= area_side <= LARGEST_SIDE:
            raise InputError("area_side", area_side, f"use 1 to {LARGEST_SIDE}")
        if not isinstance(data, Mapping):
            raise InputError(
                "circuit", presentable(data), 'give {"blocks": [...], "press": [x, y, z]}'
            )
        for key in ("blocks", "press"):
            if key not in data:
                raise InputError("circuit", presentable(list(data)), f"add the key {key!r}")
        entries = data["blocks"]
        if not isinstance(entries, list | tuple):
            raise InputError("blocks", presentable(entries), "give a list of [x, y, z, block]")
        most = (LAYERS + 1) * area_side * area_side  # the floor may be spelled out
        if len(entries) > most:
            raise InputError("blocks", f"{len(entries)} entries", f"give at most {most}")
        blocks: dict[Pos, str] = {}
        for number, entry in enumerate(entries):
            placed = _entry(number, entry)
            if placed is None:
                continue
            pos, state = placed
            if pos in blocks:
                raise InputError(f"blocks[{number}]", list(pos), "give each cell once")
            blocks[pos] = state
        press = _cell("press", data["press"])
        if name_of(blocks.get(press, AIR)) != "stone_button":
            raise InputError("press", list(press), "name the cell of a stone_button in blocks")
        dx, dz = (_shift(axis, blocks, area_side) for axis in (0, 2))
        circuit = cls(
            {(x + dx, y, z + dz): state for (x, y, z), state in blocks.items()},
            (press[0] + dx, press[1], press[2] + dz),
        )
        for pos, support in unsupported(circuit.blocks, area_side):
            told = (pos[0] - dx, pos[1], pos[2] - dz)
            below = [support[0] - dx, support[1], support[2] - dz]
            raise InputError(
                f"block at {list(told)}", circuit.blocks[pos], f"put a full block at {below}"
            )
        return circuit


def unsupported(blocks: Mapping[Pos, str], area_side: int) -> list[tuple[Pos, Pos]]:
    """Return (cell, cell that should hold it up) for every block that the game would drop."""
    missing = []
    for pos, state in blocks.items():
        support = support_of(pos, state)
        if support is None:
            continue
        x, y, z = support
        on_floor = y == 0 and 0 <= x < area_side and 0 <= z < area_side
        if not on_floor and not is_full(blocks.get(support, AIR)):
            missing.append((pos, support))
    return missing


def load_circuit(path: str | os.PathLike[str], area_side: int) -> Circuit:
    """Read and validate a circuit file.

    Raises:
        InputError: no such file, larger than 16 MB, not JSON, or not a circuit.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError("circuit file", str(path), f"cannot be read: {error}") from error
    if len(raw) > MAX_FILE_BYTES:
        raise InputError("circuit file", str(path), f"give at most {MAX_FILE_BYTES} bytes")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError("circuit file", str(path), f"is not JSON: {error}") from error
    return Circuit.from_json(data, area_side)


def _entry(number: int, entry: object) -> tuple[Pos, str] | None:
    """Return one validated block, or None for air and spelled-out floor."""
    field = f"blocks[{number}]"
    if not isinstance(entry, list | tuple) or len(entry) != 4:
        raise InputError(field, presentable(entry), "write [x, y, z, block]")
    pos = _cell(field, entry[:3])
    try:
        state = parse_block(entry[3])
    except InputError as error:
        raise InputError(f"{field}: {error.field}", error.received, error.remedy) from error
    if state == AIR or (pos[1] == 0 and state == STONE):
        return None
    if not 1 <= pos[1] <= LAYERS:
        raise InputError(f"{field} y", pos[1], f"use 1 to {LAYERS}; y = 0 is the stone floor")
    return pos, state


def _cell(field: str, value: object) -> Pos:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InputError(field, presentable(value), "write [x, y, z]")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int) or abs(number) >= _FAR:
            raise InputError(field, presentable(number), "use whole numbers inside the area")
    return (value[0], value[1], value[2])


def _shift(axis: int, blocks: Mapping[Pos, str], area_side: int) -> int:
    """Return the smallest shift that brings the footprint into [0, area_side) along an axis."""
    low, high = (pick(pos[axis] for pos in blocks) for pick in (min, max))
    if high - low >= area_side:
        raise InputError(
            "footprint", f"{'xyz'[axis]} = {low}..{high}", f"use at most {area_side} columns"
        )
    if low < 0:
        return -low
    return min(0, area_side - 1 - high)
