"""Pictures inside a page: a device as a data URI, its lamps' times as an SVG."""

import base64
import io
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape
from PIL import Image

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.painter import render
from diagnose.env.timeline import Row, timeline_of
from diagnose.env.trace import Time, Trace, Window

_WIDEST_PX, _COLOURS = 900, 96
_MOST_ROWS = 64
_WIDTH, _LEFT, _RIGHT, _TOP, _PITCH = 460, 92, 12, 22, 18


def picture(circuit: Circuit, at_rt: Time) -> str:
    """Return a device at a moment as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png(circuit, at_rt)).decode()


def png(circuit: Circuit, at_rt: Time) -> bytes:
    """Return a device at a moment as a PNG in few colours: a page may hold fifty."""
    image = render(circuit, at_rt).convert("RGB")
    if image.width > _WIDEST_PX:
        height = round(image.height * _WIDEST_PX / image.width)
        image = image.resize((_WIDEST_PX, height), Image.Resampling.LANCZOS)
    few = image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    few.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def timeline(trace: Trace, windows: Mapping[Pos, Window]) -> Markup:
    """Return when every lamp is lit, over when it is expected to be; lamps that err in red."""
    line = timeline_of(trace, windows)
    rows = line.rows[:_MOST_ROWS]
    scale = (_WIDTH - _LEFT - _RIGHT) / line.end_rt
    height = _TOP + len(rows) * _PITCH + 4

    def across(at_rt: Time) -> float:
        return round(_LEFT + at_rt * scale, 1)

    step = next((one for one in (1, 2, 5, 10, 20, 50) if one * scale >= 26), 100)
    said = [
        (
            f'<svg class="lamps" viewBox="0 0 {_WIDTH} {height}" role="img" '
            'aria-label="when each lamp is lit">'
        )
    ]
    for at in range(0, int(line.end_rt) + 1, step):
        here = across(at)
        said.append(
            f'<path class="grid" d="M{here} {_TOP - 4}V{height}"/>'
            f'<text class="tick" x="{here}" y="12">{at}</text>'
        )
    for number, row in enumerate(rows):
        top = _TOP + number * _PITCH
        label = escape(row.label)
        wrong = " wrong" if row.met is False else ""
        said.append(f'<text class="lamp{wrong}" x="{_LEFT - 8}" y="{top + 12.5}">{label}</text>')
        said += _due(row, top, across, line.end_rt)
        for seen in row.seen[:500]:
            start = across(seen.rise_rt)
            end = across(line.end_rt if seen.fall_rt is None else seen.fall_rt)
            said.append(
                f'<rect class="lit{wrong}" x="{start}" y="{top + 4}" '
                f'width="{max(1.0, end - start):.1f}" height="{_PITCH - 8}"/>'
            )
    said.append(f'<path class="press" d="M{across(0)} {_TOP - 4}V{height}"/></svg>')
    return Markup("".join(said))


def _due(row: Row, top: float, across: Callable[[Time], float], end_rt: Time) -> list[str]:
    """Return the moments at which a lamp is expected to light, and to go dark."""
    if row.expected is None:
        return []
    first, last = row.expected.rise_rt
    spans = [(first, min(last, end_rt))]
    if row.expected.fall_rt is not None:
        spans.append((row.expected.fall_rt, row.expected.fall_rt))
    return [
        f'<rect class="due" x="{across(start) - 2:.1f}" y="{top + 1.5}" '
        f'width="{across(end) - across(start) + 4:.1f}" height="{_PITCH - 3}"/>'
        for start, end in spans
        if start <= end
    ]
