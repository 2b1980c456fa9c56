"""The figures of the published tables."""

import pandas as pd

from analysis.figures.gaps import by_name, capacity_bars, steps_of
from analysis.figures.levels import level_heatmap
from analysis.figures.style import Drawn, slug
from analysis.published import CODES, Published
from analysis.published import estimates as published_estimates


def of_published(published: Published) -> dict[str, Drawn]:
    """Return the figures of the published tables by file name."""
    frame = published_estimates(published)
    parts = (
        ("baseline", "cell:0000"),
        ("identification", "cell:1000"),
        ("discovery", "cell:1110"),
    )
    rows = []
    for model in published.models:
        own = by_name(frame, model)
        rows += steps_of(model, [(part, own[name]) for part, name in parts])
    note = (
        "Order: gap_hints, then experiment_oracles with knowledge_notes. Whiskers: 95 % Wilson "
        "interval of the success rate at each boundary, target these 25 tasks, independent runs; "
        "n = 200 episodes per model and boundary. Source: SciCrafter, table 2."
    )
    drawn = {"published_capacity_gaps": capacity_bars(pd.DataFrame(rows), note, "application")}
    named = {code: name.replace("_", " + ") for name, code in CODES.items()}
    for model, levels in published.levels.items():
        counts = pd.DataFrame(
            {
                "model": model,
                "level": level,
                "condition": f"{named[code]} ({code})",
                "successes": count.successes,
                "n": count.n,
            }
            for level, cells in levels.items()
            for code, count in cells.items()
        )
        name = f"published_levels_{slug(model)}"
        title = f"{model}: success by level and condition (published)"
        drawn[name] = level_heatmap(counts, title)
    return drawn
