"""The strip under a picture: what the moment shows, and what the signs mean that occur in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import Image

from diagnose.env.blocks import name_of
from diagnose.env.flat import (
    CHOSEN,
    DARK,
    FAINT,
    INK,
    LIT,
    Flat,
    blend,
    dust_colour,
    width_of,
)

_SIZE = 13
_ROW = 24
_GAP = 24
_INSET = 18
_PLATE = (186, 189, 196)
_ARROW = (150, 34, 30)


@dataclass(frozen=True)
class _Sign:
    """One entry: a drawing ``wide`` pixels wide, and what it means."""

    blocks: tuple[str, ...]
    wide: int
    text: str
    paint: Callable[[Flat, float, float], None]


def _press(flat: Flat, x: float, y: float) -> None:
    flat.box((x, y - 6), (x + 12, y + 6), CHOSEN, radius=2)


def _lamps(flat: Flat, x: float, y: float) -> None:
    for left, fill in ((x, DARK), (x + 16, LIT)):
        flat.box((left, y - 6), (left + 12, y + 6), fill, edge=blend(fill, INK, 0.3))


def _dust(flat: Flat, x: float, y: float) -> None:
    for power in range(16):
        left = x + power * 8
        flat.box((left, y - 5), (left + 8, y + 5), dust_colour(power))


def _repeater(flat: Flat, x: float, y: float) -> None:
    flat.box((x, y - 7), (x + 30, y + 7), _PLATE, radius=2)
    flat.text((x + 8, y), "2", (30, 33, 40), 13)
    flat.polygon([(x + 15, y - 5), (x + 27, y), (x + 15, y + 5)], _ARROW)


def _comparator(flat: Flat, x: float, y: float) -> None:
    for left, letter in ((x, "C"), (x + 18, "S")):
        flat.box((left, y - 7), (left + 14, y + 7), _PLATE, radius=2)
        flat.text((left + 7, y), letter, (30, 33, 40), 12)


def _observer(flat: Flat, x: float, y: float) -> None:
    flat.box((x, y - 7), (x + 30, y + 7), (84, 88, 96))
    flat.box((x + 2, y - 5), (x + 6, y + 5), INK)
    flat.line([(x + 10, y), (x + 20, y)], INK, 2)
    flat.disc((x + 25, y), 3, _ARROW)


_SIGNS = (
    _Sign(("stone_button",), 12, "pressed", _press),
    _Sign(("redstone_lamp",), 28, "lamp dark, lit", _lamps),
    _Sign(("redstone_wire",), 128, "dust 0 to 15", _dust),
    _Sign(("repeater",), 30, "repeater, delay in rt", _repeater),
    _Sign(("comparator",), 32, "compare, subtract", _comparator),
    _Sign(("observer",), 30, "observer: looks, gives", _observer),
)


def strip(width: int, said: str, states: Iterable[str]) -> Image.Image:
    """Return the strip: ``said`` first, then the signs of the blocks that occur, as they fit."""
    names = {name_of(state) for state in states}
    places: list[tuple[float, float, _Sign]] = []
    across, down = _INSET + 0.0, _ROW / 2
    if said:
        across += width_of(said, _SIZE + 1) + 2 * _GAP
    for sign in _SIGNS:
        if not names.intersection(sign.blocks):
            continue
        wide = sign.wide + 8 + width_of(sign.text, _SIZE)
        if across + wide > width - _INSET and across > _INSET:
            across, down = _INSET, down + _ROW
        places.append((across, down, sign))
        across += wide + _GAP
    flat = Flat(width, down + _ROW / 2 + 10)
    flat.text((_INSET, _ROW / 2), said, INK, _SIZE + 1, anchor="lm")
    for x, y, sign in places:
        sign.paint(flat, x, y)
        flat.text((x + sign.wide + 8, y), sign.text, FAINT, _SIZE, anchor="lm")
    return flat.finished()
