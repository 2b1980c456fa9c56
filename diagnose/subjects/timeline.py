"""What the lamps did after a press, and what changed in the world, each in a line."""

from collections.abc import Mapping

from diagnose.env.blocks import Pos
from diagnose.env.experiments import describe
from diagnose.env.trace import Interval, Trace
from diagnose.env.wording import cell_text, named

CellStates = Mapping[Pos, str]


def timeline(trace: Trace, presses: int) -> str:
    """Return which lamps were lit when after a turn's last press, lamps of one course together.

    Nothing is said of what the task expects.
    """
    courses: dict[tuple[Interval, ...], list[str]] = {}
    for pos, intervals in sorted(trace.lamps.items()):
        courses.setdefault(intervals, []).append(cell_text(pos))
    parts = [
        f"{describe(intervals)}: {named(cells)}"
        for intervals, cells in sorted(courses.items(), key=lambda entry: _when(entry[0]))
    ]
    which = "Pressed" if presses == 1 else f"Pressed {presses} times; the last time"
    return f"{which}, by lamp: {'; '.join(parts) or 'there is no lamp'}."


def changed(before: CellStates, after: CellStates) -> str:
    """Return how many blocks a turn placed and removed, in the end; empty for no change."""
    placed = sum(before.get(pos) != state for pos, state in after.items())
    removed = sum(pos not in after for pos in before)
    parts = [
        f"{count} {what}" for count, what in ((placed, "placed"), (removed, "removed")) if count
    ]
    return f"Changed: {', '.join(parts)}." if parts else ""


def _when(intervals: tuple[Interval, ...]) -> tuple[bool, float]:
    """Sort by the first rise, what stays dark last."""
    return (not intervals, float(intervals[0].rise_rt) if intervals else 0.0)
