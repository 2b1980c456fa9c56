"""Small real studies of the reference subject, and an independent judge of what is made of them."""

from functools import cache

from diagnose.cli.configure import configured
from diagnose.cli.rebuilt import interventions_of
from diagnose.episode import Episode, run_episode
from diagnose.models import Reply, ToolCall
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.training.collecting import Collection, collect
from diagnose.training.dataset import Dataset

TASKS = "study.tasks=[A-L1, A-L2, C-L1, C-L2]"


@cache
def study(*overrides: str):
    """The study of four tasks, two runs and six cells, unless the overrides say otherwise."""
    return configured([TASKS, "study.runs=2", "design=one_at_a_time", *overrides])


@cache
def records(*overrides: str) -> tuple[EpisodeRecord, ...]:
    """Its episodes."""
    one = study(*overrides)
    return tuple(one.execute(plan) for plan in one.plans)


def collected(some, **how) -> Dataset:
    return collect(some, interventions_of, Collection(**how))


def passes(example, *overrides: str, cell: str | None = None) -> bool:
    """Whether an example's replies pass in an episode that a scripted subject plays.

    Args:
        example: of a data set.
        overrides: of the study that it comes from.
        cell: to play it in; its own unless told.
    """
    one = study(*overrides)
    cell = cell or example.source.cell
    place = (example.source.task, example.source.run, cell)
    plan = next(plan for plan in one.plans if (plan.task, plan.run, plan.cell) == place)
    replies = [reply_of(message) for message in example.messages if message["role"] == "assistant"]
    episode = one.episode(plan)
    return bool(run_episode(Episode(**{**vars(episode), "model": played_by(replies)})).success)


def played_by(replies) -> Scripted:
    return Scripted("scripted/data", replies)


def reply_of(message) -> Reply:
    calls = tuple(
        ToolCall(
            call["id"], call["function"]["name"], canonical_json(call["function"]["arguments"])
        )
        for call in message.get("tool_calls", ())
    )
    return Reply(message["content"], tool_calls=calls)
