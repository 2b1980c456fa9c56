"""Circuit files, and data that claims to be a circuit, as nobody should write them."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from benchmarks.fuzz.programs import BLOCKS, ODD_BLOCKS
from diagnose.env.experiments import true_laws
from diagnose.tasks import Task, build_device

NUMBERS = (0, 1, -1, 4, 5, 32, 33, 1000, 2_000_000_000, -2_000_000_000, 2**31 - 1, 2**31, 2**63,
10**30,
           0.5, 1.0, 1e308, float("nan"), float("inf"), True, None, "1", "", [], {}, [1],
           -0.0)  # fmt: skip
KEYS = ("blocks", "press", "x", "", "version", "__class__", "\u0000", "blocks ")
FACINGS = ("north", "south", "west", "east", "up", "down", "", "NORTH", "0", "nörth")
PROPERTIES = (
    "facing",
    "delay",
    "mode",
    "power",
    "lit",
    "powered",
    "face",
    "locked",
    "east",
    "xyz",
    "",
)
SETTINGS = (
    *FACINGS,
    "1",
    "4",
    "5",
    "9",
    "-1",
    "15",
    "16",
    "true",
    "false",
    "compare",
    "wall",
    "floor",
)


def block(draw: Random) -> str:
    """Return a block text: real, odd, or a name with a soup of properties."""
    pick = draw.random()
    if pick < 0.55:
        return draw.choice(BLOCKS)
    if pick < 0.75:
        return draw.choice(ODD_BLOCKS)
    name = draw.choice(BLOCKS).partition("[")[0]
    soup = (f"{draw.choice(PROPERTIES)}={draw.choice(SETTINGS)}" for _ in range(draw.randint(0, 5)))
    return f"{name}[{','.join(soup)}]"


def cell(draw: Random) -> list[Any]:
    """Return three numbers, mostly of the area."""
    if draw.random() < 0.1:
        return [draw.choice(NUMBERS) for _ in range(draw.choice((3, 3, 2, 4)))]
    return [draw.randint(-2, 34), draw.choice((0, 1, 1, 1, 2, 3, 4, 5)), draw.randint(-2, 34)]


def value(draw: Random, depth: int = 3) -> Any:
    """Return any JSON value."""
    pick = draw.random()
    if depth == 0 or pick < 0.4:
        return draw.choice((*NUMBERS, *ODD_BLOCKS))
    if pick < 0.7:
        return [value(draw, depth - 1) for _ in range(draw.randint(0, 5))]
    keys = (draw.choice(KEYS) for _ in range(draw.randint(0, 4)))
    return {key: value(draw, depth - 1) for key in keys}


def soup(draw: Random) -> Any:
    """Return a well-formed circuit of random blocks; supported or not, in the area or not."""
    size, names = draw.randint(1, 7), draw.choice((BLOCKS, None))
    cells = {
        (draw.randint(0, size), draw.choice((1, 1, 2, 3)), draw.randint(0, size))
        for _ in range(draw.choice((1, 5, 20, 80)))
    }
    blocks: list[list[Any]] = [
        [*at, draw.choice(names) if names else block(draw)] for at in sorted(cells)
    ]
    stones = [[x, y - 1, z, "stone"] for x, y, z in cells if (x, y - 1, z) not in cells and y > 1]
    button = [0, 1, size + 1, "stone_button[face=floor]"]
    unique = {tuple(entry[:3]): entry for entry in [*blocks, *stones, button]}
    return {"blocks": list(unique.values()), "press": button[:3]}


def mutated_device(draw: Random, task: Task) -> Any:
    """Return a device that works, with some entries changed."""
    device = build_device(task, true_laws()).to_json()
    blocks = device["blocks"]
    for _ in range(draw.choice((0, 1, 1, 2, 5))):
        at = draw.randrange(len(blocks)) if blocks else 0
        form = draw.random()
        if form < 0.2 and blocks:
            del blocks[at]
        elif form < 0.4:
            blocks.insert(at, [*cell(draw), block(draw)])
        elif form < 0.7 and blocks:
            blocks[at] = [*_place(blocks[at]), block(draw)]
        elif form < 0.8 and blocks:
            blocks[at] = [*cell(draw), "redstone_wire"]
        elif form < 0.9:
            device["press"] = draw.choice((cell(draw), value(draw)))
        elif blocks:
            blocks[at] = value(draw)
    return device


def _place(entry: Any) -> list[Any]:
    return entry[:3] if isinstance(entry, list) else [entry]


def nonsense(draw: Random) -> Any:
    """Return JSON that is no circuit, or looks like one from afar."""
    if draw.random() < 0.4:
        return value(draw)
    entries = [
        value(draw) if draw.random() < 0.3 else [*cell(draw), block(draw)]
        for _ in range(draw.randint(0, 6))
    ]
    return {"blocks": entries, "press": draw.choice((cell(draw), value(draw)))}


def deep_or_long(draw: Random) -> bytes:
    """Return a file that is hard on a reader for its size or its nesting."""
    many = draw.choice((1000, 5000, 5446, 200_000))
    one = b'[%d, 1, %d, "stone"]'
    return draw.choice(
        (
            lambda: b"[" * 200_000,
            lambda: b'{"blocks": ' + b"[" * 990 + b"]" * 990 + b', "press": [0, 1, 0]}',
            lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            lambda: (
                b'{"press": [0, 1, 0], "blocks": ['
                + b", ".join(one % (n % 33, n // 33) for n in range(many))
                + b"]}"
            ),
            lambda: b'{"press": [0, 1, 0], "blocks": [[' + b"9" * 100_000 + b", 1, 1, 1]]}",
            lambda: b'{"press": [0, 1, 0], "blocks": [[1, 1, 1, "' + b"a" * 1_000_000 + b'"]]}',
            lambda: b'{"blocks": [], "press": [1e999, -1e999, 1E400]}',
            lambda: b" " * 1_000_000,
        )
    )()


def encoded(data: Any, draw: Random) -> bytes:
    """Return a file of JSON: as it is, with a key twice, cut short, or in another encoding."""
    text = json.dumps(data)
    form = draw.random()
    if form < 0.05:
        text = '{"blocks": [[1, 1, 1, "stone"]], ' + text.lstrip("{")
    elif form < 0.1:
        text = text[: draw.randrange(len(text) + 1)]
    elif form < 0.2:
        return text.encode(draw.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-be", "utf-7")))
    raw = bytearray(text.encode())
    if 0.2 <= form < 0.3 and raw:
        for _ in range(draw.randint(1, 8)):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
    return bytes(raw)


WAYS: Mapping[str, Callable[[Random, Task], bytes]] = {
    "random circuit": lambda draw, _: encoded(soup(draw), draw),
    "mutated device": lambda draw, task: encoded(mutated_device(draw, task), draw),
    "nonsense": lambda draw, _: encoded(nonsense(draw), draw),
    "deep or long": lambda draw, _: deep_or_long(draw),
    "noise": lambda draw, _: draw.randbytes(draw.randint(0, 300)),
}
"""Kind -> how a file of it is drawn."""
