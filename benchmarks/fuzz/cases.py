"""One case: drawn from the seed and its number, run through the boundary, and checked."""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.fuzz import files, programs
from diagnose.env.blocks import AIR, CANONICAL_STATES
from diagnose.env.circuit import LAYERS, Circuit, load_circuit, unsupported
from diagnose.env.variant import KINDS, variant
from diagnose.episode import Episode, run_episode
from diagnose.errors import InputError
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord
from diagnose.sandbox import Limits
from diagnose.seeds import seed_of
from diagnose.subjects.budgets import Budgets
from diagnose.tasks import FAMILIES, Task, family_of, task, verdict_of
from diagnose.wellformed import check_record
from interventions.experiment_oracles import ExperimentOracles
from interventions.knowledge_notes import KnowledgeNotes

WEIGHTS: Mapping[str, float] = {
    "hostile calls": 16, "grammar": 20, "mutated program": 12, "cheats": 6, "odd replies": 5,
    "bombs": 1, "random circuit": 14, "mutated device": 12, "nonsense": 8, "deep or long": 1,
    "noise": 5,
}  # fmt: skip
LIMITS = Limits(wall_s=0.15, memory_bytes=24_000_000, recursion=100, host_calls=400, printed=2_000)
BUDGETS = Budgets(trials=10, turns=4)
MOST_TOLD = 40_000  # characters of one observation, whatever a program printed or named
# What would tell a renamed world's things by their own names.
_TELLING = re.compile(
    r"redstone|minecraft|glass|dusts?\b|repeater|comparator|torch|observer|lamp|subtract",
    re.IGNORECASE,
)


class BrokenPromiseError(Exception):
    """The boundary let something through that it promises to keep."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case: ``ran``, ``refused`` (with a message) or ``stopped`` (by a limit)."""

    kind: str
    did: str
    passed: bool = False  # the judge passed what stood


def kind_of(seed: int, number: int) -> str:
    """Return the kind of a case."""
    draw = Random(seed_of("fuzz", seed, number, "kind"))
    return draw.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]


def run_case(seed: int, number: int) -> Outcome:
    """Run one case.

    Raises:
        BrokenPromiseError: see there; anything else that it raises is a fault as well.
    """
    kind = kind_of(seed, number)
    draw = Random(seed_of("fuzz", seed, number))
    chosen = task(f"{draw.choice(tuple(FAMILIES))}-L{draw.choice((1, 1, 1, 2, 2, 3, 5))}")
    if kind in files.WAYS:
        return _read(kind, files.WAYS[kind](draw, chosen), chosen)
    return _played(kind, number, draw, chosen)


def _read(kind: str, raw: bytes, chosen: Task) -> Outcome:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        Path(file.name).write_bytes(raw)
        try:
            circuit = load_circuit(file.name, chosen.area_side)
        except InputError as error:
            if len(str(error)) > 1_000:
                raise BrokenPromiseError(f"a message of {len(str(error))} characters") from error
            return Outcome(kind, "refused")
    _stands(circuit, chosen.area_side)
    if Circuit.from_json(circuit.to_json(), chosen.area_side) != circuit:
        raise BrokenPromiseError("a circuit is not what its own file says")
    return Outcome(kind, "ran", verdict_of(chosen, circuit).passed)


def _played(kind: str, number: int, draw: Random, chosen: Task) -> Outcome:
    where = variant(draw.choice(KINDS), draw.randrange(20))
    replies = programs.replies(kind, draw, chosen, where)
    laid = {"experiment_oracles": ExperimentOracles(), "knowledge_notes": KnowledgeNotes()}
    record = run_episode(
        Episode(
            episode_id=f"fuzz-{number}",
            study="fuzz",
            study_seed=number,
            factors=tuple(laid),
            doses=(1, 1),
            task=chosen,
            family=family_of(chosen),
            run=0,
            model=Scripted("scripted/fuzz", replies),
            interventions=laid,
            budgets=BUDGETS,
            limits=LIMITS,
            variant=where,
        )
    )
    _keeps(record, chosen, where.kind)
    told = [message["content"] for message in record.transcript if message["role"] == "user"][1:]
    did = "ran"
    if any("\nError: stopped: " in text for text in told):
        did = "stopped"
    elif any("\nError: " in text or "stopped with an error" in text for text in told):
        did = "refused"
    return Outcome(kind, did, bool(record.success))


def _stands(circuit: Circuit, side: int) -> None:
    """Check, independently of the parser's own walk, what is promised of every circuit."""
    for (x, y, z), state in circuit.blocks.items():
        if not (0 <= x < side and 1 <= y <= LAYERS and 0 <= z < side):
            raise BrokenPromiseError(f"a block at {(x, y, z)}")
        if state == AIR or state not in CANONICAL_STATES:
            raise BrokenPromiseError(f"a block {state!r}")
    if loose := unsupported(circuit.blocks, side):
        raise BrokenPromiseError(f"{loose[0]} hangs in the air")
    if circuit.press not in circuit.cells("stone_button"):
        raise BrokenPromiseError("nothing to press")


def _keeps(record: EpisodeRecord, chosen: Task, kind: str) -> None:
    """Check what is promised of every episode, whatever its subject did."""
    line = record.to_line()
    again = EpisodeRecord.from_dict(json.loads(line))
    check_record(again)
    if again.to_line() != line:
        raise BrokenPromiseError("a record is not what its own line says")
    if record.usage.trials > BUDGETS.trials or record.usage.turns > BUDGETS.turns:
        raise BrokenPromiseError(f"{record.usage} is over the budget")
    if record.circuit:
        _stands(Circuit.from_json(record.circuit, chosen.area_side), chosen.area_side)
    own = "".join(m["content"] for m in record.transcript if m["role"] == "assistant").lower()
    for message in record.transcript:
        text = message["content"]
        if message["role"] == "assistant":
            continue
        if len(text) > MOST_TOLD:
            raise BrokenPromiseError(f"an observation of {len(text)} characters")
        if "/diagnose/" in text or "site-packages" in text:
            raise BrokenPromiseError(f"a path of the host's is told: {text[:500]}")
        if kind == "renamed":
            for word in _TELLING.findall(text):
                if word.lower() not in own:
                    raise BrokenPromiseError(f"a renamed world tells {word!r} in {text[:2000]!r}")
