"""An isometric sheet: projects points of the world and draws on it, with a layer of glow.

World axes: x to the lower right, z to the lower left, y up; the viewer looks from the south-east.
Everything is drawn larger than wanted and shrunk once, which smooths every edge.
"""

from collections.abc import Iterable, Sequence
from typing import Self

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from diagnose.env.flat import BACK, Colour, blend, enlargement, font

Point = tuple[float, float, float]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the enlarged sheet
HEIGHT = 1.12  # of a block, in tile half-widths; 1.22 would be a true cube


class Sheet:
    """A canvas that holds all ``points``, with ``unit`` pixels per half tile.

    ``margins`` are in pixels: at the sides, above, below.
    """

    def __init__(self, points: Iterable[Point], unit: float, margins: tuple[int, int, int]) -> None:
        self.unit = unit
        self._shift = (0.0, 0.0)
        places = [self.at(point) for point in points]
        left, upper = (min(place[axis] for place in places) for axis in (0, 1))
        right, lower = (max(place[axis] for place in places) for axis in (0, 1))
        side, top, bottom = margins
        wide, high = round(right - left) + 2 * side, round(lower - upper) + top + bottom
        scale = self.scale = enlargement(wide, high)
        self.unit = unit * scale
        self._shift = ((side - left) * scale, (top - upper) * scale)
        self._take(Image.new("RGB", (wide * scale, high * scale), BACK), None)

    def _take(self, image: Image.Image, glow: Image.Image | None) -> None:
        self.image = image
        self.glow = Image.new("RGB", image.size) if glow is None else glow
        self._draw = ImageDraw.Draw(self.image, "RGBA")
        self._light = ImageDraw.Draw(self.glow)

    def window(self, box: Box) -> Self:
        """Return a copy of a part of this sheet that draws at the same places."""
        part = object.__new__(type(self))
        part.unit, part.scale = self.unit, self.scale
        part._shift = (self._shift[0] - box[0], self._shift[1] - box[1])
        part._take(self.image.crop(box), self.glow.crop(box))
        return part

    def lay(self, part: "Sheet", window: Box, box: Box) -> None:
        """Put what lies in ``box`` back from a window."""
        left, top = window[:2]
        inner = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
        self.image.paste(part.image.crop(inner), box[:2])
        self.glow.paste(part.glow.crop(inner), box[:2])

    def at(self, point: Point) -> tuple[float, float]:
        """Return the pixel of a world point."""
        x, y, z = point
        across = (x - z) * self.unit
        down = (x + z) * self.unit / 2 - y * self.unit * HEIGHT
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

    def faint(self, points: Sequence[Point], fill: Colour, thick: float) -> None:
        """Draw a line that shines through what stands before it."""
        width = max(1, round(self.unit * thick))
        self._draw.line([self.at(point) for point in points], (*fill, 96), width)

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
        rim = round(self.unit * 0.07) if edge else 0
        letters = font(size * self.unit)
        self._draw.text(
            self.at(point), text, fill, letters, "mm", stroke_width=rim, stroke_fill=edge
        )

    def finished(self) -> Image.Image:
        """Return the picture at its true size, the glow laid over it."""
        image, light = self.image.reduce(self.scale), self.glow.reduce(self.scale)
        unit = self.unit / self.scale
        # The wider a halo, the coarser it may be computed.
        for radius, share, coarse in ((unit * 0.35, 0.55, 2), (unit * 1.1, 0.6, 4)):
            small = light.reduce(coarse).filter(ImageFilter.GaussianBlur(radius / coarse))
            halo = small.resize(light.size, Image.Resampling.BILINEAR)
            image = ImageChops.screen(image, halo.point(lambda value, part=share: value * part))
        return image
