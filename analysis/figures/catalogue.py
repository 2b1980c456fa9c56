"""A study's figures by file name: which there are, and how each is drawn from the estimates.

Nothing is estimated here that the estimates hold. A figure is drawn when it is asked for.
"""

from collections.abc import Callable, Collection
from functools import partial

import pandas as pd

from analysis.figures import (
    arms,
    estimation,
    failures,
    forest,
    gaps,
    interactions,
    level_effects,
    levels,
    notes,
    waterfall,
)
from analysis.figures.marks import short
from analysis.figures.style import Drawn, named, slug
from analysis.layout import ALL, join
from analysis.results import Estimates

QUICK = ("capacity_gaps", "waterfall", "forest", "levels")  # what a study ends with
Make = Callable[[], Drawn]


def of_study(estimates: Estimates, only: Collection[str] | None = None) -> dict[str, Drawn]:
    """Return a study's figures by file name.

    Args:
        estimates: of the study; their target is that of the figures.
        only: names, or what names of one per model begin with; None = all.
    """
    return {
        name: make()
        for name, make in available(estimates).items()
        if only is None or name in only or name.rpartition("_of_")[0] in only
    }


def available(estimates: Estimates) -> dict[str, Make]:
    """Return the figures that the study allows, by file name, none of them drawn yet."""
    makers: dict[str, Make] = {}
    for add in (_gaps, _waterfall, _forest, _ratios, _estimation, _interactions):
        makers |= add(estimates)
    return (
        makers
        | _levels(estimates)
        | _level_effects(estimates)
        | _failures(estimates)
        | _arms(estimates)
    )


def _whose(estimates: Estimates) -> str:
    models = estimates.study.models
    return models[0] if len(models) == 1 else f"{len(models)} models"


def _gaps(estimates: Estimates) -> dict[str, Make]:
    study = estimates.study
    steps = gaps.stack_steps(study, estimates.frame)
    if steps.empty:
        return {}
    lost = [named(model) for model in estimates.models if model not in set(steps["model"])]
    told = f"Order: {' > '.join(study.layout.factors)}."
    interval = "Whiskers: 95 % interval of the success rate at each boundary"
    note = notes.note(estimates, steps, told, interval, lost)
    return {"capacity_gaps": partial(gaps.capacity_bars, steps, note)}


def _waterfall(estimates: Estimates) -> dict[str, Make]:
    frame = waterfall.waterfall_frame(estimates)
    if frame.empty:
        return {}
    lost = [named(model) for model in estimates.models if model not in set(frame["model"])]
    note = notes.note(
        estimates, frame, waterfall.said(estimates), "Whiskers: 95 % intervals of each step", lost
    )
    heading = f"{_whose(estimates)}: from nothing on to everything on"
    return {"waterfall": partial(waterfall.waterfall, frame, heading, note)}


def _forest(estimates: Estimates) -> dict[str, Make]:
    frame = forest.forest_frame(estimates)
    if frame.empty:
        return {}
    told = forest.said(estimates, frame)
    note = notes.note(estimates, frame, told, missing=forest.names_missing(frame))
    if len(estimates.study.models) > 1:
        kind = forest.KINDS[str(frame["kind"].iloc[0])].replace("\n", " ")
        heading = f"{_whose(estimates)}: what each intervention adds ({kind}), percentage points"
    else:
        heading = f"{_whose(estimates)}: what each intervention adds, percentage points"
    return {"forest": partial(forest.forest, frame, heading, note)}


def _ratios(estimates: Estimates) -> dict[str, Make]:
    frame = forest.ratio_frame(estimates)
    if frame.empty:
        return {}
    told = "1: no effect. An arrow: the interval goes on beyond the axis, it may be unbounded."
    note = notes.note(estimates, frame, told, missing=forest.names_missing(frame))
    several = len(estimates.study.models) > 1
    what = "(baseline + gap in sequence) / baseline" if several else "gaps and odds as ratios"
    what += ", log axis"
    heading = f"{_whose(estimates)}: {what}"
    return {"ratios": partial(forest.ratios, frame, heading, note)}


def _estimation(estimates: Estimates) -> dict[str, Make]:
    frame = estimation.estimation_frame(estimates)
    if frame.empty:
        return {}
    lost = estimation.lacking(estimates, frame)
    note = notes.note(estimates, frame, estimation.said(estimates, frame), missing=lost)
    effect, _ = estimation.KINDS[str(frame["kind"].iloc[0])]
    heading = f"{_whose(estimates)}: {effect}, task by task, percentage points"
    return {"estimation": partial(estimation.estimation, frame, heading, note)}


def _interactions(estimates: Estimates) -> dict[str, Make]:
    makers: dict[str, Make] = {}
    factors = estimates.study.layout.factors
    for kind, name in interactions.INDICES.items():
        frame = interactions.interaction_frame(estimates, kind)
        if frame.empty:
            continue
        drawn = set(zip(frame["model"], frame["first"], frame["second"], strict=True))
        lost = [
            f"{join([short(first), short(second)])} ({named(model)})"
            for model in estimates.models
            for number, first in enumerate(factors)
            for second in factors[number + 1 :]
            if (model, first, second) not in drawn
        ]
        told = f"{name}, percentage points. Grey: the interval holds 0."
        note = notes.note(estimates, frame, told, missing=lost)
        heading = f"{_whose(estimates)}: {name.partition(' (')[0]}"
        suffix = {"sii": "", "int": "_banzhaf"}[kind]
        makers[f"interactions{suffix}"] = partial(
            interactions.interaction_map, frame, heading, note
        )
    return makers


def _levels(estimates: Estimates) -> dict[str, Make]:
    study = estimates.study
    if study.sample.batches is not None:  # counts of allocated runs are no rates
        return {}
    counts = levels.level_counts(study)
    makers: dict[str, Make] = {}
    for model in study.models:
        own = counts[counts["model"] == model]
        if own.empty:  # nothing was observed
            continue
        heading = f"{model}: success by level and condition"
        lost = notes.observed(study, model).partition("episodes")[2].lstrip(",; ").capitalize()
        makers[_per_model(estimates, "levels", model)] = partial(
            levels.level_heatmap, own, heading, f"{lost}."
        )
    return makers


def _per_model(estimates: Estimates, name: str, model: str) -> str:
    return name if len(estimates.study.models) == 1 else f"{name}_of_{slug(model)}"


def _level_effects(estimates: Estimates) -> dict[str, Make]:
    frame = level_effects.level_effect_frame(estimates)
    if frame.empty:
        return {}
    lost = _lost_levels(estimates, frame)
    told = "Average effect over the settings of the others. Dashed: over all levels."
    note = notes.note(estimates, frame, told, missing=lost)
    heading = f"{_whose(estimates)}: effects by level, percentage points"
    return {"level_effects": partial(level_effects.level_effects, frame, heading, note)}


def _lost_levels(estimates: Estimates, frame: pd.DataFrame) -> list[str]:
    drawn = set(zip(frame["model"], frame["factor"], frame["level"], strict=True))
    layout = estimates.study.layout
    return [
        f"{short(factor)} at L{level} ({named(model)})"
        for model in estimates.models
        for factor in layout.factors
        for level in sorted(set(layout.levels))
        if (model, factor, level) not in drawn
    ]


def _failures(estimates: Estimates) -> dict[str, Make]:
    frame = failures.failure_frame(estimates.study)
    if frame.empty:
        return {}
    heading = (
        f"{_whose(estimates)}: why episodes fail, % of the observed episodes of each condition"
    )
    note = failures.said(frame, estimates)
    return {"failures": partial(failures.failures, frame, heading, note)}


def _arms(estimates: Estimates) -> dict[str, Make]:
    makers: dict[str, Make] = {}
    for model in (model for model in estimates.models if model != ALL):
        of_doses, of_shams = arms.dose_frame(estimates, model), arms.placebo_frame(estimates, model)
        if not of_doses.empty:
            note = arms.dose_note(estimates, model, of_doses)
            makers[_per_model(estimates, "dose_response", model)] = partial(
                arms.dose_response, of_doses, model, note
            )
        if not of_shams.empty:
            makers[_per_model(estimates, "placebo", model)] = partial(
                arms.placebo_forest, of_shams, model, arms.placebo_note(estimates, model)
            )
    return makers
