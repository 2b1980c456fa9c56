"""The laws of the redstone world that a task may need, as topics and as knowledge.

Knowledge is ``Laws``: law name -> value. A quantitative law carries what an experiment measured
(``attenuation`` 15 blocks); a qualitative one carries 1. An absent law is not known. Values are
never assumed by a builder: whoever learnt a wrong number builds a wrong device.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Laws = Mapping[str, int]


@dataclass(frozen=True)
class Law:
    """One law: its topic may be said aloud by a hint, its content may not."""

    name: str
    topic: str  # names the gap and reveals no specifics
    question: str  # what one would ask an experimenter about it
    unit: str  # of the value; empty for a qualitative law


CATALOGUE: Mapping[str, Law] = {
    law.name: law
    for law in (
        Law(
            "dust_axes",
            "which neighbouring cells a redstone dust joins up with",
            "Does redstone dust connect to dust on a diagonal cell?",
            "",
        ),
        Law(
            "dust_pointing",
            "which of the blocks around it a redstone dust acts on",
            "Which lamps does a straight line of dust light: the one it points at, "
            "the one under it, the one it passes?",
            "",
        ),
        Law(
            "block_power",
            "what a block that carries power does to the blocks beside it",
            "Does a solid block under powered dust light a lamp beside the block?",
            "",
        ),
        Law(
            "dust_climb",
            "how redstone dust gets from one height to another",
            "How many blocks can redstone dust step up or down between neighbouring cells?",
            "block",
        ),
        Law(
            "attenuation",
            "how far a signal carries along redstone dust",
            "At what distance along redstone dust does the signal die?",
            "block",
        ),
        Law(
            "repeater_direction",
            "the direction in which a repeater passes a signal",
            "Which way does a repeater pass the signal relative to its facing property?",
            "",
        ),
        Law(
            "repeater_delay",
            "the time a repeater takes",
            "How long does a repeater delay the signal at each delay setting?",
            "rt",
        ),
        Law(
            "pulse_length",
            "how long a stone button stays pressed",
            "How long does a stone button stay pressed?",
            "rt",
        ),
        Law(
            "lamp_lag",
            "how a lamp follows its power in time",
            "How long does a redstone lamp stay lit after its power is gone?",
            "rt",
        ),
        Law(
            "comparator_subtraction",
            "what the modes of a comparator do with its side input",
            "What does a comparator output in subtract mode and in compare mode "
            "when its side input is as strong as its rear input?",
            "",
        ),
    )
}
