"""The published failure devices, and the one that works, rebuilt as data.

The paper (arXiv 2604.24697) names them and how many lamps each lights; their blueprints are not
released. Each file in ``data/devices`` is a circuit file with what is published of the device, the
mechanism that makes it fail here, and the repair that mends that mechanism and nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from diagnose.env.circuit import Circuit

AREA_SIDE = 33
_FOLDER = Path(__file__).parent / "data" / "devices"


@dataclass(frozen=True)
class PublishedDevice:
    """One device of the published taxonomy."""

    name: str
    category: str  # structural, signal propagation or wire semantics; "" for the one that works
    capacity: str  # that the taxonomy takes the category to speak of
    lit: int  # lamps that light, as published
    lamps: int
    cause: str  # of ``diagnose.env.causes.CAUSES``
    mechanism: str  # in a sentence
    circuit: Circuit
    repaired: Circuit  # with the mechanism mended


@lru_cache(maxsize=1)
def published_devices() -> Mapping[str, PublishedDevice]:
    """Return the thirteen devices by file name without its ending, sorted."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.json"))}


def _read(path: Path) -> PublishedDevice:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    about = {key: data[key] for key in ("name", "category", "capacity", "lit", "lamps")}
    return PublishedDevice(
        **about,
        cause=data["cause"],
        mechanism=data["mechanism"],
        circuit=Circuit.from_json(data, AREA_SIDE),
        repaired=Circuit.from_json(_mended(data), AREA_SIDE),
    )


def _mended(data: Mapping[str, Any]) -> dict[str, Any]:
    repair = data.get("repair", {"remove": [], "place": []})
    blocks = {(x, y, z): block for x, y, z, block in data["blocks"]}
    for x, y, z in repair["remove"]:
        del blocks[x, y, z]
    blocks.update({(x, y, z): block for x, y, z, block in repair["place"]})
    return {"blocks": [[*cell, block] for cell, block in blocks.items()], "press": data["press"]}
