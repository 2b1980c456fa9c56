"""Sponge schematics, ``.schem``, which WorldEdit reads and writes: one box of varint indices.

Source: the Sponge Schematic Specification, versions 2 and 3. Version 2 is written: every WorldEdit
since 1.13 reads it, version 3 only the later ones. ``WEOffset`` is WorldEdit's own metadata: where
the box lies from the player who pastes it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.env.exchange.cells import (
    AUTHOR,
    COMPARATOR,
    DATA_VERSION,
    OWN,
    Box,
    Gathered,
    checked_palette,
    tag,
    volume_of,
)
from diagnose.env.nbt import Short
from diagnose.errors import InputError

ROOT = "Schematic"
SUFFIX = ".schem"
_VARINT_BYTES = 5


def holds(root: dict[str, Any]) -> bool:
    """Return whether a file is of this format."""
    return "Schematic" in root or ("Width" in root and "BlockData" in root)


def pack(box: Box) -> dict[str, Any]:
    """Return the root compound of a version 2 file."""
    width, height, length = box.size
    return {
        "BlockData": _varints(box.indices()),
        "BlockEntities": [
            {"Id": COMPARATOR, "Pos": np.array(pos, np.int32), "OutputSignal": strength}
            for pos, strength in box.outputs.items()
        ],
        "DataVersion": DATA_VERSION,
        "Entities": [],
        "Height": Short(height),
        "Length": Short(length),
        "Metadata": {
            "Author": AUTHOR,
            "Description": box.description,
            "Name": box.name,
            "WEOffsetX": 1,  # beside the player, the floor at the level of the ground
            "WEOffsetY": -1 if box.floor else 0,
            "WEOffsetZ": 1,
            OWN: dict(box.own),
        },
        "Offset": np.zeros(3, np.int32),
        "Palette": {state: number for number, state in enumerate(box.palette)},
        "PaletteMax": len(box.palette),
        "Version": 2,
        "Width": Short(width),
    }


def unpack(root: dict[str, Any]) -> Gathered:
    """Return the blocks of a file of version 2 or 3.

    Raises:
        InputError: another version, too large, or a block that no device holds.
    """
    top = tag(root, "Schematic", dict) if "Schematic" in root else root
    version = tag(top, "Version", int)
    if version not in (2, 3):
        raise InputError("Version", version, "save the schematic as version 2 or 3")
    holder = tag(top, "Blocks", dict) if version == 3 else top
    data = tag(holder, "Data" if version == 3 else "BlockData", bytes)
    width, height, length = (
        tag(top, name, int) & 0xFFFF for name in ("Width", "Height", "Length")
    )  # the format's shorts are unsigned
    size = (width, height, length)
    volume = volume_of(size)
    metadata = top.get("Metadata")
    gathered = Gathered(metadata.get(OWN) if isinstance(metadata, dict) else None)
    named = tag(holder, "Palette", dict)
    checked_palette(list(named))
    numbers = [number for number in named.values() if isinstance(number, int)]
    if sorted(numbers) != list(range(len(named))):
        raise InputError("Palette", "indices with gaps", f"number it 0 to {len(named) - 1}")
    palette = sorted(named, key=lambda text: int(named[text]))
    gathered.put_box(size, (0, 0, 0), palette, _from_varints(data, volume))
    return gathered


def _varints(indices: NDArray[np.int64]) -> bytes:
    out = bytearray()
    for index in indices.tolist():
        value = index
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
    return bytes(out)


def _from_varints(data: bytes, volume: int) -> NDArray[np.int64]:
    indices: list[int] = []
    value = shift = 0
    if len(data) <= volume * _VARINT_BYTES:
        for byte in data:
            value |= (byte & 0x7F) << shift
            if byte & 0x80:
                shift += 7
                if shift >= 7 * _VARINT_BYTES:
                    raise InputError("block data", "a number over 5 bytes", "give the whole file")
            else:
                indices.append(value)
                value = shift = 0
    if len(indices) != volume or shift:
        raise InputError(
            "block data", f"{len(data)} bytes", f"give one number for each of {volume} cells"
        )
    return np.array(indices, dtype=np.int64)
