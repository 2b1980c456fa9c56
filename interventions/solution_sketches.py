"""Solution sketches: a plan of a device that does it.

Capacity: application. Injected: a plan in the first message. Doses: 1 topology, what stands where
in words; 2 also its measures; 3 also the coordinates of its skeleton, the cells of lamps, button
and wire without the settings of the components; 9 the sham, a plan as long of other things. It says
where a mechanism belongs, not how the mechanism behaves. Used: at least half of the plan's parts
that can be seen in a device occur in the one that was judged.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from diagnose.env.blocks import name_of
from diagnose.env.circuit import Circuit
from diagnose.env.experiments import true_laws
from diagnose.intervention import SHAM, Evidence, HostFunction, Setting, checked_dose
from diagnose.phrasing import pick, sham_clauses, tokens
from diagnose.tasks import build_device
from diagnose.tasks.needs import needed_laws

OPENINGS = (
    "A plan of a device that does it:",
    "Here is how a device that does it is laid out:",
    "The layout of one device that meets the goal:",
)
TOPOLOGY: Mapping[str, tuple[str, str, str]] = {
    "A": (
        "A trunk runs out from the button; rows leave it to both sides; lamps line the rows.",
        "From the button a trunk sets out, rows branch off it left and right, lamps line them.",
        "Lamps line rows that leave a trunk to both sides; the trunk starts at the button.",
    ),
    "B": (
        (
            "A trunk with rows to both sides runs out from the button; lamps line "
            "the rows, and one row ends in the two far lamps."
        ),
        (
            "Rows leave a trunk at the button to both sides; they are lined with "
            "lamps, the two far lamps being the ends of one row."
        ),
        (
            "The two far lamps end one of the rows that leave the button's trunk "
            "to both sides; other lamps line the rows."
        ),
    ),
    "C": (
        "One line winds through the area like a snake, a delay element and a lamp in turn.",
        "A single line snakes through the area: delay element, lamp, delay element, lamp.",
        "Delay elements and lamps take turns along one line that winds to and fro.",
    ),
    "D": (
        (
            "Lines run out from the button in several directions, with lamps where the distance is "
            "right."
        ),
        "From the button lines go out in several directions; lamps sit where the distance fits.",
        "Where the distance is right, lamps sit on lines that go out from the button.",
    ),
    "E": (
        (
            "Between the button and a trunk with rows of lamps stands one element that gives the "
            "pulse its length."
        ),
        (
            "One element that gives the pulse its length stands between the button "
            "and a trunk with rows of lamps."
        ),
        "The pulse passes one element that gives it its length, then a trunk with rows of lamps.",
    ),
}
STEPS: Mapping[str, tuple[str, str, str]] = {
    "dust_axes": (
        "Lead every turn of the line through a corner cell of its own.",
        "Give each turn of the line its corner cell.",
        "A turn of the line takes a corner cell to itself.",
    ),
    "dust_pointing": (
        "Give every lamp its own place at a branch of the line or below the line.",
        "Each lamp has its own branch of the line, or lies below the line.",
        "Let no lamp stand without a branch of its own, or else lay it below the line.",
    ),
    "block_power": (
        "Set some lamps among the blocks that carry the line.",
        "Some lamps stand among the blocks under the line.",
        "Put a few lamps in among the blocks which the line runs on.",
    ),
    "dust_climb": (
        "Near the button the wire leaves the floor and goes on one storey up.",
        "The wire goes one storey up soon after the button.",
        "Past the button, take the wire to the storey above the floor.",
    ),
    "attenuation": (
        "Put boosters into the trunk and at the entrance of every row, as needed.",
        "Boosters stand in the trunk and where rows begin, as needed.",
        "As needed, the trunk and the beginnings of the rows get boosters.",
    ),
    "repeater_direction": (
        "Let every booster or delay element work outwards from the button.",
        "Every booster or delay element is to work outwards, away from the button.",
        "Away from the button, outwards: so works each booster and delay element.",
    ),
    "repeater_delay": (
        "Choose the setting of each delay element by the timing that is asked for.",
        "The timing that is asked for gives the setting of each delay element.",
        "Take each delay element's setting from the timing that is asked for.",
    ),
    "pulse_length": (
        "Dimension the pulse shaper by the pulse of the button and by the goal.",
        "The button and the goal together dimension the pulse shaper.",
        "From the button and the goal follows the size of the pulse shaper.",
    ),
    "lamp_lag": (
        "Dimension the shaper for the power that arrives, not for the glow.",
        "What counts for the shaper is arriving power, not the glow.",
        "Not the glow but the power that arrives decides about the shaper.",
    ),
    "comparator_subtraction": (
        "In the shaper, set the pulse against a late copy at a comparator.",
        "A comparator in the shaper sets the pulse against its late copy.",
        "Let a comparator weigh the pulse against a late copy of it in the shaper.",
    ),
}
# What of a step can be seen in a device.
_SEEN: Mapping[str, Callable[[Circuit], bool]] = {
    "attenuation": lambda device: bool(device.cells("repeater")),
    "repeater_delay": lambda device: any("delay=1" not in s for s in _repeaters(device)),
    "comparator_subtraction": lambda device: bool(device.cells("comparator")),
    "dust_climb": lambda device: any(y == 2 for _, y, _ in device.cells("redstone_wire")),
    "block_power": lambda device: bool(device.cells("stone")),
}
HALF = 0.5
SHAM_OPENING = "A plan for the year in a kitchen garden:"
SHAM_STEPS = (
    "Sow peas in March.",
    "Weed the beds every week.",
    "Turn the heap of compost before winter.",
    "Tie the beans to poles once they climb.",
    "Water the young plants early in the morning hours.",
    "Keep the herbs close to the door of the kitchen.",
    "Leave one bed empty each year so that the soil can rest.",
    "Cover the soil between the rows with straw when the days turn hot.",
    "Lift the potatoes on a dry day and let them lie in the shade.",
    "Sharpen the spade and oil the handles of the tools before the first frost.",
    "Plant the onions where the beans stood last year, and the beans where the peas were before.",
    "Take the seeds from the best plants of the summer, dry them on paper, and keep them in a tin.",
    (
        "Prune the berry bushes after the harvest, leaving the young wood, since next year's fruit "
        "grows on what is a year old."
    ),
)


class SolutionSketches:
    """See the module."""

    capacity = "application"

    def open(self, setting: Setting, dose: int) -> "SketchSession":
        """See ``Intervention.open``."""
        checked_dose("solution_sketches", dose, (1, 2, 3, SHAM))
        laws = needed_laws(setting.task)
        device = build_device(setting.task, {law: true_laws()[law] for law in laws})
        steps = [
            pick(setting, TOPOLOGY[setting.task.family], "solution_sketches", "topology"),
            *(pick(setting, STEPS[law], "solution_sketches", law) for law in laws),
        ]
        if dose == SHAM:
            told = map(setting.variant.tell, steps)
            steps = sham_clauses([tokens(step) for step in told], SHAM_STEPS)
        elif dose > 1:
            steps.append(_measures(device))
        if dose == 3:
            steps += _skeleton(device)
        opening = pick(setting, OPENINGS, "solution_sketches", "opening")
        opening = SHAM_OPENING if dose == SHAM else opening
        return SketchSession(opening, steps, laws, device)


class SketchSession:
    """One episode's sketch."""

    def __init__(
        self, opening: str, steps: Sequence[str], laws: Sequence[str], device: Circuit
    ) -> None:
        self._opening = opening
        self._steps = steps
        self._laws = laws
        self._device = device

    def opening(self) -> str:
        """See ``Session.opening``."""
        steps = (f"{number}. {step}" for number, step in enumerate(self._steps, start=1))
        return "\n".join([self._opening, *steps])

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, evidence: Evidence) -> bool:
        """See ``Session.used``: the parts are the plan's lamps, wire, and what its steps show."""
        built = evidence.circuit
        if built is None:
            return False
        wanted, found = _parts(self._device), _parts(built)
        shares = [min(1.0, found[name] / count) for name, count in wanted.items()]
        shares += [float(_SEEN[law](built)) for law in self._laws if law in _SEEN]
        return sum(shares) >= HALF * len(shares)


def _parts(device: Circuit) -> Counter[str]:
    kinds = Counter(name_of(state) for state in device.blocks.values())
    return Counter({name: kinds[name] for name in ("redstone_lamp", "redstone_wire")})


def _repeaters(device: Circuit) -> list[str]:
    return [device.blocks[pos] for pos in device.cells("repeater")]


def _measures(device: Circuit) -> str:
    """Say how large the plan is and how much of everything it takes; no place and no setting."""
    wide, high, deep = (
        max(pos[axis] for pos in device.blocks) - min(pos[axis] for pos in device.blocks) + 1
        for axis in (0, 1, 2)
    )
    counts = Counter(name_of(state) for state in device.blocks.values())
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"It is {wide} wide, {deep} deep and {high} high, and takes {parts}."


def _skeleton(device: Circuit) -> list[str]:
    """List the cells of button, lamps, wire and components; not which way they face or are set."""
    cells: dict[str, list[str]] = {}
    for (x, y, z), state in device.blocks.items():
        cells.setdefault(name_of(state), []).append(f"({x}, {y}, {z})")
    return [f"{name} at {' '.join(places)}." for name, places in sorted(cells.items())]
