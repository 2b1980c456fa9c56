"""The paper's figures, from the published counts or from a study's own records."""

import pandas as pd

from analysis.figures.gaps import by_name, capacity_bars, steps_of
from analysis.figures.levels import level_heatmap
from analysis.figures.paper_formats import format_plot, format_rows, level_plot, level_rows
from analysis.figures.paper_gaps import gap_forest, gap_rows
from analysis.figures.paper_square import square, square_rows
from analysis.figures.style import Drawn, slug
from analysis.layout import ALL
from analysis.published import CODES, Published
from analysis.published import estimates as published_estimates
from analysis.published.tables import MEAN, about, of_level

BOUNDARIES = (
    ("baseline", "cell:0000"),
    ("identification", "cell:1000"),
    ("discovery", "cell:1110"),
)
SOURCE = " Source of the counts: SciCrafter, arXiv 2604.24697."


def of_published(published: Published) -> dict[str, Drawn]:
    """Return the figures of the published tables by file name."""
    frame = published_estimates(published)
    drawn = {
        f"published_{name}": one for name, one in of_frame(frame, SOURCE, " (published)").items()
    }
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
        title = f"{model}: success by level and condition (published)"
        drawn[f"published_levels_{slug(model)}"] = level_heatmap(counts, title)
    return drawn


def of_own(frame: pd.DataFrame) -> dict[str, Drawn]:
    """Return the same figures of a study's estimates under the published names.

    Success by level and condition is among every study's figures already.
    """
    return {f"paper_{name}": one for name, one in of_frame(frame).items()}


def of_frame(frame: pd.DataFrame, source: str = "", suffix: str = "") -> dict[str, Drawn]:
    """Return every figure that the estimates allow, by name.

    Args:
        frame: estimates under the published names.
        source: of the counts, as a sentence.
        suffix: of every title.
    """
    drawn, told = {}, f"{about(frame)}{source}"
    models = list(dict.fromkeys(frame["model"]))
    steps = _steps(frame, models)
    if not steps.empty:
        note = (
            "Order: hint, then scientist with notes. Whiskers: the success rate at each boundary. "
            f"{told}"
        )
        drawn["capacity_gaps"] = capacity_bars(steps, note, "application")
        drawn["gap_forest"] = gap_forest(
            gap_rows(frame),
            f"{told} Arrow: reaches below 0.1. Application is a residual, untested.",
        )
    for model in models:
        who = MEAN if model == ALL else model
        end = f"_{slug(who)}"
        rows = square_rows(frame, model)
        if not rows.empty:
            note = f"{told} Order-free: Shapley, the mean over both orders."
            title = f"{who}: hint x scientist{suffix}"
            drawn[f"two_by_two{end}"] = square(rows, title, note)
        rows = level_rows(frame, model)
        if not rows.empty:
            note = f"{of_level(frame)}{source} Mean over the other support off and on."
            title = f"{who}: what each support adds by level{suffix}"
            drawn[f"level_gains{end}"] = level_plot(rows, title, note)
        rows = format_rows(frame, model)
        if not rows.empty:
            title = f"{who}: success with hint and scientist by the form of the notes{suffix}"
            drawn[f"formats{end}"] = format_plot(rows, title, told)
    return drawn


def _steps(frame: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    rows = []
    for model in models:
        own = by_name(frame, model)
        cells = [own.get(name) for _, name in BOUNDARIES]
        if model != ALL and all(cell is not None and not cell["status"] for cell in cells):
            rows += steps_of(model, [(part, own[name]) for part, name in BOUNDARIES])
    return pd.DataFrame(rows)
