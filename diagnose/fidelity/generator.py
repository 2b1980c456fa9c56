"""Random circuits that the game would let stand, of several kinds.

``crowded``: every part of the palette at random in a small box. ``wired``: one or two layers,
mostly dust and diodes, so that the press reaches far. ``delays``: the same without torches and
redstone blocks, so that it starts dark. ``mutated``: a device that solves a task, with some of its
blocks changed, turned, removed or added.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import numpy as np

from diagnose.env.blocks import CANONICAL_STATES, OFFSETS, Pos, moved, name_of, parse_block
from diagnose.env.circuit import LAYERS, Circuit, unsupported
from diagnose.env.experiments import true_laws
from diagnose.seeds import stream
from diagnose.tasks import FAMILIES, build_device, task

AREA_SIDE = 33
KINDS = ("crowded", "wired", "delays", "mutated")
_BUTTON = parse_block("stone_button[face=floor]")
_DELAYS: Mapping[str, int] = MappingProxyType(
    {
        "redstone_wire": 12,
        "redstone_lamp": 5,
        "repeater": 4,
        "comparator": 2,
        "stone": 3,
        "glass": 1,
        "target": 1,
    }
)
_WIRED = MappingProxyType(
    {**_DELAYS, "redstone_torch": 1, "redstone_wall_torch": 2, "observer": 1, "redstone_block": 1}
)
_CROWDED = MappingProxyType(
    {
        **dict.fromkeys(_WIRED, 1),
        "redstone_wire": 6,
        "redstone_lamp": 3,
        "repeater": 2,
        "comparator": 2,
        "stone": 3,
    }
)
_SHAPES: Mapping[str, tuple[Mapping[str, int], int, int]] = MappingProxyType(
    {"crowded": (_CROWDED, 6, 3), "wired": (_WIRED, 8, 2), "delays": (_DELAYS, 8, 2)}
)  # parts by weight, side of the box, layers
_STATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        name: tuple(sorted(state for state in CANONICAL_STATES if name_of(state) == name))
        for name in _CROWDED
    }
)


def random_circuit(seed: int, number: int) -> tuple[str, Circuit]:
    """Return the kind and the circuit at ``number`` of the sequence that ``seed`` names."""
    draw = stream(seed, "fidelity", number)
    kind = KINDS[number % len(KINDS)]
    if kind == "mutated":
        return kind, _mutated(draw)
    return kind, _boxed(draw, *_SHAPES[kind])


def _boxed(draw: np.random.Generator, parts: Mapping[str, int], side: int, layers: int) -> Circuit:
    density = float(draw.choice((0.3, 0.5, 0.7, 0.9)))
    names = tuple(parts)
    shares = np.array([parts[name] for name in names]) / sum(parts.values())
    blocks: dict[Pos, str] = {}
    for y in range(1, layers + 1):
        for x in range(side):
            for z in range(side):
                if draw.random() < density / y:
                    blocks[x, y, z] = _one(draw, _STATES[str(draw.choice(names, p=shares))])
    press = (int(draw.integers(side)), 1, int(draw.integers(side)))
    blocks[press] = _BUTTON
    return Circuit(_standing(blocks), press)


@cache
def _devices() -> tuple[Circuit, ...]:
    laws = true_laws()
    return tuple(
        build_device(task(f"{family}-L{level}"), laws) for family in FAMILIES for level in (1, 2, 3)
    )


def _mutated(draw: np.random.Generator) -> Circuit:
    device = _devices()[int(draw.integers(len(_devices())))]
    blocks = dict(device.blocks)
    for _ in range(int(draw.integers(1, 7))):
        cells = sorted(blocks.keys() - {device.press})
        pos = cells[int(draw.integers(len(cells)))]
        deed = int(draw.integers(4))
        if deed == 0 and len(cells) > 1:
            del blocks[pos]
        elif deed == 1:  # the same part, turned or set otherwise
            blocks[pos] = _one(draw, _STATES.get(name_of(blocks[pos]), (blocks[pos],)))
        elif deed == 2:
            blocks[pos] = _any(draw)
        else:
            beside = moved(pos, _one(draw, tuple(OFFSETS)))
            if _inside(beside) and beside not in blocks:
                blocks[beside] = _any(draw)
    return Circuit(_standing(blocks, device.press), device.press)


def _any(draw: np.random.Generator) -> str:
    return _one(draw, _STATES[_one(draw, tuple(_STATES))])


def _one(draw: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(draw.integers(len(choices)))]


def _inside(pos: Pos) -> bool:
    return 0 <= pos[0] < AREA_SIDE and 1 <= pos[1] <= LAYERS and 0 <= pos[2] < AREA_SIDE


def _standing(blocks: dict[Pos, str], button: Pos | None = None) -> dict[Pos, str]:
    """Take away what has no support; a button that would fall stands on stone instead."""
    while loose := unsupported(blocks, AREA_SIDE):
        for pos, support in loose:
            if pos == button:
                blocks[support] = parse_block("stone")
            else:
                del blocks[pos]
    return blocks
