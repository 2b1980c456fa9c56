"""Litematica's ``.litematic``: regions of palette indices, packed without gaps into longs.

Source: the files of Litematica for 1.20 (Version 6). A region's size is negative along an axis
whose second corner was chosen on the low side; its blocks always count from the lowest corner.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.env.blocks import Pos
from diagnose.env.exchange.cells import (
    AUTHOR,
    COMPARATOR,
    DATA_VERSION,
    OWN,
    Box,
    Gathered,
    checked_palette,
    state_tag,
    state_text,
    tag,
    volume_of,
)
from diagnose.env.nbt import Long
from diagnose.errors import InputError

ROOT = ""
SUFFIX = ".litematic"
VERSION, SUBVERSION = 6, 1  # read by Litematica for 1.18 and everything later
MAX_REGIONS = 64
_LONG_BITS = 64
_FAR = 1 << 25  # cells; the game's world ends at 30 million


def holds(root: dict[str, Any]) -> bool:
    """Return whether a file is of this format."""
    return "Regions" in root


def pack(box: Box) -> dict[str, Any]:
    """Return the root compound of a file of one region."""
    palette = box.palette
    size = _xyz(box.size)
    region = {
        "BlockStatePalette": [state_tag(state) for state in palette],
        "BlockStates": _packed(box.indices(), _bits(len(palette))),
        "Entities": [],
        "PendingBlockTicks": [],
        "PendingFluidTicks": [],
        "Position": _xyz((0, 0, 0)),
        "Size": size,
        "TileEntities": [
            {"id": COMPARATOR, **_xyz(pos), "OutputSignal": strength}
            for pos, strength in box.outputs.items()
        ],
    }
    return {
        "Metadata": {
            "Author": AUTHOR,
            "Description": box.description,
            "EnclosingSize": size,
            "Name": box.name,
            "RegionCount": 1,
            "TimeCreated": Long(0),  # no clock: equal devices give equal files
            "TimeModified": Long(0),
            "TotalBlocks": len(box.blocks),
            "TotalVolume": volume_of(box.size),
            OWN: dict(box.own),
        },
        "MinecraftDataVersion": DATA_VERSION,
        "Regions": {box.name or "device": region},
        "SubVersion": SUBVERSION,
        "Version": VERSION,
    }


def unpack(root: dict[str, Any]) -> Gathered:
    """Return the blocks of all regions.

    Raises:
        InputError: not Litematica's format, too large, or a block that no device holds.
    """
    regions = tag(root, "Regions", dict)
    if not 1 <= len(regions) <= MAX_REGIONS:
        raise InputError("Regions", f"{len(regions)} regions", f"give 1 to {MAX_REGIONS}")
    metadata = root.get("Metadata")
    gathered = Gathered(metadata.get(OWN) if isinstance(metadata, dict) else None)
    for region in regions.values():
        signed, position = _read_xyz(region, "Size"), _read_xyz(region, "Position")
        x, y, z = (at + min(0, side + 1) for at, side in zip(position, signed, strict=True))
        size = (abs(signed[0]), abs(signed[1]), abs(signed[2]))
        volume = volume_of(size)
        entries = checked_palette(tag(region, "BlockStatePalette", list))
        longs = tag(region, "BlockStates", np.ndarray)
        indices = _unpacked(longs, _bits(len(entries)), volume)
        gathered.put_box(size, (x, y, z), [state_text(entry) for entry in entries], indices)
    return gathered


def _bits(palette: int) -> int:
    return max(2, (palette - 1).bit_length())


def _packed(indices: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Return the indices, lowest bit first, end to end over the longs."""
    stream = ((indices[:, None] >> np.arange(bits)) & 1).astype(np.uint8).ravel()
    padding = -len(stream) % _LONG_BITS
    raw = np.packbits(np.pad(stream, (0, padding)), bitorder="little").tobytes()
    return np.frombuffer(raw, "<i8").astype(np.int64)


def _unpacked(longs: NDArray[Any], bits: int, volume: int) -> NDArray[np.int64]:
    need = -(-volume * bits // _LONG_BITS)
    if longs.dtype.itemsize != 8 or len(longs) < need:
        raise InputError("BlockStates", f"{len(longs)} longs", f"its size needs {need}")
    raw = np.frombuffer(longs[:need].astype("<i8").tobytes(), np.uint8)
    stream = np.unpackbits(raw, count=volume * bits, bitorder="little").reshape(volume, bits)
    indices = np.zeros(volume, np.int64)
    for bit in range(bits):
        indices |= stream[:, bit].astype(np.int64) << bit
    return indices


def _xyz(pos: Pos) -> dict[str, int]:
    return dict(zip("xyz", pos, strict=True))


def _read_xyz(region: object, name: str) -> Pos:
    holder = tag(region, name, dict)
    x, y, z = (tag(holder, axis, int) for axis in "xyz")
    if max(abs(x), abs(y), abs(z)) > _FAR:
        raise InputError(name, [x, y, z], "stay inside the world")
    return (x, y, z)
