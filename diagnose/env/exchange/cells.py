"""What every format is made of: a box of blocks on the way out, gathered blocks on the way in."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.env.blocks import (
    AIR,
    HORIZONTAL,
    NAMESPACE,
    PALETTE,
    Pos,
    name_of,
    parse_block,
    props_of,
)
from diagnose.env.dust import DUST
from diagnose.env.wording import cell_text, presentable
from diagnose.errors import InputError

DATA_VERSION = 3465  # Java Edition 1.20.1; later releases bring an older file up to date
AUTHOR = "scicrafter-diagnose"
COMPARATOR = "minecraft:comparator"  # what keeps its output, beside the block
OWN = "scicrafter-diagnose"  # the compound of ours, which every reader of the formats passes over
MAX_VOLUME = 1 << 20  # cells of one box
MAX_PALETTE = 4096
MAX_BLOCKS = 100_000
_AIRS = frozenset(NAMESPACE + name for name in ("air", "cave_air", "void_air", "structure_void"))


@dataclass(frozen=True)
class Box:
    """A full box of blocks, its lowest corner at (0, 0, 0), and what is told about it.

    ``own`` is what brings back the circuit exactly: ``corner``, the box's lowest corner in the
    circuit, and ``press``, in the circuit's coordinates.
    """

    size: Pos
    blocks: Mapping[Pos, str]
    name: str
    description: str
    own: Mapping[str, Any]
    outputs: Mapping[Pos, int]  # of each comparator at rest
    floor: bool

    @property
    def palette(self) -> tuple[str, ...]:
        """Air, then every state that occurs, sorted."""
        return (AIR, *sorted(set(self.blocks.values())))

    def cells(self) -> Iterable[tuple[Pos, str]]:
        """Return every cell with its state, x fastest, then z, then y: the order of all formats."""
        width, height, length = self.size
        for y, z, x in itertools.product(range(height), range(length), range(width)):
            yield (x, y, z), self.blocks.get((x, y, z), AIR)

    def indices(self) -> NDArray[np.int64]:
        """Return every cell's place in the palette. Shape: (volume,)."""
        index = {state: number for number, state in enumerate(self.palette)}
        return np.array([index[state] for _, state in self.cells()], dtype=np.int64)


@dataclass
class Gathered:
    """The blocks of a file, canonical, in the file's coordinates; filled by the formats.

    ``dots`` are the cells of dust that the file shows with no side at all.
    """

    own: object = None
    blocks: dict[Pos, str] = field(default_factory=dict)
    dots: list[Pos] = field(default_factory=list)
    _put: int = 0

    def put(self, pos: Pos, text: str) -> None:
        """Take in one block; air is passed over.

        Raises:
            InputError: no block of the palette, two blocks in one cell, or too many blocks.
        """
        state = canonical(pos, text)
        if state == AIR:
            return
        self._put += 1  # those that overlap are counted too: they take as long
        if self._put > MAX_BLOCKS:
            raise InputError("file", f"over {MAX_BLOCKS} blocks", "select the device alone")
        if self.blocks.setdefault(pos, state) != state:
            raise InputError(
                f"block at {cell_text(pos)}", text, f"it overlaps {self.blocks[pos]}; keep one"
            )
        if name_of(state) == DUST:
            shown = props_of(text)
            if all(shown.get(side, "none") == "none" for side in HORIZONTAL):
                self.dots.append(pos)

    def put_box(
        self, size: Pos, corner: Pos, palette: Sequence[str], indices: NDArray[np.integer[Any]]
    ) -> None:
        """Take in a full box, in the order x fastest, then z, then y. Shape: (volume,).

        Raises:
            InputError: as ``put``; or an index past the palette.
        """
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(palette):
            raise InputError(
                "block data", f"an index outside 0 to {len(palette) - 1}", "give the whole file"
            )
        solid = np.array([_bare(text) not in _AIRS for text in palette], dtype=bool)
        width, _, length = size
        for flat in np.flatnonzero(solid[indices]).tolist():
            layer, x = divmod(flat, width)
            y, z = divmod(layer, length)
            pos = (corner[0] + x, corner[1] + y, corner[2] + z)
            self.put(pos, palette[int(indices[flat])])


def bounds(blocks: Iterable[Pos]) -> tuple[Pos, Pos]:
    """Return the lowest and the highest corner of a box around the cells."""
    xs, ys, zs = zip(*blocks, strict=True)
    return (min(xs), min(ys), min(zs)), (max(xs), max(ys), max(zs))


def less(pos: Pos, corner: Pos) -> Pos:
    """Return the cell counted from a corner."""
    return (pos[0] - corner[0], pos[1] - corner[1], pos[2] - corner[2])


def _bare(text: str) -> str:
    name = text.partition("[")[0]
    return name if ":" in name else NAMESPACE + name


def canonical(pos: Pos, text: str) -> str:
    """Return the canonical state of a block at a cell of the file; every kind of air is air.

    Raises:
        InputError: a block outside the palette, or a property that it does not have.
    """
    name = _bare(text)
    if name in _AIRS:
        return AIR
    where = f"block at {cell_text(pos)} of the file"
    if not name.startswith(NAMESPACE) or name.removeprefix(NAMESPACE) not in PALETTE:
        known = ", ".join(key for key in PALETTE if key != "air")
        raise InputError(where, text[:80], f"replace it; a device is made of {known}")
    try:
        return parse_block(text)
    except InputError as error:
        raise InputError(f"{where}: {error.field}", error.received, error.remedy) from error


def volume_of(size: Pos) -> int:
    """Return the cells of a box.

    Raises:
        InputError: a side below one, or too large a box.
    """
    volume = size[0] * size[1] * size[2]
    if min(size) < 1 or volume > MAX_VOLUME:
        raise InputError("size", list(size), f"select a box of 1 to {MAX_VOLUME} cells")
    return volume


def checked_palette(palette: Sequence[str]) -> Sequence[str]:
    """Return the palette.

    Raises:
        InputError: it is empty, or too large.
    """
    if not 1 <= len(palette) <= MAX_PALETTE:
        raise InputError("palette", f"{len(palette)} entries", f"give 1 to {MAX_PALETTE}")
    return palette


_WORDS: Mapping[type, str] = MappingProxyType(
    {
        dict: "a compound",
        list: "a list",
        int: "a whole number",
        str: "a text",
        bytes: "a byte array",
        np.ndarray: "an array of numbers",
    }
)


def tag[T](holder: object, name: str, kind: type[T]) -> T:
    """Return the tag called ``name`` of a compound.

    Raises:
        InputError: there is none, or it is of another kind.
    """
    value = holder.get(name) if isinstance(holder, Mapping) else None
    if not isinstance(value, kind):
        got = "nothing" if value is None else presentable(value)
        raise InputError(name, got, f"the format has {_WORDS[kind]} here; save the file again")
    return value


def state_tag(state: str) -> dict[str, Any]:
    """Return a state as the compound that Litematica and structures hold."""
    props = dict(props_of(state))
    name = state.partition("[")[0]
    return {"Name": name, "Properties": props} if props else {"Name": name}


def state_text(entry: object) -> str:
    """Return a state compound as text; some writers give the keys in lower case.

    Raises:
        InputError: no name, or properties that are no texts.
    """
    old = isinstance(entry, Mapping) and "Name" in entry
    name = tag(entry, "Name" if old else "id", str)
    key = "Properties" if old else "properties"
    props = tag(entry, key, dict) if isinstance(entry, Mapping) and key in entry else {}
    if not all(isinstance(value, str) for value in props.values()):
        raise InputError("block properties", presentable(list(props.values())), "give texts")
    inside = ",".join(f"{prop}={value}" for prop, value in props.items())
    return f"{name}[{inside}]" if inside else name
