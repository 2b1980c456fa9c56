"""Devices to and from the game: Litematica, WorldEdit (Sponge) and structure block files.

A device is written with the stone floor it stands on, every block in the state it rests in, and
dust in its true shape, so that it stands right when pasted without updates. Read back, the floor
is dropped and the circuit is the same.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from diagnose.env.blocks import HORIZONTAL, STONE, Pos, name_of
from diagnose.env.circuit import LAYERS, Circuit
from diagnose.env.dust import sides_of
from diagnose.env.exchange import litematic, sponge, structure
from diagnose.env.exchange.cells import Box, Gathered, bounds, less
from diagnose.env.exchange.rest import at_rest
from diagnose.env.nbt import MAX_FILE_BYTES, read_nbt, write_nbt
from diagnose.env.wording import cell_text, named, presentable
from diagnose.errors import InputError

__all__ = ["FORMATS", "WIDEST", "Format", "Imported", "export_device", "import_device", "read_file"]

WIDEST = 128  # columns along a side; the largest task's area has 67
BUTTON = "stone_button"


@dataclass(frozen=True)
class Format:
    """One file format: the name of its root, its suffix, and its two directions."""

    root: str
    suffix: str
    holds: Callable[[dict[str, Any]], bool]
    pack: Callable[[Box], dict[str, Any]]
    unpack: Callable[[dict[str, Any]], Gathered]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        name: Format(module.ROOT, module.SUFFIX, module.holds, module.pack, module.unpack)
        for name, module in (
            ("litematic", litematic),
            ("schem", sponge),
            ("structure", structure),
        )
    }
)


@dataclass(frozen=True)
class Imported:
    """A circuit read from the game, and what a person should know about it."""

    circuit: Circuit
    notes: tuple[str, ...] = ()


def export_device(circuit: Circuit, to: str, name: str = "device", floor: bool = True) -> bytes:
    """Return a device as a file of the format ``to``. Equal arguments give equal bytes.

    Raises:
        InputError: no such format, or a device wider than ``WIDEST``.
    """
    if to not in FORMATS:
        raise InputError("to", to, f"use one of {', '.join(FORMATS)}")
    chosen = FORMATS[to]
    shown = "".join(sign for sign in name if sign.isprintable())[:64]
    return write_nbt(chosen.root, chosen.pack(_box(circuit, shown, floor)))


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Return a file's bytes, one more than is allowed at most.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError("file", str(path), f"cannot be read: {error}") from error


def import_device(raw: bytes, press: Pos | None = None) -> Imported:
    """Return the device of a file of any of the formats.

    ``press`` names the button in the device's own coordinates; left out, it is the one that an
    export kept, or the only one there is.

    Raises:
        InputError: not such a file, too large, a block outside the palette, a device that the
            game would not let stand, or several buttons and none named.
    """
    root = read_nbt(raw)
    chosen = next((one for one in FORMATS.values() if one.holds(root)), None)
    if chosen is None:
        held = ", ".join(sorted(map(str, root))[:4])
        raise InputError("file", f"tags {held}", "save a .litematic, .schem or structure .nbt")
    gathered = chosen.unpack(root)
    if not gathered.blocks:
        raise InputError("file", "no blocks", "select the device and save again")
    kept = _kept(gathered.own)
    corner = _corner(gathered.blocks, kept)
    blocks = {less(pos, corner): state for pos, state in gathered.blocks.items()}
    blocks = {pos: state for pos, state in blocks.items() if (pos[1], state) != (0, STONE)}
    _check_layers(blocks)
    button = _button(blocks, press, kept)
    data = {"blocks": [[*pos, state] for pos, state in blocks.items()], "press": list(button)}
    circuit = Circuit.from_json(data, WIDEST)
    return Imported(circuit, _notes(blocks, [less(pos, corner) for pos in gathered.dots]))


def _box(circuit: Circuit, name: str, floor: bool) -> Box:
    low, high = bounds(circuit.blocks)
    if max(high[0] - low[0], high[2] - low[2]) >= WIDEST:
        raise InputError("footprint", f"{low} to {high}", f"use at most {WIDEST} columns")
    corner = (low[0], 0 if floor else 1, low[2])
    rest = at_rest(circuit, low, high)
    blocks = {less(pos, corner): state for pos, state in rest.states.items()}
    size = less((high[0] + 1, high[1] + 1, high[2] + 1), corner)
    if floor:
        columns = [(x, z) for x in range(size[0]) for z in range(size[2])]
        blocks.update({(x, 0, z): STONE for x, z in columns})
    button = cell_text(less(circuit.press, corner))
    return Box(
        size,
        blocks,
        name,
        f"Press the stone button at {button} from the lowest north-west corner.",
        {"corner": list(corner), "press": list(circuit.press)},
        {less(pos, corner): strength for pos, strength in rest.outputs.items()},
        floor,
    )


def _kept(own: object) -> tuple[Pos, Pos] | None:
    """Return corner and button as an export kept them, or None if the file is not ours."""
    if own is None:
        return None
    parts = [own.get(name) if isinstance(own, dict) else None for name in ("corner", "press")]
    cells: list[Pos] = []
    for part in parts:
        if not isinstance(part, list) or len(part) != 3 or not all(_near(at) for at in part):
            raise InputError(
                "scicrafter-diagnose tag",
                presentable(parts),
                "remove it or export the device again",
            )
        cells.append((part[0], part[1], part[2]))
    return (cells[0], cells[1])


def _near(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 25


def _corner(blocks: Mapping[Pos, str], kept: tuple[Pos, Pos] | None) -> Pos:
    """Return where the file's cell lies that is to be the circuit's (0, 0, 0)."""
    low, high = bounds(blocks)
    if kept is not None:
        return (-kept[0][0], -kept[0][1], -kept[0][2])
    return (low[0], low[1] if _stands_on_floor(blocks, low, high) else low[1] - 1, low[2])


def _stands_on_floor(blocks: Mapping[Pos, str], low: Pos, high: Pos) -> bool:
    """Return whether the lowest layer is stone alone and lies under everything."""
    ground = {pos for pos in blocks if pos[1] == low[1]}
    return (
        high[1] > low[1]
        and all(blocks[pos] == STONE for pos in ground)
        and all((x, low[1], z) in ground for x, _, z in blocks)
    )


def _check_layers(blocks: Mapping[Pos, str]) -> None:
    if not blocks:
        raise InputError("file", "nothing but a floor", "select the device and save again")
    low, high = bounds(blocks)
    for pos in (low, high):
        if not 1 <= pos[1] <= LAYERS:
            raise InputError(
                "height",
                f"{high[1] - min(low[1], 1) + 1} layers",
                f"a device has {LAYERS} layers and, below them all, a floor of stone",
            )


def _button(blocks: Mapping[Pos, str], press: Pos | None, kept: tuple[Pos, Pos] | None) -> Pos:
    buttons = sorted(pos for pos, state in blocks.items() if name_of(state) == BUTTON)
    listed = named([",".join(map(str, pos)) for pos in buttons])
    if press is not None:
        if press not in buttons:
            remedy = f"its stone buttons stand at {listed}" if buttons else "it has no stone button"
            raise InputError("press", list(press), remedy)
        return press
    if kept is not None and kept[1] in buttons:
        return kept[1]
    if len(buttons) != 1:
        raise InputError(
            "press",
            f"{len(buttons)} stone buttons",
            f"name one with --press x,y,z: {listed}" if buttons else "give the device a button",
        )
    return buttons[0]


def _notes(blocks: Mapping[Pos, str], dots: list[Pos]) -> tuple[str, ...]:
    """Return a word on dust set to a dot by hand, which this world does not know."""
    crosses = [pos for pos in dots if _alone(blocks, pos)]
    if not crosses:
        return ()
    return (f"dust shown as a dot is read as a cross: {named(list(map(cell_text, crosses)))}",)


def _alone(blocks: Mapping[Pos, str], pos: Pos) -> bool:
    """Return whether dust connects to nothing: a cross even with nothing to the east of it."""
    x, y, z = pos
    columns = ((x, z), (x - 1, z), (x, z - 1), (x, z + 1))
    near = [(column, height, row) for column, row in columns for height in (y - 1, y, y + 1)]
    rest = {cell: blocks[cell] for cell in near if cell in blocks}
    return len(sides_of(rest, pos)) == len(HORIZONTAL) == len(sides_of(blocks, pos))
