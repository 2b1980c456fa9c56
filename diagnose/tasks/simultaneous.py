"""Family A, simultaneous ignition: all lamps rise within one redstone tick."""

from typing import Any

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.timing import Expected
from diagnose.env.trace import Trace, Window
from diagnose.laws import Laws
from diagnose.tasks.base import Task, cell, common_rise, lit_once
from diagnose.tasks.comb import PITCH, HalfRow, comb, even_rows
from diagnose.tasks.layout import Canvas


class Simultaneous:
    """max rise - min rise <= skew_rt."""

    letter = "A"
    title = "simultaneous ignition"

    def params(self, lamps: int) -> dict[str, Any]:
        """See ``Family.params``."""
        return {"skew_rt": 1}

    def text(self, task: Task) -> str:
        """See ``Family.text``."""
        return (
            f"Build a device with exactly {task.lamps} redstone lamps and one stone button. "
            f"After one press of the button all {task.lamps} lamps must light up together: the "
            f"first and the last to light may lie at most {task.params['skew_rt']} redstone tick "
            "apart."
        )

    def last_fall_rt(self, task: Task) -> int:
        """See ``Family.last_fall_rt``."""
        return 60

    def expected(self, task: Task) -> Expected:
        """See ``Family.expected``."""
        return Expected(task.lamps, skew_rt=task.params["skew_rt"])

    def reasons(self, task: Task, circuit: Circuit, trace: Trace) -> list[str]:
        """See ``Family.reasons``."""
        rises = {pos: rise for pos, (rise, _) in lit_once(trace).items()}
        first, last = min(rises, key=rises.__getitem__), max(rises, key=rises.__getitem__)
        skew = rises[last] - rises[first]
        if skew <= task.params["skew_rt"]:
            return []
        allowed = task.params["skew_rt"]
        return [
            (
                f"skew is {skew:g} rt, at most {allowed} allowed: lamp {cell(first)} lights at "
                f"{rises[first]:g} rt, lamp {cell(last)} at {rises[last]:g} rt"
            )
        ]

    def windows(self, task: Task, trace: Trace) -> dict[Pos, Window]:
        """See ``Family.windows``: one window as wide as the skew allowed."""
        skew = task.params["skew_rt"]
        start = common_rise(trace, skew)
        return dict.fromkeys(trace.lamps, Window((start, start + skew)))

    def build(self, task: Task, laws: Laws) -> Circuit:
        """See ``Family.build``: a broadcast comb around the button."""
        canvas = Canvas(laws)
        comb(canvas, broadcast_rows(task.lamps, two_sided=True), "button")
        return canvas.circuit(task.area_side)


def broadcast_rows(lamps: int, *, two_sided: bool) -> list[HalfRow]:
    """Return a comb of ``lamps`` lamps: short rows first, then longer ones, then more of them."""
    per_half = {4: 1, 8: 2, 16: 2, 32: 4, 64: 6}.get(lamps, 7)
    rows = -(-lamps // (4 * per_half))
    if two_sided:
        offsets = sorted((PITCH * (i - (rows - 1) // 2) for i in range(rows)), key=abs)
    else:
        offsets = [PITCH * i for i in range(rows)]
    return even_rows(lamps, per_half, offsets)
