"""Train, validation and held out: by task, family and level, then by run. Never at random.

Held-out tasks stay held out: neither what a subject is told of them nor their full-knowledge
program, nor a program written for them, may stand among what is trained on.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from diagnose.env.experiments import true_laws
from diagnose.env.variant import variant
from diagnose.errors import InputError
from diagnose.models.reference.writing import building
from diagnose.seeds import uniform
from diagnose.tasks import FAMILIES, Task, all_tasks, build_device, family_of, task
from diagnose.tasks.base import LEVELS
from diagnose.training.dataset import Split
from diagnose.training.messages import texts
from diagnose.training.transcripts import Candidate

Run = tuple[int, int]  # study seed, run: cells of a run share their draws


@dataclass(frozen=True)
class HoldOut:
    """Which tasks are held out: tasks, families and levels, any of them."""

    tasks: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    levels: frozenset[int] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> "HoldOut":
        """Read names such as ``A-L4`` (a task), ``B`` (a family) and ``L5`` (a level).

        Raises:
            InputError: a name is none of these.
        """
        tasks, families, levels = set(), set(), set()
        for name in names:
            if name in FAMILIES:
                families.add(name)
            elif re.fullmatch(r"L\d", name) and int(name[1:]) in LEVELS:
                levels.add(int(name[1:]))
            else:
                try:
                    tasks.add(task(name).id)
                except InputError as error:
                    remedy = "name tasks, families and levels: A-L4,B,L5"
                    raise InputError("hold-out", name, remedy) from error
        return cls(frozenset(tasks), frozenset(families), frozenset(levels))

    def holds(self, family: str, level: int) -> bool:
        """Whether a task of a family and level is held out."""
        named = f"{family}-L{level}" in self.tasks
        return named or family in self.families or level in self.levels

    @property
    def every_task(self) -> list[Task]:
        """The held-out tasks, those past the published levels too."""
        return [one for one in all_tasks(LEVELS) if self.holds(one.family, one.level)]


def validation_runs(runs: Collection[Run], share: float, seed: int) -> frozenset[Run]:
    """Return the runs that validate: a share of them, at least one and never all.

    None where there is a single run. A larger share's runs include a smaller one's.
    """
    if not share or len(runs) < 2:
        return frozenset()
    count = min(max(1, round(share * len(runs))), len(runs) - 1)
    order = sorted(runs, key=lambda run: (uniform(seed, "validation", *run), run))
    return frozenset(order[:count])


def split_of(candidate: Candidate, hold_out: HoldOut, validating: Collection[Run]) -> Split:
    """Return where a candidate belongs."""
    one = candidate.record
    if hold_out.holds(one.family, one.level):
        return "held_out"
    return "validation" if (one.study_seed, one.run) in validating else "train"


class Leaks:
    """What of held-out tasks may not stand in anything that is trained on or chosen by."""

    def __init__(self, hold_out: HoldOut, held: Iterable[Candidate]) -> None:
        """Know the tasks that are held out, and the candidates of them that there are."""
        self._tasks = hold_out.every_task
        self._told: dict[tuple[str, int], tuple[str, ...]] = {}
        self._devices = {build_device(one, true_laws()).sha256 for one in self._tasks}
        self._devices |= {one.device for one in held}

    def in_candidate(self, candidate: Candidate) -> bool:
        """Whether a held-out task's goal, its gold program or a device for it stands in one."""
        if not self._tasks:
            return False
        world = (candidate.record.variant, candidate.record.study_seed)
        if world not in self._told:
            self._told[world] = _forbidden(self._tasks, *world)
        said = _flat("\n".join(texts(candidate.messages)))
        return candidate.device in self._devices or any(text in said for text in self._told[world])


def _forbidden(tasks: Iterable[Task], kind: str, seed: int) -> tuple[str, ...]:
    """Return the goals of tasks and the programs that meet them, in the names of a world."""
    told = variant(kind, seed).tell
    found = []
    for one in tasks:
        found.append(told(family_of(one).text(one)))
        # What builds its device: the rest of the program is in every program.
        code = building(build_device(one, true_laws()))
        found.append(told(code.partition("clear()\n")[2].partition("\nprint(")[0]))
    return tuple(map(_flat, found))


def _flat(text: str) -> str:
    return " ".join(text.split())
