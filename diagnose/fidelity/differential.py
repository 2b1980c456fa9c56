"""Press random circuits in both engines and count where, and why, they part."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnose.env import engine
from diagnose.fidelity.classes import agree, classify, pressed
from diagnose.fidelity.generator import AREA_SIDE, KINDS, random_circuit
from diagnose.fidelity.loops import feeds_itself

WATCH_RT = 200  # a clock differs at once or not at all


@dataclass
class Count:
    """What was seen of the circuits of one kind."""

    circuits: int = 0
    lit: int = 0  # circuits in which some lamp was lit at some time
    lamps: int = 0
    apart: int = 0  # circuits on which the engines part
    lamps_apart: int = 0
    classes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Difference:
    """The counts by kind of circuit, and the judge's two ways of building compared."""

    seed: int
    circuits: int
    counts: Mapping[str, Count]
    examples: Mapping[str, int]  # class -> the number of its first circuit in the sequence
    rebuilt: int  # circuits that rest otherwise in a fresh world than in the standing one
    rebuilt_loops: int  # those among them that feed themselves


def compare(seed: int, circuits: int) -> Difference:
    """Press ``circuits`` random circuits; the same seed gives the same counts."""
    counts = {kind: Count() for kind in KINDS}
    examples: dict[str, int] = {}
    rebuilt = rebuilt_loops = 0
    for number in range(circuits):
        kind, circuit = random_circuit(seed, number)
        tick, other = pressed(circuit, AREA_SIDE, WATCH_RT)
        count = counts[kind]
        count.circuits += 1
        count.lit += any(tick.lamps.values())
        count.lamps += len(tick.lamps)
        if not agree(tick, other):
            cause = classify(circuit, AREA_SIDE, WATCH_RT)
            count.apart += 1
            count.lamps_apart += sum(tick.lamps[pos] != other.lamps[pos] for pos in tick.lamps)
            count.classes[cause] += 1
            examples.setdefault(cause, number)
        if not agree(tick, engine.press_fresh(circuit, AREA_SIDE, WATCH_RT)):
            rebuilt += 1
            rebuilt_loops += feeds_itself(circuit)
    return Difference(seed, circuits, counts, examples, rebuilt, rebuilt_loops)
