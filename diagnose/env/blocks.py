"""The palette: which blocks exist, their properties, and what each of them hangs on.

The engine accepts a repeater delay of 9 and floating dust; the game does not. So every state is
parsed against the table below and rebuilt from it, and nothing else ever reaches the engine.

A *canonical state* is ``name[property=value,...]`` with namespace, every property in alphabetical
order, and every property that the circuit itself drives (power, lit, locked) at its resting value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from types import MappingProxyType

from diagnose.errors import InputError

Pos = tuple[int, int, int]

OFFSETS: Mapping[str, Pos] = MappingProxyType(
    {
        "north": (0, 0, -1),
        "south": (0, 0, 1),
        "west": (-1, 0, 0),
        "east": (1, 0, 0),
        "up": (0, 1, 0),
        "down": (0, -1, 0),
    }
)
HORIZONTAL = ("north", "south", "west", "east")
OPPOSITE: Mapping[str, str] = MappingProxyType(
    {"north": "south", "south": "north", "west": "east", "east": "west", "up": "down", "down": "up"}
)

_BOOL = ("false", "true")
_POWER = tuple(str(level) for level in range(16))
_SIDE = ("none", "side", "up")
NAMESPACE = "minecraft:"
AIR = NAMESPACE + "air"
STONE = NAMESPACE + "stone"
LONGEST_TEXT = 300  # the longest canonical state has 82 characters


@dataclass(frozen=True)
class Property:
    """One property of a block.

    ``resting`` is set where the circuit, not the builder, decides: any allowed value is accepted
    in a text and replaced by it.
    """

    values: tuple[str, ...]
    default: str
    resting: str | None = None


@dataclass(frozen=True)
class Block:
    """One row of the palette. ``support``: '' (needs none), 'below', 'behind' or 'face'."""

    properties: Mapping[str, Property]
    support: str = ""
    full: bool = False  # all six faces are sturdy: holds dust, torches, buttons, repeaters
    conducts: bool = False  # carries power from one neighbour to another


_FACING = Property(HORIZONTAL, "north")
_POWERED = Property(_BOOL, "false", "false")
_DUST_SIDE = Property(_SIDE, "side", "side")

PALETTE: Mapping[str, Block] = MappingProxyType(
    {
        "air": Block({}),
        "stone": Block({}, full=True, conducts=True),
        "glass": Block({}, full=True),
        "redstone_wire": Block(
            {
                "east": _DUST_SIDE,
                "north": _DUST_SIDE,
                "power": Property(_POWER, "0", "0"),
                "south": _DUST_SIDE,
                "west": _DUST_SIDE,
            },
            support="below",
        ),
        "repeater": Block(
            {
                "delay": Property(("1", "2", "3", "4"), "1"),
                "facing": _FACING,
                "locked": _POWERED,
                "powered": _POWERED,
            },
            support="below",
        ),
        "comparator": Block(
            {
                "facing": _FACING,
                "mode": Property(("compare", "subtract"), "compare"),
                "powered": _POWERED,
            },
            support="below",
        ),
        "redstone_torch": Block({"lit": Property(_BOOL, "true", "true")}, support="below"),
        "redstone_wall_torch": Block(
            {"facing": _FACING, "lit": Property(_BOOL, "true", "true")}, support="behind"
        ),
        "redstone_block": Block({}, full=True),
        "observer": Block(
            {"facing": Property((*HORIZONTAL, "up", "down"), "south"), "powered": _POWERED},
            full=True,
        ),
        "target": Block({"power": Property(_POWER, "0", "0")}, full=True, conducts=True),
        "stone_button": Block(
            {
                "face": Property(("ceiling", "floor", "wall"), "wall"),
                "facing": _FACING,
                "powered": _POWERED,
            },
            support="face",
        ),
        "redstone_lamp": Block(
            {"lit": Property(_BOOL, "false", "false")}, full=True, conducts=True
        ),
    }
)

_TEXT = re.compile(r"(?:minecraft:)?([a-z_]+)(?:\[([^\[\]]*)\])?", re.ASCII)


def parse_block(text: object) -> str:
    """Return the canonical state of a block given as text.

    Accepts ``minecraft:repeater[facing=north,delay=2]``, the same without namespace, and a bare
    name. Missing properties take the game's defaults (a bare ``stone_button`` hangs on a wall).

    Raises:
        InputError: not a block text, a block outside the palette, or a property or value that the
            block does not have; the message names field, value and remedy.
    """
    if not isinstance(text, str):
        raise InputError(
            "block",
            f"a {type(text).__name__}",
            "give a text such as 'repeater[facing=north,delay=2]'",
        )
    if len(text) > LONGEST_TEXT:
        raise InputError("block", text, f"give at most {LONGEST_TEXT} characters")
    return _parse(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> str:
    name, values = read_block(text, PALETTE)
    for key, prop in PALETTE[name].properties.items():
        if prop.resting is not None:
            values[key] = prop.resting
    return block_text(name, values)


def read_block(text: str, palette: Mapping[str, "Block"]) -> tuple[str, dict[str, str]]:
    """Return the name and all property values of a block text, by the names of ``palette``.

    Raises:
        InputError: as ``parse_block``.
    """
    match = _TEXT.fullmatch(text) if len(text) <= LONGEST_TEXT else None
    if match is None:
        raise InputError("block", text, "write name or name[property=value,...]")
    name, inside = match.group(1), match.group(2)
    block = palette.get(name)
    if block is None:
        raise InputError("block", text, f"use one of the palette: {', '.join(palette)}")
    values = {key: prop.default for key, prop in block.properties.items()}
    given: set[str] = set()
    for part in inside.split(",") if inside and inside.strip() else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(f"{name} property", part, "write property=value")
        if key not in values:
            known = ", ".join(values) or "none"
            raise InputError(f"{name} property", key, f"its properties are: {known}")
        if key in given:
            raise InputError(f"{name}.{key}", value, "give each property once")
        given.add(key)
        allowed = block.properties[key].values
        if value not in allowed:
            raise InputError(f"{name}.{key}", value, f"use one of {', '.join(allowed)}")
        values[key] = value
    return name, values


def block_text(name: str, values: Mapping[str, str]) -> str:
    """Return a block as text with its namespace, properties in alphabetical order."""
    inside = ",".join(f"{key}={values[key]}" for key in sorted(values))
    return f"{NAMESPACE}{name}[{inside}]" if inside else NAMESPACE + name


def _resting_states() -> frozenset[str]:
    states: set[str] = set()
    for name, block in PALETTE.items():
        keys = list(block.properties)
        choices = [
            (prop.resting,) if prop.resting is not None else prop.values
            for prop in block.properties.values()
        ]
        states.update(
            block_text(name, dict(zip(keys, pick, strict=True))) for pick in product(*choices)
        )
    return frozenset(states)


CANONICAL_STATES: frozenset[str] = _resting_states()
"""Every state that ``parse_block`` can return."""


@lru_cache(maxsize=4096)
def name_of(state: str) -> str:
    """Return the bare block name of a state, for example ``repeater``."""
    return state.partition("[")[0].removeprefix(NAMESPACE)


@lru_cache(maxsize=4096)
def props_of(state: str) -> Mapping[str, str]:
    """Return the properties of a state; read-only."""
    inside = state.partition("[")[2].rstrip("]")
    return MappingProxyType(dict(part.split("=", 1) for part in inside.split(",") if part))


@lru_cache(maxsize=4096)
def brief(state: str) -> str:
    """Return a canonical state as a builder writes it: ``parse_block`` gives the state back.

    What the circuit decides and what is the default goes unsaid.
    """
    name = name_of(state)
    table = PALETTE[name].properties
    said = [
        f"{key}={value}"
        for key, value in sorted(props_of(state).items())
        if table[key].resting is None and value != table[key].default
    ]
    return f"minecraft:{name}[{','.join(said)}]" if said else f"minecraft:{name}"


def is_full(state: str) -> bool:
    """Return whether the block fills its cell and so can hold others on any face."""
    return PALETTE[name_of(state)].full


def conducts(state: str) -> bool:
    """Return whether the block passes power on to its neighbours (glass does not)."""
    return PALETTE[name_of(state)].conducts


def moved(pos: Pos, direction: str, steps: int = 1) -> Pos:
    """Return the cell ``steps`` from ``pos`` in a direction such as ``north``."""
    dx, dy, dz = OFFSETS[direction]
    return (pos[0] + dx * steps, pos[1] + dy * steps, pos[2] + dz * steps)


def support_of(pos: Pos, state: str) -> Pos | None:
    """Return the cell that must hold a full block for ``state`` to stay at ``pos``, or None.

    A wall button or wall torch faces away from the block it hangs on.
    """
    kind = PALETTE[name_of(state)].support
    if not kind:
        return None
    if kind == "below":
        return moved(pos, "down")
    props = props_of(state)
    face = "wall" if kind == "behind" else props["face"]
    if face == "floor":
        return moved(pos, "down")
    if face == "ceiling":
        return moved(pos, "up")
    return moved(pos, props["facing"], -1)
