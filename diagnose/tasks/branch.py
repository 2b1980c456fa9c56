"""Family B, T-junction branch reach: lamps lit at once, the farthest at an exact distance."""

from typing import Any

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.flow import branches
from diagnose.env.timing import Expected
from diagnose.env.trace import Trace, Window
from diagnose.laws import Laws
from diagnose.tasks.base import Task, cell, lit_once, manhattan
from diagnose.tasks.comb import FIRST_TOOTH, PITCH, HalfRow, comb
from diagnose.tasks.layout import EAST, WEST, Canvas

PUBLISHED_REACH = {4: 8, 8: 12, 16: 15, 32: 18, 64: 20}
GROWTH_PAST_L5 = 1.25


class Branch:
    """All lit at one tick; farthest lamps at exactly ``reach`` on both sides; a live T-junction."""

    letter = "B"
    title = "T-junction branch reach"

    def params(self, lamps: int) -> dict[str, Any]:
        """See ``Family.params``."""
        reach = float(PUBLISHED_REACH.get(lamps, PUBLISHED_REACH[64]))
        size = 64
        while size < lamps:
            size, reach = size * 2, reach * GROWTH_PAST_L5
        return {"reach": int(reach)}

    def text(self, task: Task) -> str:
        """See ``Family.text``."""
        return (
            f"Build a branching device with exactly {task.lamps} redstone lamps and one stone "
            f"button. After one press all {task.lamps} lamps must be lit together at some moment. "
            f"The lamps farthest from the button must be exactly {task.params['reach']} blocks "
            "away (|dx| + |dz|, heights do not count), and there must be such lamps on both sides "
            "of the button along the x axis or along the z axis. The wiring must branch: at least "
            "one redstone dust with three or more connections must carry the signal on its way to "
            "two or more lamps."
        )

    def last_fall_rt(self, task: Task) -> int:
        """See ``Family.last_fall_rt``."""
        return 60

    def expected(self, task: Task) -> Expected:
        """See ``Family.expected``."""
        return Expected(task.lamps, reach=task.params["reach"], junction=True)

    def reasons(self, task: Task, circuit: Circuit, trace: Trace) -> list[str]:
        """See ``Family.reasons``."""
        found: list[str] = []
        times = lit_once(trace)
        late = max(times, key=lambda pos: times[pos][0])
        early = min(times, key=lambda pos: times[pos][1])
        if times[late][0] >= times[early][1]:
            found.append(
                f"never all lit at once: lamp {cell(early)} is dark again at "
                f"{times[early][1]:g} rt, lamp {cell(late)} lights at {times[late][0]:g} rt"
            )
        reach = task.params["reach"]
        far = max(times, key=lambda pos: manhattan(pos, circuit.press))
        distance = manhattan(far, circuit.press)
        if distance != reach:
            found.append(f"farthest lamp {cell(far)} is {distance} blocks away, not {reach}")
        else:
            ends = [p for p in times if manhattan(p, circuit.press) == reach]
            if not any(_both_sides(ends, circuit.press[axis], axis) for axis in (0, 2)):
                found.append(f"lamps at distance {reach} lie on one side of the button only")
        if not branches(circuit, trace, lamps=2):
            found.append("no dust with three connections carries power on to two lamps or more")
        return found

    def windows(self, task: Task, trace: Trace) -> dict[Pos, Window]:
        """See ``Family.windows``: all lit at the moment at which most of them are."""
        moment = trace.brightest_rt()
        return dict.fromkeys(trace.lamps, Window((0, moment), lit_at_rt=moment))

    def build(self, task: Task, laws: Laws) -> Circuit:
        """See ``Family.build``: a comb around the button, one row ending in the far lamps."""
        reach = task.params["reach"]
        half = (task.area_side - 1) // 2
        end_offset = 0 if reach <= half else PITCH
        end_at = reach - end_offset
        halves: list[HalfRow] = []
        left = task.lamps - 2
        for offset in _offsets(reach, end_offset):
            limit = min(half, reach - abs(offset) - 2)
            if offset == end_offset:
                limit = min(limit, end_at - 2)
            places = range(FIRST_TOOTH, limit + 1, 2)
            counts = {EAST: 0, WEST: 0}
            for x in places:
                for along in (EAST, WEST):
                    if left and counts[along] <= len(range(FIRST_TOOTH, x, 2)):
                        counts[along] += 1
                        left -= 2
            for along, count in counts.items():
                teeth = tuple((places[i], side) for i in range(count) for side in (1, -1))
                end = end_at if offset == end_offset else None
                if teeth or end is not None:
                    halves.append(HalfRow(offset, along, teeth, end))
        canvas = Canvas(laws)
        comb(canvas, halves, "button")
        return canvas.circuit(task.area_side)


def _both_sides(ends: list[tuple[int, int, int]], button: int, axis: int) -> bool:
    return any(p[axis] < button for p in ends) and any(p[axis] > button for p in ends)


def _offsets(reach: int, end_offset: int) -> list[int]:
    """Return row offsets, the row with the far lamps first, then outwards in both directions."""
    steps = (reach - FIRST_TOOTH - 2) // PITCH
    ordered = sorted(range(-steps * PITCH, steps * PITCH + 1, PITCH), key=lambda k: (abs(k), -k))
    return [end_offset, *(k for k in ordered if k != end_offset)]
