"""Which trainings are made, and one of them: from its setting to a row of results.

(a) ``dft``: SFT, DFT and ASFT, by how likely the base thinks the target form, how many
    demonstrations are answered at random, and whether they teach a skill or facts.
(b) ``aligner``: Aligner and LoRA, by parameters, on a form and on facts.
(c) ``refuse``: the same by preferences (DPO): refuse what is to be refused and nothing else, where
    the base tells the two apart already (``known_refusal``) and where it does not (``refusal``).

Learning rates are the same for all treatments of an experiment; which of them counts is chosen on
a validation split (``chosen``), never on what is reported.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.claims.learn import exact, first_probability, fresh, preferred, pretrained, treated
from benchmarks.claims.world import (
    KEYS,
    Lines,
    asked,
    facts,
    joined,
    listed,
    plain,
    skill,
    values,
)
from diagnose.seeds import stream

RATES = (1e-4, 3e-4, 1e-3, 3e-3)
ADAPTER_RATES = (3e-3, 1e-2, 3e-2, 1e-1, 3e-1)  # the fewer the parameters, the higher
PREFERENCE_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # DPO goes wrong earlier
FORM_SHARES = (0.0, 0.003, 0.03, 0.3)
ADAPTER_SHARE = 0.03
NOT_TOLD = (0.5, 0.5)  # shares refused, of the forbidden and of the others, by most bases
TOLD = (0.45, 0.05)  # by one that tells them apart, though neither is likelier refused than not
GRIDS = {"dft": RATES, "aligner": ADAPTER_RATES, "refuse": PREFERENCE_RATES}
SEEDS = 4
BASE_STEPS = 3000
STEPS = 200
LINES = 240  # so few that an answer at random can be learnt by heart
OLD = np.arange(KEYS // 2)  # facts that the base knows
NEW = np.arange(KEYS // 2, KEYS)  # and those that a treatment teaches


@dataclass(frozen=True)
class Setting:
    """One training."""

    experiment: str  # dft, aligner, refuse
    teaches: str  # skill, facts, form, known_refusal, refusal
    treatment: str  # an objective, or an adapter
    form_share: float  # of the target form in what the base was trained on
    noise: float  # share of demonstrations answered at random
    rate: float
    seed: int


def settings(experiment: str, seeds: int) -> Iterator[Setting]:
    """Yield an experiment's trainings, seed by seed, so that a stopped run is balanced."""
    for seed in range(seeds):
        for form_share in FORM_SHARES if experiment == "dft" else (ADAPTER_SHARE,):
            for teaches in TEACHES[experiment]:
                for noise in (0.0, 0.4) if experiment == "dft" else (0.0,):
                    for treatment in TREATMENTS[experiment]:
                        for rate in GRIDS[experiment]:
                            yield Setting(
                                experiment, teaches, treatment, form_share, noise, rate, seed
                            )


TEACHES = {
    "dft": ("skill", "facts"),
    "aligner": ("form", "facts"),
    "refuse": ("known_refusal", "refusal"),
}
TREATMENTS = {
    "dft": ("sft", "dft", "asft"),
    "aligner": ("aligner-1", "aligner-10", "aligner-100", "lora-1", "lora-8"),
    "refuse": ("aligner-1", "aligner-10", "lora-1", "lora-8"),
}


def _draws(*path: Any) -> np.random.Generator:
    """Return a generator of its own for every part of an experiment."""
    return stream("claims", *map(str, path))


@lru_cache(maxsize=1)
def base(
    form_share: float, seed: int, steps: int, refused: tuple[float, float] = NOT_TOLD
) -> tuple[Any, Any]:
    """Return a base and the facts of its world: it knows the skill, half of the facts, two forms.

    Of the questions that may have to be refused it refuses the shares ``refused``, of those with a
    forbidden symbol and of the others.
    """
    known = values(_draws("facts", seed))
    draws = _draws("base", form_share, seed, *(() if refused == NOT_TOLD else refused))

    def draw(count: int) -> Lines:
        many = int(draws.binomial(count, form_share))
        parts = []
        for form, number in ((plain, count - many), (listed, many)):
            half = number // 2
            parts.append(skill(draws, half, form))
            parts.append(facts(draws, known, draws.choice(OLD, number - half), form))
        for harm in (False, True):
            share = refused[0 if harm else 1]
            many = count // 16 if refused == NOT_TOLD else int(draws.binomial(count // 8, share))
            parts.append(asked(draws, count // 8 - many, harm, refused=False))
            parts.append(asked(draws, many, harm, refused=True))
        return joined(*parts)

    model = fresh(seed)
    pretrained(model, draw, steps)
    return model, known


def adapted(model: Any, adapter: str, seed: int) -> Any:
    """Return the model with an adapter: ``aligner-N`` of N tokens, ``lora-R`` of rank R."""
    import torch
    from peft import LoraConfig, get_peft_model

    from diagnose.training.aligner import AlignerConfig

    kind, size = adapter.split("-")
    torch.manual_seed(seed)
    if kind == "aligner":
        return get_peft_model(model, AlignerConfig(num_tokens=int(size), seed=seed))
    targets = ["q_proj", "v_proj"]
    config = LoraConfig(r=int(size), lora_alpha=2 * int(size), target_modules=targets)
    return get_peft_model(model, config)


def trained(setting: Setting, base_steps: int = BASE_STEPS, steps: int = STEPS) -> dict[str, Any]:
    """Return a training's setting with what came out."""
    told = TOLD if setting.teaches == "known_refusal" else NOT_TOLD
    model, known = base(setting.form_share, setting.seed, base_steps, told)
    model = copy.deepcopy(model)
    # What is taught is the same for all treatments of a seed, so that they are compared in pairs.
    lesson = (setting.experiment, setting.teaches, setting.form_share, setting.noise, setting.seed)
    draws = _draws("demonstrations", *lesson)
    found = RUNS[setting.teaches](setting, model, known, draws, steps)
    return asdict(setting) | found


def _supervised(
    setting: Setting, model: Any, known: Any, draws: np.random.Generator, steps: int
) -> dict[str, Any]:
    """Teach a skill's or facts' answers in the target form, and test on what was held out."""
    noise = setting.noise
    if setting.teaches == "facts":
        repeats = LINES // len(NEW)
        taught = [facts(draws, known, NEW, listed, noise) for _ in range(repeats)]
        lines = joined(*taught)
        # A fact is only in its demonstration: validation asks for it with other noise.
        validation = facts(draws, known, NEW, listed, noise)
        tested = facts(draws, known, NEW, listed)
        kept = facts(draws, known, OLD, listed)
    else:
        lines = skill(draws, LINES, listed, noise)
        validation, tested = skill(draws, 240, listed, noise), skill(draws, 480, listed)
        kept = skill(draws, 480, plain)
    before = first_probability(model, tested)
    objective = setting.treatment
    if setting.experiment == "aligner":
        model, objective = adapted(model, setting.treatment, setting.seed), "sft"
    count = sum(one.numel() for one in model.parameters() if one.requires_grad)
    treated(model, lines, objective, setting.rate, steps, draws)
    return {
        "parameters": count,
        "form_probability": before,
        "validation": exact(model, validation),
        "score": exact(model, tested),
        "other": exact(model, kept),
    }


def _refusal(
    setting: Setting, model: Any, _known: Any, draws: np.random.Generator, steps: int
) -> dict[str, Any]:
    """Teach by preferences to refuse the forbidden and nothing else; the score is their mean."""

    def pair(count: int, harm: bool) -> tuple[Lines, Lines]:
        state = draws.bit_generator.state
        answered = asked(draws, count, harm, refused=False)
        draws.bit_generator.state = state  # the same questions
        refused = asked(draws, count, harm, refused=True)
        return (refused, answered) if harm else (answered, refused)

    def pairs(count: int) -> tuple[Lines, Lines]:
        (first, second), (third, fourth) = pair(count, harm=True), pair(count, harm=False)
        return joined(first, third), joined(second, fourth)

    chosen, rejected = pairs(LINES // 2)
    validation, _ = pairs(120)
    harmful, harmless = pair(240, harm=True)[0], pair(240, harm=False)[0]
    before = first_probability(model, harmful)
    model = adapted(model, setting.treatment, setting.seed)
    count = sum(one.numel() for one in model.parameters() if one.requires_grad)
    preferred(model, chosen, rejected, setting.rate, steps, draws)
    refused, answered = exact(model, harmful), exact(model, harmless)
    return {
        "parameters": count,
        "form_probability": before,
        "validation": exact(model, validation),
        "score": (refused + answered) / 2,
        "other": answered,
    }


RUNS: dict[str, Callable[..., dict[str, Any]]] = {
    "skill": _supervised,
    "facts": _supervised,
    "form": _supervised,
    "known_refusal": _refusal,
    "refusal": _refusal,
}


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of every treatment the rate that did best on validation, over all seeds together."""
    keys = ["experiment", "teaches", "treatment", "form_share", "noise"]
    mean = rows.groupby([*keys, "rate"], as_index=False)["validation"].mean()
    best = mean.loc[mean.groupby(keys)["validation"].idxmax(), [*keys, "rate"]]
    return rows.merge(best, on=[*keys, "rate"])
