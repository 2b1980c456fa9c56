"""Gap hints: name what the task needs to be known, and reveal nothing of it.

Capacity: identification. Injected: one list in the first message. Doses: 1 the topics, 2 a question
on each, 3 a pointed question, which says what to vary or compare; 9 the sham, a list as long about
other things. Used: the subject asked, or wrote a line, about a listed topic.
"""

from collections.abc import Mapping, Sequence

from diagnose.env.questions import match
from diagnose.env.variant import Variant
from diagnose.intervention import SHAM, Evidence, HostFunction, Setting, checked_dose
from diagnose.phrasing import pick, sham_clauses, tokens
from diagnose.tasks.needs import needed_laws

LONGEST_LINE = 300  # a longer line is data, not a question
OPENINGS = (
    "Before you build, these are worth finding out about, as you may not know them yet:",
    "You may not know the following yet; it is worth finding out before you build:",
    "Some things to find out before building, in case they are not known to you:",
)
SHAM_OPENING = "Before you build, these are things that one may wonder about now and then:"
# law -> dose -> paraphrases. A paraphrase names the gap; it holds no number and no answer.
HINTS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "dust_axes": (
        (
            "which neighbouring cells a redstone dust joins up with",
            "how redstone dust connects to the dust around it, corners included",
            "between which cells redstone dust links to form a wire",
        ),
        (
            "To which of the dusts around it does a redstone dust connect?",
            "Which neighbouring cells does redstone dust join, and does a corner count?",
            "Is redstone dust linked to dust that lies diagonally from it?",
        ),
        (
            "Compare a straight wire of dust with one that has a diagonal step: do both connect?",
            "Does the signal pass from dust to dust across a diagonal corner?",
            "If a wire of dust takes a diagonal step, is it still joined up or not?",
        ),
    ),
    "dust_pointing": (
        (
            "which lamps around it a wire of redstone dust lights",
            "which of the blocks beside, before and under a dust wire it acts on",
            "where a lamp must stand so that a line of dust lights it",
        ),
        (
            "Which lamps does a line of redstone dust light?",
            "Does a wire of dust light the lamp it passes, or the one it points at?",
            "Where beside, before or under a dust wire does a lamp light?",
        ),
        (
            (
                "Compare a lamp that a dust wire points at with one beside it and one under it: "
                "which light?"
            ),
            "Does a straight line of dust light a lamp at its end, at its side, or below it?",
            "Put lamps in front of, beside and beneath a wire of dust: which of them light?",
        ),
    ),
    "block_power": (
        (
            "what a solid block under powered dust does to a lamp beside the block",
            "whether a block that carries dust passes power on to its neighbours",
            "how a solid block conducts power to a lamp next to it",
        ),
        (
            "Does a block under powered dust light a lamp beside the block?",
            "Can a solid block below a wire conduct power to an adjacent lamp?",
            "What does a stone that carries powered dust do to the lamp next to it?",
        ),
        (
            "Compare a lamp right beside a block under powered dust with one a cell further away.",
            "Does the stone under a live dust power lamps next to the stone, and how near?",
            "Is a lamp adjacent to the solid block beneath powered dust lit, or does it stay dark?",
        ),
    ),
    "dust_climb": (
        (
            "how redstone dust gets from one height to another",
            "whether and how far redstone dust climbs up and down steps",
            "how a wire of dust changes its level",
        ),
        (
            "How high a step does redstone dust climb?",
            "Can redstone dust go up or down a step between neighbouring cells?",
            "How does a dust wire rise from one level to a higher one?",
        ),
        (
            "Compare wires of dust that rise by steps of different heights: which still conduct?",
            "At which height of a step does dust no longer climb?",
            "How tall may a step be for dust to connect up and down over it?",
        ),
    ),
    "attenuation": (
        (
            "how far a signal carries along redstone dust",
            "over what distance the signal in a wire of dust dies",
            "how the strength of a signal falls along redstone dust",
        ),
        (
            "How far does a signal carry along redstone dust?",
            "At what distance along a dust wire does the signal die?",
            "How long may a wire of dust be before its signal fades away?",
        ),
        (
            "Compare dust wires of growing length: from which length on is the far lamp dark?",
            "What is the greatest distance along dust at which a signal still lights a lamp?",
            "Lengthen a wire of dust step by step: at what distance does the signal die?",
        ),
    ),
    "repeater_direction": (
        (
            "the direction in which a repeater passes a signal",
            "which side of a repeater is its input and which its output",
            "how a repeater must face for a signal to get through",
        ),
        (
            "In which direction does a repeater pass a signal?",
            "Which way must a repeater face for the signal to get through?",
            "Which side of a repeater is the input, given its facing?",
        ),
        (
            "Compare a repeater facing towards the button with one facing away: which passes?",
            "Does a repeater's facing name its input side or its output side?",
            "Turn a repeater the other way round: in which direction does the signal pass?",
        ),
    ),
    "repeater_delay": (
        (
            "the time a repeater takes at its delay settings",
            "how long a repeater holds a signal back",
            "how the delay setting of a repeater changes its timing",
        ),
        (
            "How long does a repeater delay a signal?",
            "What does the delay setting of a repeater do to the time a signal takes?",
            "How many ticks does a repeater hold the signal back at each setting?",
        ),
        (
            (
                "Compare a wire without a repeater with repeaters at every delay "
                "setting: how late is each?"
            ),
            "For each delay setting of a repeater, how many ticks later does the lamp light?",
            "Change only the delay setting of a repeater: how does the time change?",
        ),
    ),
    "pulse_length": (
        (
            "how long a stone button stays pressed",
            "the length of the pulse that a stone button gives",
            "after what time a pressed button pops out again",
        ),
        (
            "How long does a stone button stay pressed?",
            "How long is the pulse of a stone button?",
            "After how many ticks does a pressed button pop out?",
        ),
        (
            (
                "Compare a lamp that the button lights with one it switches off: how "
                "long is the button pressed?"
            ),
            "How many ticks does a stone button stay pressed, apart from what the lamp adds?",
            "Measure how long the pulse of a stone button itself is, from press to release.",
        ),
    ),
    "lamp_lag": (
        (
            "how long a lamp glows on after its power is gone",
            "how a lamp follows its power in time when it goes off",
            "the time a lamp stays lit after the power has ended",
        ),
        (
            "How long does a lamp glow after its power is gone?",
            "Does a lamp go off at once when it loses power, or does it stay lit for a while?",
            "How long does a redstone lamp stay lit after its power is off?",
        ),
        (
            "Compare the time a lamp is lit with the time it has power: how long does it glow on?",
            "How many ticks after the power is gone does a lamp go dark?",
            "Cut the power of a lit lamp: how long does the lamp stay lit after that?",
        ),
    ),
    "comparator_subtraction": (
        (
            "what the modes of a comparator do with its side input",
            "how a comparator's side input changes its output",
            "what a comparator gives out in its subtract mode",
        ),
        (
            "What does the side input of a comparator do in subtract mode and in compare mode?",
            "How does the side input of a comparator change its output?",
            "What does a comparator in subtract mode make of its rear and side input?",
        ),
        (
            (
                "Give a comparator a side input as strong as its rear input: what "
                "comes out in each mode?"
            ),
            "Compare a comparator in subtract mode with and without a strong side input.",
            "With rear and side input of a comparator equal, does subtract mode let a signal out?",
        ),
    ),
}


class GapHints:
    """See the module."""

    capacity = "identification"

    def open(self, setting: Setting, dose: int) -> "HintSession":
        """See ``Intervention.open``."""
        checked_dose("gap_hints", dose, (1, 2, 3, SHAM))
        laws = needed_laws(setting.task)
        level = 1 if dose == SHAM else dose
        lines = [pick(setting, HINTS[law][level - 1], "gap_hints", law) for law in laws]
        opening = pick(setting, OPENINGS, "gap_hints", "opening")
        if dose == SHAM:
            short = tokens(opening) - tokens(SHAM_OPENING)
            told = map(setting.variant.tell, lines)
            lines = sham_clauses([tokens(line) for line in told], owed=short)
            opening = SHAM_OPENING
        return HintSession(opening, lines, laws, setting.variant)


class HintSession:
    """One episode's hints."""

    def __init__(
        self, opening: str, lines: Sequence[str], laws: Sequence[str], variant: Variant
    ) -> None:
        self._opening = opening
        self._variant = variant
        self._lines = lines
        self.laws = laws

    def opening(self) -> str:
        """See ``Session.opening``."""
        return "\n".join([self._opening, *(f"- {line}" for line in self._lines)])

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, evidence: Evidence) -> bool:
        """See ``Session.used``: a question asked, or a line written, is about a needed law."""
        asked = [str(call.args[0]) for call in evidence.calls if call.name == "ask" and call.args]
        lines = [line for reply in evidence.replies for line in reply.splitlines()]
        said = (text for text in (*asked, *lines) if len(text) <= LONGEST_LINE)
        found = (match(self._variant.hear(text)) for text in said)
        return any(experiment is not None and experiment.law in self.laws for experiment in found)
