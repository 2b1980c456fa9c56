"""Old skills: what an agent still thinks of a fresh corpus, and whether it still heeds a book.

The corpus is of many worlds, as that which it was made from. In a world where a law's contrary
holds, an agent that heeds what it has noted builds by its note; one that has learnt the law by
heart builds by the law. The last reply of a full-information episode follows from the book and the
plan, so the likeliest answer is compared with it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.loop.agents import interventions, subject
from benchmarks.loop.sizes import Size
from diagnose.models import Call
from diagnose.models.local import Local
from diagnose.training.scratch.corpus import Step, corpus, played
from diagnose.training.scratch.teacher import Habits
from diagnose.training.scratch.variants import FAMILIES, variant
from diagnose.training.scratch.worlds import CONTRARY, World, booked

FRESH = 1_000_003  # a root of seeds that no corpus is made from


def retained(base: Path, weights: Path | None, size: Size, seed: int) -> dict[str, Any]:
    """Return the likelihood of a fresh corpus, and the shares of books that are heeded."""
    fresh = list(corpus(interventions(), size.kept, FRESH + seed, Habits()))
    built = list(_built(size.kept, FRESH + seed))
    heeded: dict[bool, list[bool]] = {True: [], False: []}
    for one, answer in zip(built, _answers(subject(base, size, weights, 0.0), built), strict=True):
        contrary = CONTRARY in booked(one.messages[-2].content).values()
        heeded[contrary].append(answer == one.messages[-1].content)
    return {
        "nll": _nll(base, weights, fresh),
        "heeds_law": _share(heeded[False]),
        "heeds_contrary": _share(heeded[True]),
        "n_law": len(heeded[False]),
        "n_contrary": len(heeded[True]),
    }


def _built(episodes: int, seed: int) -> Iterator[Step]:
    """Yield the last step of full-information episodes: it follows from the book and the plan."""
    for number in range(episodes):
        path = (seed, "heeding", number)
        task = variant(FAMILIES[number % len(FAMILIES)], *path)
        world = World.drawn(*path)
        *_, last = played(task, interventions(), (1, 1, 1, 1), seed, number, world, Habits())
        yield last


def _answers(agent: Local, steps: Sequence[Step]) -> list[str]:
    def ask(numbered: tuple[int, Step]) -> str:
        number, one = numbered
        call = Call((0, "heeding", number), one.turn, f"heeding/{number}")
        return agent.reply(one.messages[:-1], call).text

    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(ask, enumerate(steps)))


def _nll(base: Path, weights: Path | None, steps: Sequence[Step]) -> float:
    """Return the negative log likelihood of the replies' tokens, weighted as pretraining does."""
    import torch

    from diagnose.training.scratch import pretraining, tokeniser

    tokenizer = tokeniser.loaded(base)
    model = _loaded(base, weights)
    talks = [[message.to_json() for message in one.messages] for one in steps]
    examples = [pretraining.encoded(tokenizer, talk) for talk in talks]
    total = count = 0.0
    with torch.inference_mode():
        for start in range(0, len(examples), 16):
            batch = examples[start : start + 16]
            tokens = sum((len(one.ids) - one.reply) ** 0.5 for one in batch)
            total += float(pretraining.weighted_loss(model, batch, 0.0)) * tokens
            count += tokens
    return total / count


def _loaded(base: Path, weights: Path | None) -> Any:
    from transformers import AutoModelForCausalLM

    whole = weights is not None and not (weights / "adapter_config.json").is_file()
    model = AutoModelForCausalLM.from_pretrained(weights if whole else base)
    if weights is not None and not whole:
        import peft

        import diagnose.training.aligner  # noqa: F401  it registers the method

        # The adapter's layers stand in the model's own.
        model = peft.PeftModel.from_pretrained(model, weights).get_base_model()
    return model.eval()


def _share(answers: Sequence[bool]) -> float | None:
    return sum(answers) / len(answers) if answers else None
