"""A flat sheet for plans, timelines and captions, its colours, and how pictures are saved."""

import os
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Place = tuple[float, float]

BACK = (24, 27, 34)
PANEL = (38, 42, 51)
GRID = (56, 62, 74)
INK = (236, 239, 245)
FAINT = (148, 156, 172)
LIT = (255, 206, 104)
DARK = (92, 58, 38)
CHOSEN = (74, 208, 220)
WRONG = (255, 104, 132)
_DUST_OFF = (96, 18, 20)
_DUST_DIM = (150, 22, 20)
_DUST_FULL = (255, 62, 44)
_MOST_PIXELS = 24_000_000  # of the enlarged sheet: 72 MB


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour ``share`` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def dust_colour(power: int) -> Colour:
    """Return the colour of dust: nearly black at 0, and from 1 to 15 the brighter the stronger."""
    return blend(_DUST_DIM, _DUST_FULL, (power - 1) / 14) if power else _DUST_OFF


@lru_cache(maxsize=64)
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font at a size in pixels, so that no font need be installed."""
    return ImageFont.load_default(size)


def width_of(text: str, size: float) -> float:
    """Return how wide a text is in pixels."""
    return float(font(size).getlength(text))


def enlargement(width: float, height: float, wanted: int = 3) -> int:
    """Return how many times larger a picture is drawn before it is shrunk, as memory allows."""
    while wanted > 1 and width * height * wanted * wanted > _MOST_PIXELS:
        wanted -= 1
    return wanted


class Flat:
    """A canvas in pixels, drawn larger than wanted and shrunk once, which smooths every edge."""

    def __init__(self, width: float, height: float, back: Colour = BACK) -> None:
        self.width, self.height = round(width), round(height)
        self._scale = enlargement(self.width, self.height)
        size = (self.width * self._scale, self.height * self._scale)
        self._image = Image.new("RGB", size, back)
        self._draw = ImageDraw.Draw(self._image)

    def box(
        self,
        low: Place,
        high: Place,
        fill: Colour | None,
        *,
        edge: Colour | None = None,
        thick: float = 1.0,
        radius: float = 0.0,
    ) -> None:
        """Draw a rectangle from one corner to the opposite one."""
        (left, top), (right, bottom) = self._at(low), self._at(high)
        if right - left < 1 or bottom - top < 1:
            return
        corners = (left, top, right - 1, bottom - 1)
        width = self._width(thick) if edge else 0
        if radius:
            self._draw.rounded_rectangle(corners, radius * self._scale, fill, edge, width)
        else:
            self._draw.rectangle(corners, fill, edge, width)

    def line(self, points: Sequence[Place], fill: Colour, thick: float = 1.0) -> None:
        """Draw a line ``thick`` pixels wide."""
        self._draw.line([self._at(point) for point in points], fill, self._width(thick), "curve")

    def polygon(self, points: Sequence[Place], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._at(point) for point in points], fill)

    def disc(
        self, centre: Place, radius: float, fill: Colour | None, edge: Colour | None = None
    ) -> None:
        """Draw a disc, or with an edge alone a ring."""
        across, down = self._at(centre)
        half = radius * self._scale
        box = (across - half, down - half, across + half, down + half)
        self._draw.ellipse(box, fill, edge, self._width(radius * 0.3) if edge else 0)

    def text(
        self,
        place: Place,
        text: str,
        fill: Colour,
        size: float,
        *,
        anchor: str = "mm",
        edge: Colour | None = None,
    ) -> None:
        """Write a text; ``anchor`` as Pillow has it, ``mm`` for the middle."""
        rim = self._width(size * 0.13) if edge else 0
        self._draw.text(
            self._at(place),
            text,
            fill,
            font(size * self._scale),
            anchor,
            stroke_width=rim,
            stroke_fill=edge,
        )

    def finished(self) -> Image.Image:
        """Return the picture at its true size."""
        return self._image.reduce(self._scale) if self._scale > 1 else self._image

    def _at(self, place: Place) -> Place:
        return (place[0] * self._scale, place[1] * self._scale)

    def _width(self, thick: float) -> int:
        return max(1, round(thick * self._scale))


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Return pictures one under the other, each in the middle."""
    size = (max(image.width for image in images), sum(image.height for image in images))
    whole = Image.new("RGB", size, BACK)
    down = 0
    for image in images:
        whole.paste(image, ((size[0] - image.width) // 2, down))
        down += image.height
    return whole


def save_png(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a PNG of 256 colours: less than half the size, for a loss that the eye does not see.

    The palette is made for coverage, so that the button's colour, on few pixels, is kept beside a
    floor of many; dithering keeps the glow of lamps smooth.
    """
    palette = image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    small = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(path, format="PNG", optimize=True)
