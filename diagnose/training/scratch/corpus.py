"""A corpus: what a model is sent and what the teacher answers, message by message."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from diagnose.episode import Episode, run_episode
from diagnose.intervention import Intervention
from diagnose.models import Call, Message, Model, Reply
from diagnose.seeds import seed_of
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import Task, family_of
from diagnose.training.scratch.teacher import Habits, Teacher
from diagnose.training.scratch.variants import MIX, variant
from diagnose.training.scratch.worlds import Told, World

SCAFFOLD = Scaffold(prompt="compact", keep_turns=1)
BUDGETS = Budgets(trials=4, turns=6, silent_turns=1)


@dataclass(frozen=True)
class Step:
    """One message of the teacher, under what it was sent."""

    messages: tuple[Message, ...]  # the reply is the last
    task: str
    family: str
    cell: str
    run: int
    turn: int


@dataclass
class Watched:
    """A ``Model`` that keeps what was sent and answered."""

    model: Model
    seen: list[tuple[Message, ...]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self.model.name

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        reply = self.model.reply(messages, call)
        self.seen.append((*messages, Message("assistant", reply.text)))
        return reply


def corpus(
    interventions: Mapping[str, Intervention], episodes: int, seed: int, habits: Habits
) -> Iterator[Step]:
    """Yield the steps of a corpus, episode by episode: each task, cell and world drawn by seed.

    Args:
        interventions: by factor name, in the order of a cell's digits.
        episodes: how many.
        seed: root of the seed tree.
        habits: of the teacher.
    """
    for number in range(episodes):
        path = (seed, "corpus", number)
        task = variant(MIX[number % len(MIX)], *path)
        bits = seed_of(*path, "cell")
        doses = tuple(bits >> place & 1 for place in range(len(interventions)))
        yield from played(task, interventions, doses, seed, number, World.drawn(*path), habits)


def played(
    task: Task,
    interventions: Mapping[str, Intervention],
    doses: tuple[int, ...],
    seed: int,
    run: int,
    world: World,
    habits: Habits,
) -> Iterator[Step]:
    """Yield the steps of one episode of the teacher."""
    watched = Watched(Teacher(task, habits))
    episode = Episode(
        episode_id="",
        study="corpus",
        study_seed=seed,
        factors=tuple(interventions),
        doses=doses,
        task=task,
        family=family_of(task),
        run=run,
        model=watched,
        interventions={name: Told(one, world) for name, one in interventions.items()},
        budgets=BUDGETS,
        scaffold=SCAFFOLD,
    )
    run_episode(episode)
    for turn, messages in enumerate(watched.seen):
        yield Step(messages, task.id, task.family, episode.cell, run, turn)
