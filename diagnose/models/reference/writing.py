"""The programs the reference subject writes: ordinary fenced code over the host functions."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from diagnose.env.blocks import brief, is_full
from diagnose.env.circuit import Circuit
from diagnose.env.experiments import PLACES, Experiment, catalogue
from diagnose.env.terms import plain
from diagnose.laws import CATALOGUE
from diagnose.models.reference.reading import CLAIMS

EXPERIMENTED, NOTED, ASKED = "def observe(", "\nnote(", "print(ask("  # known again by these
_TRY = """\
def say(lit):
    if not lit:
        return "stays dark"
    parts = []
    for x, y, z, rise, fall in lit:
        if fall is None:
            parts.append("from " + str(rise) + " rt on")
        else:
            parts.append("from " + str(rise) + " to " + str(fall) + " rt")
    return "lit " + " and ".join(parts)

def put(parts):
    build([[x, y, z, block] for block, cells in parts for x, y, z in cells])

def observe(label):
    print("- " + label + ": " + say(press()["lit"]))
    clear()
"""
_PUT = """\
def put(parts):
    build([[x, y, z, block] for block, cells in parts for x, y, z in cells])
"""


def fenced(code: str, thought: str) -> str:
    """Return an answer: a sentence and a program."""
    return f"{thought}\n\n```python\n{code.rstrip()}\n```"


def asking(laws: Sequence[str]) -> str:
    """Return a program that asks about ``laws`` in free text."""
    return "\n".join(f"print(ask({json.dumps(CATALOGUE[law].question)}))" for law in laws)


def asks(text: str, law: str) -> bool:
    """Whether a text of its own, with things by their short nouns, asks about ``law``."""
    return plain(f"ask({json.dumps(CATALOGUE[law].question)})") in text


def tries(text: str, law: str) -> bool:
    """Whether a text of its own, with things by their short nouns, experiments on ``law``."""
    return plain(json.dumps(_titled(catalogue()[law]))) in text


def notes(text: str, law: str, value: int) -> bool:
    """Whether a text of its own, with things by their short nouns, notes ``law``."""
    return NOTED in text and plain(json.dumps(CLAIMS[law].format(value=value))) in text


def experimenting(sound: Mapping[str, bool]) -> str:
    """Return a program that experiments in the area.

    Args:
        sound: law -> whether its experiment is well designed; a badly designed one runs the
            control alone, from which nothing follows.
    """
    parts = [_TRY]
    for law, well in sound.items():
        parts.append(_experiment_on(law, well))
    return "\n".join(parts)


def repeating(experiment: Experiment, *, well: bool) -> str:
    """Return a program that runs an experiment with every rig in several places of the area."""
    return f"{_TRY}\n{_rigs(experiment, well, len(PLACES))}"


@lru_cache(maxsize=64)
def _experiment_on(law: str, well: bool) -> str:
    return _rigs(catalogue()[law], well, 1)


def _rigs(experiment: Experiment, well: bool, repeats: int) -> str:
    lines = [f"print({json.dumps(_titled(experiment))})"]
    for arm in experiment.arms if well else experiment.arms[:1]:
        for circuit in arm.replicates[:repeats]:
            lines += [*_puts(circuit), f"observe({json.dumps(arm.label)})"]
    lines.append("print()")
    return "\n".join(lines)


def _titled(experiment: Experiment) -> str:
    return f"Experiment: {experiment.title}"


def noting(laws: Mapping[str, int], sections: Sequence[str]) -> str:
    """Return a program that enters findings into the knowledge book.

    Args:
        laws: what was found.
        sections: the parameters of ``note``, in order.
    """
    lines = []
    for law, value in laws.items():
        claim, proof, constraints, example = _entry(catalogue()[law], value)
        texts = {"proof": proof, "explanation": proof, "constraints": constraints}
        parts = [{**texts, "example": example}.get(name, claim) for name in sections]
        lines.append("note(" + ", ".join(map(json.dumps, parts)) + ")")
    return "\n".join(lines)


def _entry(experiment: Experiment, value: int) -> tuple[str, str, str, str]:
    claim = CLAIMS[experiment.law].format(value=value)
    control, *others = [arm.label for arm in experiment.arms]
    proof = f"Varied {experiment.varied}; control: {control}; against: {'; '.join(others)}."
    constraints = f"Tried only in this area, with {len(experiment.arms)} rigs."
    example = f"Seen with: {others[-1]}."
    return claim, proof, constraints, example


@lru_cache(maxsize=4096)
def building(circuit: Circuit, lamps_left_out: int = 0) -> str:
    """Return a program that builds a device, has it judged, and stops.

    Args:
        circuit: the device.
        lamps_left_out: how many of its last lamps a slip leaves out.
    """
    lines = _puts(circuit)
    if lamps_left_out:
        lamps = circuit.cells("redstone_lamp")[-lamps_left_out:]
        # A lamp may carry what lies on it, so it is left out by taking stone in its place.
        lines += [f"place({x}, {y}, {z}, 'stone')" for x, y, z in lamps]
    return "\n".join([_PUT, "clear()", *lines, "print(verify())", "done()"])


def _puts(circuit: Circuit) -> list[str]:
    """Return a call that builds a circuit, kind by kind, what holds others up first."""
    kinds: dict[str, list[tuple[int, int, int]]] = {}
    for pos, state in circuit.blocks.items():
        kinds.setdefault(state, []).append(pos)
    ordered = sorted(kinds, key=lambda state: (not is_full(state), state))
    parts = [
        f"    ({brief(state).removeprefix('minecraft:')!r}, {_cells(kinds[state])}),"
        for state in ordered
    ]
    return ["put([", *parts, "])"]


def _cells(cells: Sequence[tuple[int, int, int]]) -> str:
    return "[" + ", ".join(f"({x}, {y}, {z})" for x, y, z in sorted(cells)) + "]"
