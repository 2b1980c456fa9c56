"""A press as an animated GIF: the settled circuit, then every redstone tick until it is quiet."""

import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.engine import SETTLE_RT, states_over
from diagnose.env.flat import stacked
from diagnose.env.legend import strip
from diagnose.env.painter import area_of, clock, heading, lit_of
from diagnose.env.scene import Scene

_WIDEST_PX, _LEAST_PX = 800, 480
_MANY_FRAMES = 120  # a longer film is drawn smaller, so that its file stays about as large
_SETTLED_MS, _HELD_MS = 1000, 2500
_SLOW_MS, _REAL_MS = 200, 100  # of a tick: half speed for a short press, else the game's own
_SHORT_FRAMES = 60
_RESTLESS_RT = 50
_COLOURS = 64


def film(circuit: Circuit, path: str | os.PathLike[str], title: str = "") -> int:
    """Write the animation, which loops, and return its number of frames.

    Frame 0 is settled; frame k + 1 shows the moment k rt after the press. Of a circuit that never
    falls quiet the beginning is shown.
    """
    changes = states_over(circuit, area_of(circuit))
    if len(changes) - 2 >= SETTLE_RT:
        changes = changes[: _RESTLESS_RT + 2]
        title = f"{title}, never quiet"
    ticks = len(changes) - 2
    tick_ms = _SLOW_MS if len(changes) <= _SHORT_FRAMES else _REAL_MS
    frames = _frames(circuit, changes, title)
    # One write, complete: a name that is refused leaves no half a film behind.
    stream = io.BytesIO()
    next(frames).save(
        stream,
        format="GIF",
        save_all=True,
        append_images=frames,
        duration=[_SETTLED_MS, *[tick_ms] * ticks, _HELD_MS],
        loop=0,
        optimize=False,
    )
    Path(path).write_bytes(stream.getvalue())
    return len(changes)


def _frames(
    circuit: Circuit, changes: Sequence[Mapping[Pos, str]], title: str
) -> Iterator[Image.Image]:
    """Yield every frame in one palette, in which what does not change costs nothing."""
    share = min(1.0, math.sqrt(_MANY_FRAMES / len(changes)))
    scene = Scene(circuit, changes[0], max(_LEAST_PX, round(_WIDEST_PX * share)))
    bright = _brightest(changes)
    width = scene.picture().width
    below = strip(width, "", changes[0].values())

    def frame(at_rt: int | None) -> Image.Image:
        lit, lamps = lit_of(scene.states)
        said = f"{lit} of {lamps} lamps lit,  {clock(at_rt)}"
        return stacked([heading(width, title, said), scene.picture(), below])

    settled = frame(None)
    scene.change(bright)
    both = stacked([settled, frame(0)])
    scene.change(changes[0])
    palette = both.quantize(
        _COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
    )
    yield settled.quantize(palette=palette, dither=Image.Dither.NONE)
    for at_rt, changed in enumerate(changes[1:]):
        scene.change(changed)
        yield frame(at_rt).quantize(palette=palette, dither=Image.Dither.NONE)


def _brightest(changes: Sequence[Mapping[Pos, str]]) -> dict[Pos, str]:
    """Return the states at the moment at which most lamps are lit."""
    now = dict(changes[0])
    best, most = dict(now), lit_of(now)[0]
    lit = most
    for changed in changes[1:]:
        lit += lit_of(changed)[0] - lit_of({pos: now[pos] for pos in changed})[0]
        now.update(changed)
        if lit > most:
            best, most = dict(now), lit
    return best
