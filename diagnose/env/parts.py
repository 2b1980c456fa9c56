"""How each block looks on the isometric sheet."""

from collections.abc import Mapping

from diagnose.env.blocks import OFFSETS, Pos
from diagnose.env.iso import Colour, Point, Sheet, blend

_STONE = (139, 144, 153)
_CUBES: Mapping[str, Colour] = {
    "stone": _STONE,
    "glass": (190, 226, 236),
    "redstone_block": (196, 33, 22),
    "observer": (84, 88, 96),
    "target": (236, 224, 212),
    "redstone_lamp": (92, 58, 38),
}
_LIT_LAMP = (255, 206, 104)
_DUST_OFF = (96, 18, 20)
_DUST_DIM = (150, 22, 20)
_DUST_FULL = (255, 62, 44)
_PLATE = (186, 189, 196)
_ON = (255, 84, 60)
_OFF = (112, 34, 32)
_MARK = (58, 62, 70)
_BUTTON = (158, 163, 172)
_CHOSEN = (74, 208, 220)
_WOOD = (124, 92, 56)
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)


def box(
    sheet: Sheet,
    low: Point,
    high: Point,
    colour: Colour,
    *,
    alpha: int = 255,
    glow: float = 0.0,
) -> None:
    """Draw the three visible faces of a box: top, south (left) and east (right)."""
    (x, y, z), (far_x, top, far_z) = low, high
    edge = blend(colour, _BLACK, 0.38) if alpha == 255 else blend(colour, _WHITE, 0.35)
    faces = (
        (_south(x, far_x, y, top, far_z), blend(colour, _BLACK, 0.14)),
        (_east(z, far_z, y, top, far_x), blend(colour, _BLACK, 0.28)),
        (_top(x, far_x, z, far_z, top), blend(colour, _WHITE, 0.1)),
    )
    for corners, shade in faces:
        sheet.polygon(corners, shade, alpha=alpha, edge=edge, glow=glow)


def cube(sheet: Sheet, pos: Pos, name: str, props: Mapping[str, str]) -> None:
    """Draw a full block."""
    x, y, z = pos
    colour = _CUBES[name]
    if name == "redstone_lamp":
        _lamp(sheet, pos, lit=props["lit"] == "true")
        return
    box(sheet, pos, (x + 1, y + 1, z + 1), colour, alpha=70 if name == "glass" else 255)
    if name == "target":
        for inset, ring in ((0.16, (206, 60, 50)), (0.32, colour), (0.42, (206, 60, 50))):
            _inset_faces(sheet, pos, inset, ring)
    elif name == "redstone_block":
        _inset_faces(sheet, pos, 0.22, (226, 52, 36))
    elif name == "observer":
        on = props["powered"] == "true"
        _arrow(sheet, (x + 0.5, y + 1, z + 0.5), props["facing"], _WHITE)
        sheet.disc((x + 0.5, y + 1, z + 0.5), _ON if on else _OFF, 0.12, glow=0.9 * on)


def dust(sheet: Sheet, pos: Pos, sides: Mapping[str, str], power: int) -> None:
    """Draw redstone dust: a line to each connected side, the brighter the stronger."""
    x, y, z = pos
    colour = blend(_DUST_DIM, _DUST_FULL, (power - 1) / 14) if power else _DUST_OFF
    glow = 0.25 + 0.5 * power / 15 if power else 0.0
    centre = (x + 0.5, y + 0.02, z + 0.5)
    for side, shape in sides.items():
        dx, _, dz = OFFSETS[side]
        rim = (x + 0.5 + dx / 2, y + 0.02, z + 0.5 + dz / 2)
        points = [centre, rim]
        # Dust that climbs is seen only on the faces that look at the viewer.
        if shape == "up" and side in ("north", "west"):
            points.append((rim[0], y + 1.02, rim[2]))
        sheet.line(points, colour, 0.2, glow=glow)
    if len(sides) > 2:
        sheet.disc(centre, colour, 0.26, glow=glow)


def plate(sheet: Sheet, pos: Pos, props: Mapping[str, str]) -> None:
    """Draw a repeater or comparator: a plate, an arrow the way power goes, and its setting."""
    x, y, z = pos
    on = props["powered"] == "true"
    top = y + 0.14
    box(sheet, (x + 0.04, y, z + 0.04), (x + 0.96, top, z + 0.96), _PLATE)
    dx, _, dz = OFFSETS[props["facing"]]
    middle = (x + 0.5, top, z + 0.5)
    back = (x + 0.5 + dx * 0.42, top, z + 0.5 + dz * 0.42)
    colour, glow = (_ON, 0.7) if on else (_OFF, 0.0)
    sheet.line([back, middle], colour, 0.14, glow=glow)
    tip = (x + 0.5 - dx * 0.44, top, z + 0.5 - dz * 0.44)
    wing = (dz * 0.28, dx * 0.28)
    sheet.polygon(
        [
            tip,
            (middle[0] + wing[0] - dx * 0.04, top, middle[2] + wing[1] - dz * 0.04),
            (middle[0] - wing[0] - dx * 0.04, top, middle[2] - wing[1] - dz * 0.04),
        ],
        colour,
        glow=glow,
    )
    setting = props.get("delay") or ("−" if props["mode"] == "subtract" else "C")
    where = (x + 0.5 + dx * 0.2, top + 0.12, z + 0.5 + dz * 0.2)
    sheet.text(where, setting, _WHITE, 0.62, edge=_MARK)


def torch(sheet: Sheet, pos: Pos, props: Mapping[str, str]) -> None:
    """Draw a redstone torch; one on a wall leans away from it."""
    x, y, z = pos
    on = props["lit"] == "true"
    dx, _, dz = OFFSETS[props["facing"]] if "facing" in props else (0, 0, 0)
    lift = 0.2 if dx or dz else 0.0
    foot = (x + 0.5 - dx * 0.48, y + lift, z + 0.5 - dz * 0.48)
    head = (x + 0.5 - dx * 0.2, y + lift + 0.52, z + 0.5 - dz * 0.2)
    sheet.line([foot, head], _WOOD, 0.15)
    tip = (head[0], head[1] + 0.06, head[2])
    sheet.line([head, tip], _ON if on else _OFF, 0.26, glow=0.9 * on)


def button(sheet: Sheet, pos: Pos, props: Mapping[str, str], *, chosen: bool) -> None:
    """Draw a stone button; the one to press is coloured and ringed."""
    x, y, z = pos
    depth = 0.1 if props["powered"] == "true" else 0.24
    colour = _CHOSEN if chosen else _BUTTON
    if chosen:
        rim = 0.0 if props["face"] == "floor" else 0.01
        middle = (x + 0.5, y + rim, z + 0.5)
        sheet.disc(middle, blend(_CHOSEN, _BLACK, 0.1), 0.7, glow=0.4)
        sheet.disc(middle, blend(_CHOSEN, _BLACK, 0.72), 0.6)
    if props["face"] == "wall":
        dx, _, dz = OFFSETS[props["facing"]]
        low, high = _against_wall(pos, dx, dz, depth)
    else:
        foot = y if props["face"] == "floor" else y + 1 - depth
        low, high = (x + 0.24, foot, z + 0.24), (x + 0.76, foot + depth, z + 0.76)
    box(sheet, low, high, colour, glow=0.3 * chosen)


def _against_wall(pos: Pos, dx: int, dz: int, depth: float) -> tuple[Point, Point]:
    """Return the box of a button on a wall: it faces (dx, dz), so it sits on the other side."""
    x, y, z = pos
    spans: list[tuple[float, float]] = []
    for start, step in ((x, dx), (z, dz)):
        if step > 0:
            spans.append((start, start + depth))
        elif step < 0:
            spans.append((start + 1 - depth, start + 1))
        else:
            spans.append((start + 0.24, start + 0.76))
    (low_x, high_x), (low_z, high_z) = spans
    return (low_x, y + 0.36, low_z), (high_x, y + 0.64, high_z)


def _lamp(sheet: Sheet, pos: Pos, *, lit: bool) -> None:
    x, y, z = pos
    colour = _LIT_LAMP if lit else _CUBES["redstone_lamp"]
    box(sheet, pos, (x + 1, y + 1, z + 1), colour, glow=0.55 * lit)
    core = blend(colour, _WHITE, 0.6) if lit else blend(colour, (170, 116, 70), 0.45)
    _inset_faces(sheet, pos, 0.2, core, glow=0.75 * lit)


def _inset_faces(
    sheet: Sheet, pos: Pos, inset: float, colour: Colour, *, glow: float = 0.0
) -> None:
    """Draw a smaller square on each visible face of a cube."""
    x, y, z = pos
    near, far = inset, 1 - inset
    for corners, shade in (
        (_south(x + near, x + far, y + near, y + far, z + 1), 0.1),
        (_east(z + near, z + far, y + near, y + far, x + 1), 0.22),
        (_top(x + near, x + far, z + near, z + far, y + 1), 0.0),
    ):
        sheet.polygon(corners, blend(colour, _BLACK, shade), glow=glow)


def _arrow(sheet: Sheet, centre: Point, facing: str, colour: Colour) -> None:
    """Draw a line from the middle towards where a block looks."""
    dx, dy, dz = OFFSETS[facing]
    end = (centre[0] + dx * 0.4, centre[1] + dy * 0.3, centre[2] + dz * 0.4)
    sheet.line([centre, end], colour, 0.12)


def _top(x: float, far_x: float, z: float, far_z: float, y: float) -> list[Point]:
    return [(x, y, z), (far_x, y, z), (far_x, y, far_z), (x, y, far_z)]


def _south(x: float, far_x: float, y: float, top: float, z: float) -> list[Point]:
    return [(x, y, z), (far_x, y, z), (far_x, top, z), (x, top, z)]


def _east(z: float, far_z: float, y: float, top: float, x: float) -> list[Point]:
    return [(x, y, z), (x, y, far_z), (x, top, far_z), (x, top, z)]
