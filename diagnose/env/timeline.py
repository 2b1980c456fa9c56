"""When every lamp is lit after a press: seen, and expected by a rule where one is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from diagnose.env.blocks import Pos
from diagnose.env.flat import (
    BACK,
    CHOSEN,
    FAINT,
    GRID,
    INK,
    LIT,
    PANEL,
    WRONG,
    Flat,
    blend,
    width_of,
)
from diagnose.env.trace import Interval, Time, Trace, Window
from diagnose.env.wording import cell_text

GROUPED_FROM = 64  # lamps; so many are shown as groups of equals
MOST_ROWS = 256
_LEFT, _RIGHT, _TOP = 18, 30, 62
_BARS_PX = 900
_LABEL_PX = 12.0
_DUE = (122, 226, 166)
_MOST_BARS = 2000  # of one row; a clock blinks more often than a row has pixels


@dataclass(frozen=True)
class Row:
    """One row: lamps that did, and were to do, exactly the same."""

    lamps: tuple[Pos, ...]
    seen: tuple[Interval, ...]
    expected: Window | None = None

    @property
    def met(self) -> bool | None:
        """Whether what was seen is what was expected; None where nothing was."""
        return None if self.expected is None else self.expected.met_by(self.seen)

    @property
    def label(self) -> str:
        """The lamp's cell, or how many lamps and the first of them."""
        first = cell_text(self.lamps[0])
        return first if len(self.lamps) == 1 else f"{len(self.lamps)} lamps, {first} …"


@dataclass(frozen=True)
class Timeline:
    """Rows from the first lamp to light to the last, dark ones at the end; and how far it goes."""

    rows: tuple[Row, ...]
    end_rt: Time

    @property
    def shown(self) -> tuple[Row, ...]:
        """The rows of the picture: the first ``MOST_ROWS``."""
        return self.rows[:MOST_ROWS]

    @property
    def pitch_px(self) -> int:
        """How high one row is."""
        steps = ((20, 26), (40, 20), (80, 15), (128, 12), (MOST_ROWS, 9))
        return next(px for most, px in steps if len(self.shown) <= most)

    @property
    def left_px(self) -> float:
        """Where the press stands; the labels lie to the left of it."""
        return _LEFT + max((width_of(row.label, _LABEL_PX) for row in self.shown), default=0) + 16

    def place(self, row: int, at_rt: Time) -> tuple[float, float]:
        """Return the pixel of a moment in the middle of a row."""
        across = self.left_px + at_rt * _BARS_PX / self.end_rt
        return (across, _TOP + (row + 0.5) * self.pitch_px)


def timeline_of(trace: Trace, expected: Mapping[Pos, Window] | None = None) -> Timeline:
    """Return what a trace shows of every lamp, beside what a rule expects of it."""
    windows = expected or {}
    groups: dict[tuple[object, ...], list[Pos]] = {}
    apart = len(trace.lamps) < GROUPED_FROM
    for pos, seen in sorted(trace.lamps.items()):
        key = (tuple(seen), windows.get(pos), pos if apart else None)
        groups.setdefault(key, []).append(pos)
    rows = [
        Row(tuple(lamps), tuple(trace.lamps[lamps[0]]), windows.get(lamps[0]))
        for lamps in groups.values()
    ]
    rows.sort(key=lambda row: (not row.seen, row.seen[0].rise_rt if row.seen else 0, row.lamps))
    return Timeline(tuple(rows), _end(rows, trace))


def _end(rows: Sequence[Row], trace: Trace) -> Time:
    """Return the last moment that anything happens or is due, a tick of air, and no less than 4."""
    times: list[Time] = [4]
    for row in rows:
        times += [trace.end_rt if lit.fall_rt is None else lit.fall_rt for lit in row.seen]
        if row.expected:
            times += [row.expected.rise_rt[1], row.expected.fall_rt or 0]
    return max(times) + 1


def render_timeline(timeline: Timeline, title: str = "") -> Image.Image:
    """Return the picture: a row per lamp, lit from bar to bar, the press at 0."""
    rows, pitch, left = timeline.shown, timeline.pitch_px, timeline.left_px
    scale = _BARS_PX / timeline.end_rt
    bottom = _TOP + len(rows) * pitch
    more = len(timeline.rows) - len(rows)
    flat = Flat(left + _BARS_PX + _RIGHT, bottom + 50 + 20 * bool(more))
    flat.box((left, _TOP), (left + _BARS_PX, bottom), PANEL)
    _axis(flat, left, (_TOP, bottom), timeline.end_rt)
    every = -(-15 // pitch)  # so many rows apart, labels do not touch
    for number, row in enumerate(rows):
        top = _TOP + number * pitch
        _row(flat, row, (left, top, scale, pitch), timeline.end_rt)
        if number % every == 0 or (row.met is False and every == 1):
            colour = WRONG if row.met is False else FAINT
            middle = (left - 10, top + pitch / 2)
            flat.text(middle, row.label, colour, _LABEL_PX, anchor="rm")
    if title:
        flat.text((_LEFT, 22), title, INK, 16, anchor="lm")
    if more:
        flat.text((_LEFT, bottom + 20), f"and {more} more rows", FAINT, _LABEL_PX, anchor="lm")
    expected = any(row.expected for row in rows)
    _key(flat, left, flat.height - 18, expected=expected)
    return flat.finished()


def _axis(flat: Flat, left: float, span: tuple[float, float], end_rt: Time) -> None:
    """Draw a line at every so many ticks, and the press at 0."""
    top, bottom = span
    scale = _BARS_PX / end_rt
    step = next((one for one in (1, 2, 5, 10, 20, 50) if one * scale >= 34), 100)
    for at in range(0, int(end_rt) + 1, step):
        across = left + at * scale
        flat.line([(across, top), (across, bottom)], GRID, 0.8)
        flat.text((across, top - 10), str(at), FAINT, 11)
    flat.line([(left, top - 3), (left, bottom + 3)], CHOSEN, 2)
    flat.text((left, top - 25), "press", CHOSEN, 11)
    flat.text((left + _BARS_PX, top - 25), "rt after the press", FAINT, 11, anchor="rm")


def _row(flat: Flat, row: Row, where: tuple[float, float, float, float], end_rt: Time) -> None:
    """Draw what was seen as bars, and over them what was due."""
    left, top, scale, pitch = where
    inset = 0.2 * pitch
    low, high = top + inset, top + pitch - inset
    colour = blend(LIT, WRONG, 0.75) if row.met is False else LIT
    if not row.seen:
        said = WRONG if row.met is False else FAINT
        size = min(11.0, pitch)
        flat.text((left + _BARS_PX - 10, (low + high) / 2), "stays dark", said, size, anchor="rm")
    for interval in row.seen[:_MOST_BARS]:
        end = end_rt if interval.fall_rt is None else interval.fall_rt
        start = left + interval.rise_rt * scale
        flat.box((start, low), (max(start + 1, left + end * scale), high), colour)
    if row.expected is None:
        return
    window = row.expected
    low, high = top + 0.06 * pitch, top + pitch - 0.06 * pitch
    if window.lit_at_rt is not None:
        _due(flat, left + window.lit_at_rt * scale, low, high)
    else:
        first, last = (left + at * scale for at in window.rise_rt)
        _due(flat, first, low, high)
        if last > first:
            _due(flat, last, low, high)
            flat.line([(first, high), (last, high)], _DUE, 1.4)
    if window.fall_rt is not None:
        _due(flat, left + window.fall_rt * scale, low, high)


def _due(flat: Flat, across: float, low: float, high: float) -> None:
    """Draw one moment that is due: green, edged so that it shows on light and on dark."""
    flat.line([(across, low), (across, high)], BACK, 4.4)
    flat.line([(across, low), (across, high)], _DUE, 2.4)


def _key(flat: Flat, left: float, down: float, *, expected: bool) -> None:
    across = left
    flat.box((across, down - 5), (across + 26, down + 5), LIT)
    flat.text((across + 34, down), "lit", FAINT, _LABEL_PX, anchor="lm")
    if not expected:
        return
    across += 80
    _due(flat, across, down - 8, down + 8)
    flat.text((across + 10, down), "expected, given when it starts", FAINT, _LABEL_PX, anchor="lm")
    across += 220
    flat.box((across, down - 5), (across + 26, down + 5), blend(LIT, WRONG, 0.75))
    flat.text((across + 34, down), "lit, but not as expected", FAINT, _LABEL_PX, anchor="lm")
