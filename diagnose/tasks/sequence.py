"""Family C, sequential activation: lamps light one after the other at given delays."""

import math
from itertools import accumulate
from typing import Any

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.timing import Expected
from diagnose.env.trace import Trace, Window
from diagnose.laws import Laws
from diagnose.tasks.base import Task, cell, lit_once
from diagnose.tasks.layout import EAST, SOUTH, WEST, Canvas, delay_chain

ROW_PITCH = 4  # wire, stub, lamp, one free


class Sequence:
    """The sorted rise times differ by exactly ``delays_rt``."""

    letter = "C"
    title = "sequential activation"

    def params(self, lamps: int) -> dict[str, Any]:
        """See ``Family.params``: [1, 2] repeated, then 1."""
        return {"delays_rt": [1, 2] * ((lamps - 2) // 2) + [1]}

    def text(self, task: Task) -> str:
        """See ``Family.text``."""
        delays = task.params["delays_rt"]
        listed = ", ".join(map(str, delays))
        return (
            f"Build a device with exactly {task.lamps} redstone lamps and one stone button. After "
            "one press the lamps must light up one after the other. Sorted by the moment they "
            f"light, the gaps between one lamp and the next must be exactly, in redstone ticks: "
            f"[{listed}]."
        )

    def last_fall_rt(self, task: Task) -> int:
        """See ``Family.last_fall_rt``."""
        return int(sum(task.params["delays_rt"])) + 60

    def expected(self, task: Task) -> Expected:
        """See ``Family.expected``."""
        return Expected(task.lamps, gaps_rt=tuple(task.params["delays_rt"]))

    def reasons(self, task: Task, circuit: Circuit, trace: Trace) -> list[str]:
        """See ``Family.reasons``."""
        order = sorted((rise, pos) for pos, (rise, _) in lit_once(trace).items())
        for number, wanted in enumerate(task.params["delays_rt"], start=1):
            (before, _), (rise, pos) = order[number - 1], order[number]
            if rise - before != wanted:
                return [
                    (
                        f"gap {number} is {rise - before:g} rt, not {wanted}: lamp {cell(pos)} "
                        f"lights at {rise:g} rt, the one before it at {before:g} rt"
                    )
                ]
        return []

    def windows(self, task: Task, trace: Trace) -> dict[Pos, Window]:
        """See ``Family.windows``: counted from the first lamp to light, in the order of lighting.

        Lamps that stayed dark come last; lamps beyond the wanted number have no window.
        """
        order = sorted(
            trace.lamps,
            key=lambda pos: (trace.lamps[pos][0].rise_rt if trace.lamps[pos] else math.inf, pos),
        )
        first = trace.lamps[order[0]][0].rise_rt if order and trace.lamps[order[0]] else 0
        due = accumulate(task.params["delays_rt"], initial=first)
        return {pos: Window((at, at)) for pos, at in zip(order, due, strict=False)}

    def build(self, task: Task, laws: Laws) -> Circuit:
        """See ``Family.build``: a snake of repeaters, one lamp hanging between two of them."""
        delays = task.params["delays_rt"]
        per_row = {128: 12, 256: 24}.get(task.lamps, 8)
        canvas = Canvas(laws)
        canvas.press_here(-1, 0)
        x, z, along = 0, 0, EAST
        for number in range(task.lamps):
            canvas.put(x, z, "minecraft:redstone_wire")
            canvas.tooth(x, z, SOUTH)
            if number + 1 == task.lamps:
                break
            x += along[0]
            for delay in delay_chain(delays[number]):
                canvas.repeater(x, z, along, delay)
                x += along[0]
            if (number + 1) % per_row == 0:
                # Turn: one plain cell out of the way of the last stub, then down and back.
                for corner in (0, ROW_PITCH):
                    canvas.corner(x, z + corner)
                canvas.dust((x, z + step) for step in range(1, ROW_PITCH))
                z += ROW_PITCH
                along = WEST if along == EAST else EAST
                x += along[0]
        return canvas.circuit(task.area_side)
