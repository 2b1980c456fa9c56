"""One page about a device: verdict, isometric picture, plan and timeline, for reports."""

import textwrap
from collections.abc import Mapping

from PIL import Image

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.engine import states_at
from diagnose.env.flat import FAINT, INK, LIT, WRONG, Flat, stacked
from diagnose.env.painter import area_of, framed, moment, widest_px
from diagnose.env.plan import render_plan
from diagnose.env.scene import Scene
from diagnose.env.timeline import render_timeline, timeline_of
from diagnose.env.trace import Time, Trace, Verdict, Window

_LINE_PX = 20
_LETTER_PX = 7.2  # of a line's text, on average
_MOST_REASONS = 6


def render_page(
    circuit: Circuit,
    trace: Trace,
    title: str,
    at_rt: Time | None = None,
    verdict: Verdict | None = None,
    windows: Mapping[Pos, Window] | None = None,
) -> Image.Image:
    """Return the page; without ``at_rt`` it shows the moment at which most lamps are lit."""
    shown_rt = trace.brightest_rt() if at_rt is None else at_rt
    states = states_at(circuit, area_of(circuit), shown_rt)
    picture = Scene(circuit, states, widest_px(circuit)).picture()
    parts = [
        framed(picture, states, moment(states, shown_rt)),
        render_plan(circuit, states),
        render_timeline(timeline_of(trace, windows)),
    ]
    width = max(part.width for part in parts)
    return stacked([_verdict(width, title, verdict), *parts])


def _verdict(width: int, title: str, verdict: Verdict | None) -> Image.Image:
    """Return the title with the verdict beside it and its reasons below."""
    reasons = verdict.reasons[:_MOST_REASONS] if verdict else ()
    letters = max(20, int((width - 36) / _LETTER_PX))
    lines = [line for reason in reasons for line in textwrap.wrap(reason, letters)]
    if verdict and len(verdict.reasons) > len(reasons):
        lines.append(f"and {len(verdict.reasons) - len(reasons)} more reasons")
    flat = Flat(width, 46 + _LINE_PX * len(lines))
    flat.text((18, 26), title, INK, 20, anchor="lm")
    if verdict:
        said, colour = ("pass", LIT) if verdict.passed else ("fail", WRONG)
        flat.text((width - 18, 26), said, colour, 20, anchor="rm")
    for number, line in enumerate(lines):
        flat.text((18, 54 + number * _LINE_PX), line, FAINT, 13, anchor="lm")
    return flat.finished()
