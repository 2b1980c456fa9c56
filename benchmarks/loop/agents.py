"""The base agent of a seed, and how an agent plays tasks outside a study."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.loop.sizes import Size
from diagnose.cli.compose import Study
from diagnose.cli.configure import configured
from diagnose.episode import Episode, run_episode
from diagnose.intervention import Intervention
from diagnose.models import Model
from diagnose.models.local import Local
from diagnose.records import EpisodeRecord
from diagnose.tasks import Task, family_of

TEMPERATURE = 1.0  # what it was trained to be is a distribution, and that is what is diagnosed
BARE, FULL = (0, 0, 0, 0), (1, 1, 1, 1)  # cells


@dataclass(frozen=True)
class Attempt:
    """One task, tried once, in one cell."""

    task: Task
    run: int
    doses: tuple[int, ...]


@cache
def experiment() -> Study:
    """Return the study that conf/experiment/loop.yaml describes: its interventions and scaffold."""
    return configured(["experiment=loop"])


def interventions() -> Mapping[str, Intervention]:
    """Return the four interventions as the experiment has them."""
    return experiment().interventions


def subject(
    base: Path, size: Size, adapter: Path | None = None, temperature: float = TEMPERATURE
) -> Local:
    """Return an agent's weights as a subject."""
    return Local(
        model=str(base),
        adapter=str(adapter) if adapter else "",
        temperature=temperature,
        max_new_tokens=size.longest,
    )


def played(model: Model, attempts: Sequence[Attempt], seed: int) -> list[EpisodeRecord]:
    """Run attempts side by side; return a record each, in their order."""
    study = experiment()

    def run(one: Attempt) -> EpisodeRecord:
        return run_episode(
            Episode(
                episode_id=f"{one.task.id}/{one.run}/{''.join(map(str, one.doses))}",
                study="loop",
                study_seed=seed,
                factors=tuple(study.interventions),
                doses=one.doses,
                task=one.task,
                family=family_of(one.task),
                run=one.run,
                model=model,
                interventions=study.interventions,
                budgets=study.budgets,
                scaffold=study.scaffold,
            )
        )

    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(run, attempts))


def make_base(folder: Path, size: Size, seed: int) -> dict[str, Any]:
    """Play a corpus, and train a tokeniser and a model on it."""
    from diagnose.training.scratch import pretraining, tokeniser
    from diagnose.training.scratch.corpus import corpus
    from diagnose.training.scratch.teacher import Habits
    from diagnose.training.scratch.worlds import CLAIMS

    claims = [claim for both in CLAIMS.values() for claim in both]
    steps = list(corpus(interventions(), size.episodes, seed, Habits()))
    talks = [[message.to_json() for message in one.messages] for one in steps]
    shape = pretraining.Size(size.width, size.layers, size.heads)
    texts = (message["content"] for talk in talks[:4000] for message in talk)
    tokenizer = tokeniser.trained(texts, 2048, shape.context, claims)
    examples = [pretraining.encoded(tokenizer, talk) for talk in talks]
    model = pretraining.made(tokenizer, shape, seed)
    how = pretraining.Pretraining(shape, size.steps)
    seconds = pretraining.pretrained(model, examples, how, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        "seconds": round(seconds, 1),
        "parameters": sum(one.numel() for one in model.parameters()),
        "examples": len(examples),
        "corpus_tokens": sum(len(one.ids) for one in examples),
        "vocabulary": len(tokenizer),
    }
