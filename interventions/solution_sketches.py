"""Solution sketches: a plan of the device, what stands where, without coordinates.

Capacity: application. Injected: a plan in the first message. It says where each mechanism belongs,
not how the mechanism behaves: a reader who does not know a law cannot carry out its step. Used:
blocks were placed with the plan at hand.
"""

from collections.abc import Mapping, Sequence

from diagnose.intervention import HostCall, HostFunction, Setting
from diagnose.tasks import Task
from diagnose.tasks.needs import needed_laws

OPENING = "A plan of a device that does it:"
TOPOLOGY: Mapping[str, str] = {
    "A": "A trunk runs out from the button; rows leave it to both sides; lamps line the rows.",
    "B": "A trunk runs out from the button; rows leave it to both sides; lamps line the rows, and "
    "one row ends in the two far lamps.",
    "C": "One line winds through the area like a snake, a delay element and a lamp in turn.",
    "D": "Lines run out from the button in several directions, with lamps along them where the "
    "distance is right.",
    "E": "Between the button and a trunk with rows of lamps stands one element that gives the "
    "pulse its length.",
}
STEPS: Mapping[str, str] = {
    "dust_axes": "Lead every turn of the line through a corner cell of its own.",
    "dust_pointing": "Give every lamp its own place at a branch of the line or below the line.",
    "block_power": "Set some lamps among the blocks that carry the line.",
    "dust_climb": "Near the button the wire leaves the floor and goes on one storey up.",
    "attenuation": "Put boosters into the trunk and at the entrance of every row, as needed.",
    "repeater_direction": "Let every booster or delay element work outwards from the button: "
    "a booster outwards passes it on.",
    "repeater_delay": "Choose the setting of each delay element by the timing that is asked for.",
    "pulse_length": "Dimension the pulse shaper by the pulse of the button and by the goal.",
    "lamp_lag": "Dimension the shaper for the power that arrives, not for the glow.",
    "comparator_subtraction": "In the shaper, set the pulse against a late copy at a comparator.",
}
BUILDING = frozenset({"place", "fill", "build"})


class SolutionSketches:
    """See the module."""

    capacity = "application"

    def open(self, setting: Setting, dose: int) -> "SketchSession":
        """See ``Intervention.open``."""
        return SketchSession(setting.task)


class SketchSession:
    """One episode's sketch."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def opening(self) -> str:
        """See ``Session.opening``."""
        steps = [TOPOLOGY[self.task.family], *(STEPS[law] for law in needed_laws(self.task))]
        return "\n".join([OPENING, *(f"{n}. {step}" for n, step in enumerate(steps, start=1))])

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, calls: Sequence[HostCall], replies: Sequence[str]) -> bool:
        """See ``Session.used``."""
        return any(call.ok and call.name in BUILDING for call in calls)
