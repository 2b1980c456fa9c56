"""An isometric sheet: projects points of the world and draws on it, with a layer of glow.

World axes: x to the lower right, z to the lower left, y up; the viewer looks from the south-east.
Everything is drawn larger than wanted and shrunk once, which smooths every edge.
"""

from collections.abc import Iterable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Point = tuple[float, float, float]
Colour = tuple[int, int, int]
_OVERSAMPLE = 3
_HEIGHT = 1.12  # of a block, in tile half-widths; 1.22 would be a true cube


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour ``share`` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


class Sheet:
    """A canvas for the box from ``low`` to ``high`` (corners), ``unit`` pixels per half tile."""

    def __init__(
        self, low: Point, high: Point, unit: float, margins: tuple[int, int, int], back: Colour
    ) -> None:
        self.unit = unit * _OVERSAMPLE
        side, top, bottom = (margin * _OVERSAMPLE for margin in margins)
        self._shift = (0.0, 0.0)
        corners = [
            self.at((x, y, z))
            for x in (low[0], high[0])
            for y in (low[1], high[1])
            for z in (low[2], high[2])
        ]
        left, upper = (min(corner[axis] for corner in corners) for axis in (0, 1))
        right, lower = (max(corner[axis] for corner in corners) for axis in (0, 1))
        self._shift = (side - left, top - upper)
        size = (round(right - left) + 2 * side, round(lower - upper) + top + bottom)
        self.size = (size[0] // _OVERSAMPLE, size[1] // _OVERSAMPLE)
        self._image = Image.new("RGB", size, back)
        self._glow = Image.new("RGB", size)
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self._light = ImageDraw.Draw(self._glow)

    def at(self, point: Point) -> tuple[float, float]:
        """Return the pixel of a world point."""
        x, y, z = point
        across = (x - z) * self.unit
        down = (x + z) * self.unit / 2 - y * self.unit * _HEIGHT
        return (across + self._shift[0], down + self._shift[1])

    def polygon(
        self,
        points: Iterable[Point],
        fill: Colour,
        *,
        alpha: int = 255,
        edge: Colour | None = None,
        glow: float = 0.0,
    ) -> None:
        """Fill a polygon; ``glow`` is the share of its colour that shines."""
        corners = [self.at(point) for point in points]
        self._draw.polygon(corners, (*fill, alpha))
        # Whatever stands in front also hides the shine of what is behind it.
        self._light.polygon(corners, blend((0, 0, 0), fill, glow))
        if edge is not None:
            width = max(1, round(self.unit * 0.035))
            self._draw.line([*corners, corners[0], corners[1]], edge, width, joint="curve")

    def line(
        self, points: Sequence[Point], fill: Colour, thick: float, *, glow: float = 0.0
    ) -> None:
        """Draw a line ``thick`` half-tiles wide, with round ends."""
        corners = [self.at(point) for point in points]
        width = max(1, round(self.unit * thick))
        shine = blend((0, 0, 0), fill, glow)
        for drawing, colour in ((self._draw, fill), (self._light, shine)):
            drawing.line(corners, colour, width, joint="curve")
            for across, down in corners if width > 3 else ():
                half = width / 2
                drawing.ellipse((across - half, down - half, across + half, down + half), colour)

    def disc(self, point: Point, fill: Colour, radius: float, *, glow: float = 0.0) -> None:
        """Draw a disc that lies flat, ``radius`` in half-tiles."""
        across, down = self.at(point)
        wide, high = radius * self.unit, radius * self.unit / 2
        box = (across - wide, down - high, across + wide, down + high)
        self._draw.ellipse(box, fill)
        self._light.ellipse(box, blend((0, 0, 0), fill, glow))

    def text(
        self, point: Point, text: str, fill: Colour, size: float, *, edge: Colour | None = None
    ) -> None:
        """Write text centred on a world point, ``size`` in half-tiles."""
        font = ImageFont.load_default(size * self.unit)
        rim = round(self.unit * 0.07) if edge else 0
        self._draw.text(self.at(point), text, fill, font, "mm", stroke_width=rim, stroke_fill=edge)

    def caption(self, place: str, text: str, fill: Colour, size: int, row_px: int) -> None:
        """Write a line ``left`` or ``right`` aligned; a negative row counts from the bottom."""
        font = ImageFont.load_default(size * _OVERSAMPLE)
        inset = 18 * _OVERSAMPLE
        width, height = self._image.size
        across = inset if place == "left" else width - inset
        down = row_px * _OVERSAMPLE if row_px >= 0 else height + row_px * _OVERSAMPLE
        self._draw.text((across, down), text, fill, font, "lm" if place == "left" else "rm")

    def finished(self) -> Image.Image:
        """Return the picture at its true size, the glow laid over it."""
        image = self._image.resize(self.size, Image.Resampling.LANCZOS)
        light = self._glow.resize(self.size, Image.Resampling.BOX)
        unit = self.unit / _OVERSAMPLE
        for radius, share in ((unit * 0.35, 0.55), (unit * 1.1, 0.6)):
            halo = light.filter(ImageFilter.GaussianBlur(radius))
            image = ImageChops.screen(image, halo.point(lambda value, part=share: value * part))
        return image
