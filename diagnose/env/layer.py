"""One layer of a world as compact text, cropped to what stands, with a legend."""

from collections.abc import Mapping

from diagnose.env.blocks import Pos, name_of, props_of

LETTERS = {
    "stone": "#",
    "glass": "g",
    "redstone_wire": "+",
    "repeater": "r",
    "comparator": "c",
    "redstone_torch": "t",
    "redstone_wall_torch": "w",
    "redstone_block": "R",
    "observer": "o",
    "target": "T",
    "stone_button": "B",
    "redstone_lamp": "L",
}
_MEANING = {
    "redstone_wire": "dust",
    "repeater": "repeater + facing + delay",
    "comparator": "comparator + facing + mode",
    "redstone_wall_torch": "wall torch + facing",
    "observer": "observer + facing",
    "stone_button": "button + face (+ facing on a wall)",
}
_EMPTY = "."


def draw_layer(blocks: Mapping[Pos, str], y: int, letters: Mapping[str, str] = LETTERS) -> str:
    """Return layer ``y``: a header of x, then one row per z, then what the letters mean.

    The crop covers every layer's blocks, so that layers of one world lie over each other.
    """
    layer = {(x, z): state for (x, at_y, z), state in blocks.items() if at_y == y}
    if not layer:
        return f"y={y}: empty"
    columns = range(min(x for x, _, _ in blocks), max(x for x, _, _ in blocks) + 1)
    rows = range(min(z for _, _, z in blocks), max(z for _, _, z in blocks) + 1)
    marks = {cell: _mark(state, letters) for cell, state in layer.items()}
    widest = max(*(len(mark) for mark in marks.values()), len(str(columns[-1])))
    margin = len(f"z={rows[-1]}")
    lines = [
        f"y={y}, x to the right (east), z downwards (south)",
        " " * margin + "".join(f" {x:<{widest}}" for x in columns).rstrip(),
    ]
    for z in rows:
        cells = "".join(f" {marks.get((x, z), _EMPTY):<{widest}}" for x in columns)
        lines.append(f"{f'z={z}':<{margin}}{cells}".rstrip())
    used = {name_of(state) for state in layer.values()}
    legend = [f"{letters[name]} {_MEANING.get(name, name)}" for name in letters if name in used]
    lines.append(f"{_EMPTY} empty, " + ", ".join(legend))
    return "\n".join(lines)


def _mark(state: str, letters: Mapping[str, str]) -> str:
    name, props = name_of(state), props_of(state)
    mark = letters[name]
    if name == "stone_button":
        mark += props["face"][0]
        return mark + props["facing"][0] if props["face"] == "wall" else mark
    mark += props.get("facing", "")[:1]
    mark += props.get("delay", "")
    return mark + ("-" if props.get("mode") == "subtract" else "")
