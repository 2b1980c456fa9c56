"""The game's own structure files, ``.nbt``: a palette and a list of blocks with their cells.

Source: what structure blocks save. A cell that is not listed keeps what the world has there, so
air is listed. The game reads the root tags it knows and passes over ours.
"""

from typing import Any

from diagnose.env.blocks import Pos
from diagnose.env.exchange.cells import (
    AUTHOR,
    COMPARATOR,
    DATA_VERSION,
    OWN,
    Box,
    Gathered,
    canonical,
    checked_palette,
    state_tag,
    state_text,
    tag,
    volume_of,
)
from diagnose.env.wording import presentable
from diagnose.errors import InputError

ROOT = ""
SUFFIX = ".nbt"
MAX_PALETTES = 16


def holds(root: dict[str, Any]) -> bool:
    """Return whether a file is of this format."""
    return "size" in root and "blocks" in root


def pack(box: Box) -> dict[str, Any]:
    """Return the root compound."""
    index = {state: number for number, state in enumerate(box.palette)}
    return {
        "DataVersion": DATA_VERSION,
        "blocks": [
            {"pos": list(pos), "state": index[state], **_kept_apart(box, pos)}
            for pos, state in box.cells()
        ],
        "entities": [],
        "palette": [state_tag(state) for state in box.palette],
        "size": list(box.size),
        OWN: {
            "author": AUTHOR,
            "description": box.description,
            "name": box.name,
            **box.own,
        },
    }


def unpack(root: dict[str, Any]) -> Gathered:
    """Return the blocks; several palettes must agree, for the game would draw one of them.

    Raises:
        InputError: not a structure, too large, palettes that differ, or a block that no device
            holds.
    """
    size = _xyz(root, "size")
    volume_of(size)
    blocks = tag(root, "blocks", list)
    several = tag(root, "palettes", list) if "palettes" in root else [tag(root, "palette", list)]
    if not 1 <= len(several) <= MAX_PALETTES:
        raise InputError("palettes", f"{len(several)}", f"give 1 to {MAX_PALETTES}")
    palettes = [_texts(entries) for entries in several]
    gathered = Gathered(root.get(OWN))
    used: dict[int, Pos] = {}
    for block in blocks:
        pos = _xyz(block, "pos")
        if not all(0 <= at < side for at, side in zip(pos, size, strict=True)):
            raise InputError("pos", list(pos), f"stay inside the size {list(size)}")
        state = tag(block, "state", int)
        if not 0 <= state < min(map(len, palettes)):
            raise InputError("state", state, "name an entry of the palette")
        used.setdefault(state, pos)
        gathered.put(pos, palettes[0][state])
    for state, pos in used.items():
        if len({canonical(pos, palette[state]) for palette in palettes}) > 1:
            raise InputError(
                "palettes", f"{len(several)} that differ", "keep one: the game draws one at random"
            )
    return gathered


def _kept_apart(box: Box, pos: Pos) -> dict[str, Any]:
    if pos not in box.outputs:
        return {}
    return {"nbt": {"id": COMPARATOR, "OutputSignal": box.outputs[pos]}}


def _texts(entries: object) -> list[str]:
    if not isinstance(entries, list):
        raise InputError("palette", presentable(entries), "give a list of block states")
    return [state_text(entry) for entry in checked_palette(entries)]


def _xyz(holder: object, name: str) -> Pos:
    values = tag(holder, name, list)
    if len(values) != 3 or not all(isinstance(value, int) for value in values):
        raise InputError(name, presentable(values), "give three whole numbers")
    return (values[0], values[1], values[2])
