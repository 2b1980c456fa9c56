"""Family E, pulse extension: all lamps powered together for exactly tau redstone ticks."""

from typing import Any

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.timing import Expected
from diagnose.env.trace import Trace, Window
from diagnose.laws import Laws
from diagnose.tasks.base import Task, cell, common_rise, lit_once
from diagnose.tasks.comb import comb
from diagnose.tasks.layout import SOUTH, WEST, Canvas, delay_chain
from diagnose.tasks.simultaneous import broadcast_rows

PUBLISHED_TAU_RT = {4: 4, 8: 6, 16: 8, 32: 10, 64: 12}
LAMP_OFF_RT = 2  # the lamp's own switch-off delay, part of the rule (docs/benchmark.md)
OUTLET = -4  # z where a shaped pulse leaves the shaper: clear of the lamps at z = -2
MOMENTARY_RT = 1  # what somebody who never timed a button takes its pulse to be


class Pulse:
    """Common rise, common fall, lit time - 2 rt == tau_rt."""

    letter = "E"
    title = "pulse extension"

    def params(self, lamps: int) -> dict[str, Any]:
        """See ``Family.params``: past L5 tau grows by 2 a step."""
        tau, size = PUBLISHED_TAU_RT.get(lamps, PUBLISHED_TAU_RT[64]), 64
        while size < lamps:
            size, tau = size * 2, tau + 2
        return {"tau_rt": tau}

    def text(self, task: Task) -> str:
        """See ``Family.text``."""
        return (
            f"Build a device with exactly {task.lamps} redstone lamps and one stone button. After "
            f"one press all {task.lamps} lamps must receive power at the same tick, stay powered "
            f"for exactly {task.params['tau_rt']} redstone ticks, and lose power at the same tick. "
            "(What counts is how long the lamps receive power, which is not the same as how long "
            "they glow.)"
        )

    def last_fall_rt(self, task: Task) -> int:
        """See ``Family.last_fall_rt``."""
        return int(task.params["tau_rt"]) + 60

    def expected(self, task: Task) -> Expected:
        """See ``Family.expected``."""
        return Expected(task.lamps, skew_rt=0, powered_rt=task.params["tau_rt"])

    def reasons(self, task: Task, circuit: Circuit, trace: Trace) -> list[str]:
        """See ``Family.reasons``."""
        found: list[str] = []
        times = lit_once(trace)
        for index, name in ((0, "light"), (1, "go dark")):
            ordered = sorted((when[index], pos) for pos, when in times.items())
            (early, low), (late, high) = ordered[0], ordered[-1]
            if early != late:
                found.append(
                    f"lamps do not {name} together: {cell(low)} at {early:g} rt, "
                    f"{cell(high)} at {late:g} rt"
                )
        tau = task.params["tau_rt"]
        for pos, (rise, fall) in times.items():
            powered = fall - rise - LAMP_OFF_RT
            if powered != tau:
                found.append(f"lamp {cell(pos)} is powered for {powered:g} rt, not {tau}")
                break
        return found

    def windows(self, task: Task, trace: Trace) -> dict[Pos, Window]:
        """See ``Family.windows``: one tick to light and one to go dark, the lag included."""
        rise = common_rise(trace)
        fall = rise + task.params["tau_rt"] + LAMP_OFF_RT
        return dict.fromkeys(trace.lamps, Window((rise, rise), fall))

    def build(self, task: Task, laws: Laws) -> Circuit:
        """See ``Family.build``: button, pulse shaper, comb."""
        canvas = Canvas(laws)
        wanted = task.params["tau_rt"]
        if "lamp_lag" not in laws:
            wanted -= LAMP_OFF_RT  # aims at the time the lamps glow
        pulse = laws.get("pulse_length", MOMENTARY_RT)
        comb(canvas, broadcast_rows(task.lamps, two_sided=False), "dust")
        if wanted > pulse:
            _stretch(canvas, wanted - pulse)
        elif wanted < pulse:
            _shorten(canvas, wanted)
        else:
            canvas.press_here(0, -1)
        return canvas.circuit(task.area_side)


def _feed(canvas: Canvas) -> None:
    """Lead the shaped pulse clear of the first row's lamps and into (0, 0) at full strength."""
    canvas.dust((0, z) for z in range(OUTLET, -1))
    canvas.repeater(0, -1, SOUTH)


def _stretch(canvas: Canvas, extra_rt: int) -> None:
    """Join the pulse with its own copy ``extra_rt`` later: two diodes into one wire."""
    chain = delay_chain(extra_rt + 1)
    bus = OUTLET - len(chain) - 1
    canvas.press_here(0, bus - 1)
    canvas.dust([(0, bus), (1, bus)])
    canvas.repeater(0, bus + 1, SOUTH)
    canvas.dust((0, z) for z in range(bus + 2, OUTLET))
    for index, delay in enumerate(chain):
        canvas.repeater(1, bus + 1 + index, SOUTH, delay)
    canvas.dust([(1, OUTLET)])
    _feed(canvas)


def _shorten(canvas: Canvas, wanted_rt: int) -> None:
    """Take from the pulse its own copy ``wanted_rt`` later: a comparator."""
    chain = delay_chain(wanted_rt)
    mode = "subtract" if "comparator_subtraction" in canvas.laws else "compare"
    z = OUTLET - 1
    canvas.press_here(0, z - 2)
    canvas.put(0, z, f"minecraft:comparator[facing=north,mode={mode}]")
    bend = len(chain) + 1
    canvas.dust((x, z - 1) for x in range(bend))
    canvas.corner(bend, z - 1)
    canvas.dust([(bend, z)])
    for index, delay in enumerate(chain):
        canvas.repeater(bend - 1 - index, z, WEST, delay)
    _feed(canvas)
