"""How each block looks on the isometric sheet."""

from collections.abc import Iterator, Mapping

from diagnose.env.blocks import OFFSETS, Pos
from diagnose.env.flat import CHOSEN as _CHOSEN
from diagnose.env.flat import Colour, blend, dust_colour
from diagnose.env.iso import Point, Sheet

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
_PLATE = (186, 189, 196)
_ON = (255, 84, 60)
_OFF = (112, 34, 32)
_INK = (34, 37, 44)
_BUTTON = (158, 163, 172)
_ARROW = (214, 218, 226)
_WOOD = (124, 92, 56)
_HIGHER = 0.07  # how much lighter each layer is than the one below
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
    colour = blend(_CUBES[name], _WHITE, _HIGHER * (y - 1))
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
        _observer(sheet, pos, props)


def dust(sheet: Sheet, pos: Pos, sides: Mapping[str, str], power: int) -> None:
    """Draw redstone dust: a line to each connected side, the brighter the stronger."""
    colour = dust_colour(power)
    glow = 0.25 + 0.5 * power / 15 if power else 0.0
    for points in _arms(pos, sides):
        sheet.line(points, colour, 0.2, glow=glow)
    if len(sides) > 2:
        sheet.disc((pos[0] + 0.5, pos[1] + 0.02, pos[2] + 0.5), colour, 0.26, glow=glow)


def hidden_dust(sheet: Sheet, pos: Pos, sides: Mapping[str, str], power: int) -> None:
    """Draw dust faintly over what hides it."""
    colour = blend(dust_colour(power), _WHITE, 0.15)
    for points in _arms(pos, sides):
        sheet.faint(points, colour, 0.12)


def _arms(pos: Pos, sides: Mapping[str, str]) -> Iterator[list[Point]]:
    """Yield the lines of dust from the middle of its cell to each connected side."""
    x, y, z = pos
    for side, shape in sides.items():
        dx, _, dz = OFFSETS[side]
        rim = (x + 0.5 + dx / 2, y + 0.02, z + 0.5 + dz / 2)
        points = [(x + 0.5, y + 0.02, z + 0.5), rim]
        # Dust that climbs is seen only on the faces that look at the viewer.
        if shape == "up" and side in ("north", "west"):
            points.append((rim[0], y + 1.02, rim[2]))
        yield points


def plate(sheet: Sheet, pos: Pos, props: Mapping[str, str]) -> None:
    """Draw a repeater or comparator: a plate, an arrow the way power goes, and its setting."""
    x, y, z = pos
    on = props["powered"] == "true"
    top = y + 0.14
    box(sheet, (x + 0.04, y, z + 0.04), (x + 0.96, top, z + 0.96), _PLATE)
    dx, _, dz = OFFSETS[props["facing"]]
    colour, glow = (_ON, 0.7) if on else (_OFF, 0.0)
    middle = (x + 0.5, z + 0.5)
    back = (middle[0] + dx * 0.42, top, middle[1] + dz * 0.42)
    sheet.line([back, (middle[0], top, middle[1])], colour, 0.14, glow=glow)
    base = (middle[0] - dx * 0.02, middle[1] - dz * 0.02)
    wing = (dz * 0.3, dx * 0.3)
    sheet.polygon(
        [
            (middle[0] - dx * 0.45, top, middle[1] - dz * 0.45),
            (base[0] + wing[0], top, base[1] + wing[1]),
            (base[0] - wing[0], top, base[1] - wing[1]),
        ],
        colour,
        glow=glow,
    )
    if props.get("locked") == "true":
        bar = [(base[0] + wing[0], top, base[1] + wing[1])]
        sheet.line([*bar, (base[0] - wing[0], top, base[1] - wing[1])], _INK, 0.14)
    setting = props.get("delay") or ("S" if props["mode"] == "subtract" else "C")
    where = (x + 0.5 + dx * 0.24, top + 0.09, z + 0.5 + dz * 0.24)
    sheet.text(where, setting, _WHITE, 0.6, edge=_INK)


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


def _observer(sheet: Sheet, pos: Pos, props: Mapping[str, str]) -> None:
    """Draw an observer's eyes where it looks, its red dot where it gives, and an arrow between."""
    x, y, z = pos
    on = props["powered"] == "true"
    dx, dy, dz = OFFSETS[props["facing"]]
    middle = (x + 0.5, y + 0.5, z + 0.5)
    for sign in (1, -1):
        face = (sign * dx, sign * dy, sign * dz)
        if min(face) < 0:  # that side looks away from the viewer
            continue
        centre = tuple(m + 0.5 * f for m, f in zip(middle, face, strict=True))
        across, along = [axis for axis in range(3) if not face[axis]]
        if sign > 0:
            for shift in (-0.2, 0.2):
                eye = list(centre)
                eye[across if across != 1 else along] += shift
                _patch(sheet, (eye[0], eye[1], eye[2]), (across, along), 0.11, _WHITE)
        else:
            colour = _ON if on else _OFF
            patch = (centre[0], centre[1], centre[2])
            _patch(sheet, patch, (across, along), 0.16, colour, glow=0.9 * on)
    if not dy:
        top = y + 1.0
        tip = (x + 0.5 - dx * 0.38, top, z + 0.5 - dz * 0.38)
        back = (x + 0.5 + dx * 0.36, top, z + 0.5 + dz * 0.36)
        sheet.line([back, tip], _ARROW, 0.1)
        wings = [
            (tip[0] + dx * 0.3 + side * dz * 0.24, top, tip[2] + dz * 0.3 + side * dx * 0.24)
            for side in (1, -1)
        ]
        sheet.polygon([tip, *wings], _ON if on else _ARROW, glow=0.9 * on)


def _patch(
    sheet: Sheet,
    centre: Point,
    axes: tuple[int, int],
    half: float,
    colour: Colour,
    *,
    glow: float = 0.0,
) -> None:
    """Draw a square on a face that spans two axes."""
    corners = []
    for first, second in ((-half, -half), (half, -half), (half, half), (-half, half)):
        corner = list(centre)
        corner[axes[0]] += first
        corner[axes[1]] += second
        corners.append((corner[0], corner[1], corner[2]))
    sheet.polygon(corners, colour, glow=glow)


def _top(x: float, far_x: float, z: float, far_z: float, y: float) -> list[Point]:
    return [(x, y, z), (far_x, y, z), (far_x, y, far_z), (x, y, far_z)]


def _south(x: float, far_x: float, y: float, top: float, z: float) -> list[Point]:
    return [(x, y, z), (far_x, y, z), (far_x, top, z), (x, top, z)]


def _east(z: float, far_z: float, y: float, top: float, x: float) -> list[Point]:
    return [(x, y, z), (x, y, far_z), (x, top, far_z), (x, top, z)]
