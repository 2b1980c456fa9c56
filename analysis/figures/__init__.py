"""Figures: each function takes a frame and returns the figure with the frame it plotted.

Every figure names its target, its n and its interval.
"""

from analysis.figures import arms
from analysis.figures.gaps import capacity_bars, stack_steps
from analysis.figures.levels import level_counts, level_heatmap
from analysis.figures.style import Drawn, slug
from analysis.results import Estimates


def of_study(estimates: Estimates) -> dict[str, Drawn]:
    """Return a study's figures by file name: the capacity gaps, and a heat map per model."""
    drawn = {}
    study = estimates.study
    steps = stack_steps(study, estimates.frame)
    order = " > ".join(study.layout.factors)
    seen = int(study.episodes["success"].notna().sum())
    if not steps.empty:
        note = (
            f"Order: {order}. Whiskers: 95 % interval of the success rate at each boundary, "
            f"target new tasks (a sample of {len(study.layout.tasks)}); n = {seen:,} episodes."
        )
        drawn["capacity_gaps"] = capacity_bars(steps, note)
    counts = level_counts(study)
    for model in study.models:
        own = counts[counts["model"] == model]
        if own.empty:  # nothing was observed
            continue
        name = "levels" if len(study.models) == 1 else f"levels_{slug(model)}"
        drawn[name] = level_heatmap(own, f"{model}: success by level and condition")
    return drawn | arms.of_study(study)
