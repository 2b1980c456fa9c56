"""What figures plot: their marks stand where the estimates are, and nowhere else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from analysis import cli
from analysis.figures import (
    arms,
    catalogue,
    estimation,
    failures,
    forest,
    gaps,
    interactions,
    level_effects,
    levels,
    notes,
    theme,
    waterfall,
)
from analysis.layout import ALL, INTERVENTIONS
from analysis.results import Estimates
from diagnose.errors import InputError
from tests.analysis import figure_studies
from tests.analysis.figure_studies import CODES, MODELS, TASKS, rate, with_arms
from tests.analysis.studies import study, table

LIMITS = ("estimate", "ci_low", "ci_high")
DOCS = Path(__file__).parents[2] / "docs"


def numbers(estimates: Estimates, model: str = "m") -> pd.DataFrame:
    own = estimates.frame[estimates.frame["model"] == model]
    return own.set_index("estimand")[[*LIMITS, "order_low", "order_high", "status"]]


def note(figure: Figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def marks(axes: Axes, marker: str, at: Callable[[Any], float]) -> list[float]:
    return [at(line) for line in axes.lines if line.get_marker() == marker]


def spans(axes: Axes, of: str = "x") -> list[list[float]]:
    """The ends of every interval: lines of ink between two points."""
    lines = [
        line
        for line in axes.lines
        if line.get_marker() == "None" and to_hex(line.get_color()) == theme.LIGHT.ink
    ]
    return [list(getattr(line, f"get_{of}data")()) for line in lines]


def x_of(line: Any) -> float:
    return float(line.get_xdata()[0])


def y_of(line: Any) -> float:
    return float(line.get_ydata()[0])


# --- capacity gaps


def test_bars_plot_the_cells_in_order() -> None:
    made = study(table(rate, seed=6))
    frame = made.estimates("new").to_frame()
    steps = gaps.stack_steps(made, frame)
    value = frame.set_index("estimand")["estimate"]
    ends = [value[f"cell:{code}"] for code in ("0000", "1000", "1100", "1110", "1111")]
    assert steps["end"].tolist() == pytest.approx(ends)
    assert steps["start"].tolist() == pytest.approx([0, *ends[:-1]])
    drawn = gaps.capacity_bars(steps, "a note with target and n")
    assert drawn.frame is steps
    axes = drawn.figure.axes[0]
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([100 * end for end in ends])


def test_a_loss_is_drawn_back_from_its_boundary() -> None:
    estimates = figure_studies.losing()
    steps = gaps.stack_steps(estimates.study, estimates.frame)
    loss = steps.iloc[1]
    drawn = gaps.capacity_bars(steps, "note")
    hatched = [bar for bar in drawn.figure.axes[0].patches if bar.get_hatch()]
    assert hatched[0].get_x() == pytest.approx(100 * loss["end"])
    assert hatched[0].get_width() == pytest.approx(100 * (loss["start"] - loss["end"]))
    assert "a loss" in [text.get_text() for text in drawn.figure.legends[0].get_texts()]


# --- forests


def test_a_forest_of_one_model_asks_in_every_way_that_the_design_allows() -> None:
    estimates = figure_studies.one()
    own = numbers(estimates)
    drawn = catalogue.available(estimates)["forest"]()
    assert len(drawn.figure.axes) == len(forest.KINDS)
    for axes, kind in zip(drawn.figure.axes, forest.KINDS, strict=True):
        rows = own.loc[[f"{kind}:{factor}" for factor in INTERVENTIONS]]
        assert marks(axes, "o", x_of) == pytest.approx(list(100 * rows["estimate"]))
        assert marks(axes, "o", y_of) == [0, 1, 2, 3]
        ends = (100 * rows[["ci_low", "ci_high"]]).to_numpy().ravel()
        assert np.ravel(spans(axes)) == pytest.approx(ends)
        assert axes.lines[0].get_xdata() == [0, 0]
    assert [text.get_text() for text in drawn.figure.axes[0].get_yticklabels()] == [*INTERVENTIONS]


def test_a_forest_of_several_models_pools_them_in_a_diamond() -> None:
    estimates = figure_studies.eight()
    drawn = catalogue.available(estimates)["forest"]()
    for axes, factor in zip(drawn.figure.axes, INTERVENTIONS, strict=True):
        rows = [numbers(estimates, model).loc[f"shapley:{factor}"] for model in MODELS_SORTED]
        known = [(y, row) for y, row in enumerate(rows) if not row["status"]]
        assert marks(axes, "o", y_of) == [y for y, _ in known]
        assert marks(axes, "o", x_of) == pytest.approx([100 * row["estimate"] for _, row in known])
        pooled = numbers(estimates, ALL).loc[f"shapley:{factor}"]
        diamonds = [patch for patch in axes.patches if isinstance(patch, Polygon)]
        assert pooled["status"] == "not_estimable"  # a model lacks a cell, so their mean does
        assert diamonds == []
        lost = [text for text in axes.texts if text.get_text() == "not estimable"]
        assert [text.get_position()[1] for text in lost] == [MODELS_SORTED.index(MODELS[0]), 8]
    said = note(drawn.figure)
    assert f"hints ({MODELS[0]})" in said
    assert "Not estimable, not drawn" in said
    assert "of 8 models" in said


MODELS_SORTED = sorted(MODELS)


def test_the_pooled_diamond_is_as_wide_as_its_interval() -> None:
    raw = pd.concat([table(rate, seed=n, runs=2, model=name) for n, name in enumerate("ab")])
    estimates = study(raw).estimates()
    axes = catalogue.available(estimates)["forest"]().figure.axes[0]
    (diamond,) = (patch for patch in axes.patches if isinstance(patch, Polygon))
    row = numbers(estimates, ALL).loc["shapley:gap_hints"]
    corners = diamond.get_xy()
    assert [corners[0][0], corners[1][0], corners[2][0]] == pytest.approx(
        [100 * row["ci_low"], 100 * row["estimate"], 100 * row["ci_high"]]
    )
    assert marks(axes, "o", y_of) == [0, 1]


def test_ratios_stand_on_a_log_axis_around_one() -> None:
    estimates = figure_studies.one()
    own = numbers(estimates)
    drawn = catalogue.available(estimates)["ratios"]()
    gap, odds = drawn.figure.axes
    assert gap.get_xscale() == odds.get_xscale() == "log"
    assert gap.lines[0].get_xdata() == [1, 1]
    rows = own.loc[[f"ratio:{factor}" for factor in INTERVENTIONS]]
    assert marks(gap, "o", x_of) == pytest.approx(list(1 + rows["estimate"]))
    rows = own.loc[[f"mlogor:{factor}" for factor in INTERVENTIONS]]
    assert marks(odds, "o", x_of) == pytest.approx(list(np.exp(rows["estimate"])))
    assert np.ravel(spans(odds)) == pytest.approx(
        np.exp(rows[["ci_low", "ci_high"]].to_numpy(float)).ravel()
    )


def test_an_unbounded_ratio_goes_on_in_an_arrow() -> None:
    row = {"panel": "p", "row": "a", "model": "m", "kind": "ratio", "factor": "a"}
    row |= {"capacity": "discovery", "n": 1, "method": "", "status": "", "pooled": False}
    bounds = [(2.0, 1.0, np.inf), (1.5, 0.0, np.inf), (1.2, 1.1, 1.3)]
    names = [{"row": name, "factor": name} for name in "abc"]
    frame = pd.DataFrame(
        row | name | {"estimate": middle, "ci_low": low, "ci_high": high}
        for name, (middle, low, high) in zip(names, bounds, strict=True)
    )
    axes = forest.ratios(frame, "heading", "note").figure.axes[0]
    left, right = axes.get_xlim()
    assert left > 0
    assert np.isfinite(right)
    assert [(x_of(line), y_of(line)) for line in axes.lines if line.get_marker() == ">"] == [
        (pytest.approx(right), 0),
        (pytest.approx(right), 1),
    ]
    assert marks(axes, "<", y_of) == [1]
    assert spans(axes)[2] == pytest.approx([1.1, 1.3])


# --- estimation plot


def test_every_task_is_a_dot_in_both_arms_and_the_mean_is_the_estimate() -> None:
    estimates = figure_studies.one()
    frame = estimation.estimation_frame(estimates)
    episodes = estimates.study.episodes
    drawn = catalogue.available(estimates)["estimation"]()
    for column, factor in enumerate(INTERVENTIONS):
        own = frame[frame["factor"] == factor].set_index("task")
        rates = episodes.groupby(["task", factor])["success"].mean().unstack()
        assert list(own.index) == list(estimates.study.layout.tasks)
        assert own["without"].tolist() == pytest.approx(rates.loc[own.index, 0].tolist())
        assert own["with_"].tolist() == pytest.approx(rates.loc[own.index, 1].tolist())
        row = numbers(estimates).loc[f"ame:{factor}"]
        assert own["difference"].mean() == pytest.approx(row["estimate"])
        upper, lower = (drawn.figure.axes[at] for at in (column, column + len(INTERVENTIONS)))
        pairs = [line.get_ydata() for line in upper.lines if line.get_marker() == "None"]
        assert np.array(pairs) == pytest.approx(100 * own[["without", "with_"]].to_numpy())
        dots, mean = (line.get_ydata() for line in lower.lines if line.get_marker() == "o")
        assert list(dots) == pytest.approx((100 * own["difference"]).tolist())
        assert mean[0] == pytest.approx(100 * row["estimate"])
        assert spans(lower, "y")[0] == pytest.approx([100 * row["ci_low"], 100 * row["ci_high"]])
    said = note(drawn.figure)
    assert "Resampling unit: the task" in said
    assert "25 of them" in said


def test_dots_of_equal_value_lie_beside_one_another() -> None:
    places = estimation._spread(np.array([0.0] * 25 + [50.0]), 0.07, 0.2)
    assert len(set(places[:25])) == 25
    assert np.abs(places).max() <= 0.2 + 1e-12
    assert places[25] == 0


def test_strips_show_every_task_of_every_model() -> None:
    estimates = figure_studies.eight()
    drawn = catalogue.available(estimates)["estimation"]()
    own = drawn.frame
    axes = drawn.figure.axes[1]
    strips = [line for line in axes.lines if len(line.get_xdata()) == len(TASKS)]
    shown = own[own["factor"] == INTERVENTIONS[1]]
    assert len(strips) == shown["model"].nunique() == 7  # not the one that lacks a cell
    assert np.concatenate([line.get_xdata() for line in strips]) == pytest.approx(
        100 * shown["difference"].to_numpy()
    )


def test_the_effect_drawn_is_the_one_that_most_factors_have() -> None:
    made = study(table(rate, codes=["0000", "1000", "0100", "0010", "0001", "1111"], runs=2))
    frame = estimation.estimation_frame(made.estimates())
    assert set(frame["kind"]) == {"add1"}
    assert frame["factor"].nunique() == 4


# --- waterfall


@pytest.mark.parametrize("make", [figure_studies.one, figure_studies.losing])
def test_the_waterfall_leads_from_nothing_on_to_everything_on(
    make: Callable[[], Estimates],
) -> None:
    estimates = make()
    own = numbers(estimates)
    drawn = catalogue.available(estimates)["waterfall"]()
    axes = drawn.figure.axes[0]
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    values = [own.loc[f"shapley:{factor}", "estimate"] for factor in INTERVENTIONS]
    first, last = own.loc["cell:0000", "estimate"], own.loc["cell:1111", "estimate"]
    assert [bar.get_height() for bar in bars] == pytest.approx(
        [100 * value for value in (first, *values, last)]
    )
    starts = [0, *np.cumsum([first, *values])[:-1], 0]
    assert [bar.get_y() for bar in bars] == pytest.approx([100 * start for start in starts])
    assert first + sum(values) == pytest.approx(last)  # Shapley's efficiency
    brackets = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 4]
    orders_of = [
        own.loc[f"seq:{factor}", ["order_low", "order_high"]].astype(float)
        for factor in INTERVENTIONS
    ]
    ranged = [
        (start, orders)
        for start, orders in zip(starts[1:-1], orders_of, strict=True)
        if orders.min() < orders.max()
    ]
    assert len(ranged) == len(brackets) > 0
    for (start, orders), bracket in zip(ranged, brackets, strict=True):
        assert [bracket[0], bracket[-1]] == pytest.approx(list(100 * (start + orders)))
        assert 100 * (start + orders.min()) >= axes.get_ylim()[0]
        assert 100 * (start + orders.max()) <= axes.get_ylim()[1]
    assert [bool(bar.get_hatch()) for bar in bars[1:-1]] == [value < 0 for value in values]


def test_a_model_without_shapley_values_has_no_waterfall() -> None:
    estimates = figure_studies.eight()
    frame = waterfall.waterfall_frame(estimates)
    assert list(dict.fromkeys(frame["model"])) == [m for m in MODELS_SORTED if m != MODELS[0]]
    said = note(catalogue.available(estimates)["waterfall"]().figure)
    assert f"Not estimable, not drawn: {MODELS[0]}, mean of the models." in said
    assert "waterfall" not in catalogue.available(figure_studies.lacking())


# --- interactions


@pytest.mark.parametrize(
    ("kind", "name"), [("sii", "interactions"), ("int", "interactions_banzhaf")]
)
def test_an_interaction_whose_interval_holds_zero_is_muted(kind: str, name: str) -> None:
    estimates = figure_studies.one()
    own = numbers(estimates)
    drawn = catalogue.available(estimates)[name]()
    axes = drawn.figure.axes[0]
    cells = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(cells) == 6
    places = {}
    for cell in cells:
        column, row = round(cell.get_x() + 0.5), round(cell.get_y() + 0.5)
        places[f"{kind}:{INTERVENTIONS[column]}*{INTERVENTIONS[row + 1]}"] = cell
    muted = {pair for pair, cell in places.items() if to_hex(cell.get_facecolor()) == MUTED}
    rows = own.loc[list(places)]
    assert muted == set(rows.index[(rows["ci_low"] <= 0) & (rows["ci_high"] >= 0)])
    assert 0 < len(muted) < 6
    texts = [text.get_text().replace("−", "-") for text in axes.texts]
    assert sorted(texts[::2]) == sorted(f"{100 * row:+.1f}" for row in rows["estimate"])
    assert interactions.INDICES[kind] in note(drawn.figure)


MUTED = interactions.MUTED


# --- levels


def test_the_heat_map_counts_and_leaves_untested_cells_blank() -> None:
    raw = table(rate, codes=["0000", "1111"], runs=4)
    raw = raw[~((raw["level"] == 3) & (raw["gap_hints"] == 1))]
    made = study(raw)
    drawn = levels.level_heatmap(levels.level_counts(made), "title")
    shown = drawn.frame.set_index(["condition", "level"])
    assert ("1111 everything on", 3) not in shown.index
    own = raw[(raw["level"] == 2) & (raw["gap_hints"] == 1)]["success"]
    cell = shown.loc[("1111 everything on", 2)]
    assert (cell["successes"], cell["n"]) == (own.sum(), len(own))
    axes = drawn.figure.axes[0]
    grid = np.ma.filled(axes.collections[0].get_array(), np.nan)
    assert np.isnan(grid).sum() == 1
    assert grid[1, 1] == pytest.approx(own.mean())
    assert axes.yaxis_inverted()
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("n = 20") == 9


def test_conditions_tell_doses_and_shams() -> None:
    layout = study(table(rate, codes=["0000"], runs=1)).layout
    assert levels.condition(layout, "2900") == "2900 hints 2 + sham oracles"
    assert levels.condition(layout, "0101") == "0101 oracles + sketches"
    assert levels.condition(layout, "1111") == "1111 everything on"
    assert levels.condition(layout, "9999").startswith("9999 sham hints + sham oracles")


def test_effects_by_level_plot_the_estimates() -> None:
    estimates = figure_studies.one()
    own = numbers(estimates)
    drawn = catalogue.available(estimates)["level_effects"]()
    for axes, factor in zip(drawn.figure.axes, INTERVENTIONS, strict=True):
        rows = own.loc[[f"ame_level:{factor}@L{level}" for level in range(1, 6)]]
        assert marks(axes, "o", x_of) == [1, 2, 3, 4, 5]
        assert marks(axes, "o", y_of) == pytest.approx(list(100 * rows["estimate"]))
        assert np.ravel(spans(axes, "y")) == pytest.approx(
            (100 * rows[["ci_low", "ci_high"]]).to_numpy().ravel()
        )
        overall = [line for line in axes.lines if line.get_linestyle() == "--"]
        assert overall[0].get_ydata()[0] == pytest.approx(
            100 * own.loc[f"ame:{factor}", "estimate"]
        )
    alone = study(table(rate, tasks=[task for task in TASKS if task.endswith("1")]))
    assert level_effects.level_effect_frame(alone.estimates()).empty


# --- failures


def test_failures_are_shares_of_what_was_observed() -> None:
    estimates = figure_studies.one()
    drawn = catalogue.available(estimates)["failures"]()
    episodes = estimates.study.episodes
    failed = episodes[episodes["success"] == 0]
    code = failed[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    axes = drawn.figure.axes[0]
    causes = list(dict.fromkeys(drawn.frame["cause"]))
    counts = failed["failure_cause"].value_counts()
    known = counts.drop("")
    assert causes == [
        *known.sort_index().sort_values(ascending=False, kind="stable").index,
        UNKNOWN,
    ]
    for y, cell in enumerate(CODES):
        own = failed[code == cell]["failure_cause"].replace("", UNKNOWN)
        bars = [bar for bar in axes.patches if round(bar.get_y() + 0.4) == y]
        widths = [100 * (own == cause).sum() / 200 for cause in causes if (own == cause).any()]
        assert [bar.get_width() for bar in bars] == pytest.approx(widths)
        assert sum(widths) == pytest.approx(100 * len(own) / 200)
        assert axes.texts[y].get_text() == f"{len(own)} / 200"
    unlabelled = (failed["failure_cause"] == "").sum()
    assert f"{unlabelled:,} are not" in note(drawn.figure)
    assert UNKNOWN in [text.get_text() for text in drawn.figure.legends[0].get_texts()]


UNKNOWN = failures.UNKNOWN


def test_rare_causes_share_a_colour_and_none_is_lost() -> None:
    raw = table(rate, codes=["0000", "1111"], runs=4)
    lost = raw["success"] == 0
    kinds = [f"cause_{min(int(n**0.5), 11)}" for n in range(int(lost.sum()))]
    raw.loc[lost, "failure_cause"] = kinds
    frame = failures.failure_frame(study(raw.fillna({"failure_cause": ""})))
    assert frame["cause"].nunique() == failures.MOST + 1
    assert frame["episodes"].sum() == lost.sum()
    assert failures.failure_frame(study(table(rate, runs=1))).empty


# --- doses and shams


def test_figures_of_doses_and_shams_plot_the_estimates() -> None:
    estimates = figure_studies.armed()
    own = numbers(estimates)
    allowed = catalogue.available(estimates)
    drawn = {name: allowed[name]() for name in ("dose_response", "placebo")}
    for one in drawn.values():
        assert all(
            word in note(one.figure) for word in ("95 % interval", "target new tasks", "n =")
        )
    points = drawn["dose_response"].frame
    cells = own.loc[["cell:0000", "cell:1000", "cell:2000"], list(LIMITS)]
    assert points[list(LIMITS)].to_numpy(float) == pytest.approx(cells.to_numpy(float), abs=1e-12)
    line = drawn["dose_response"].figure.axes[0].lines[0]
    (x0, *_, x1), (y0, *_, y1) = line.get_xdata(), line.get_ydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(100 * own.loc["dose:gap_hints", "estimate"])
    assert np.mean(line.get_ydata()) == pytest.approx(100 * cells["estimate"].mean())
    effects = drawn["placebo"].frame
    kinds = ("placebo:gap_hints", "ame_dose:gap_hints@1", "sham:gap_hints")
    rows = own.loc[[*kinds, "placebo_cell:gap_hints@?000"], list(LIMITS)]
    assert effects[list(LIMITS)].to_numpy(float) == pytest.approx(rows.to_numpy(float), abs=1e-12)
    assert effects["n"].tolist() == [800, 400, 400, 400]
    axes = drawn["placebo"].figure.axes[0]
    assert axes.lines[0].get_xdata() == [0, 0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "against its sham, at ?000, ?111"


def test_a_figure_per_model_and_none_without_arms() -> None:
    both = pd.concat(
        [table(with_arms, codes=["0000", "1000", "9000"], model=name, runs=2) for name in "mn"]
    )
    allowed = set(catalogue.available(study(both).estimates()))
    assert {"placebo_of_m", "placebo_of_n", "levels_of_m", "levels_of_n"} <= allowed
    assert not any(name.startswith("dose_response") for name in allowed)
    lost = study(table(with_arms, codes=["0000", "0100", "1000", "2100", "9001"], runs=1))
    for frame in (arms.dose_frame, arms.placebo_frame):
        assert frame(lost.estimates(), "m").empty


# --- all of them


def test_nothing_is_estimated_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    estimates = study(table(rate, runs=2)).estimates("fixed")

    def again(*_: object) -> None:
        raise AssertionError("estimated again")

    for place in ("analysis.study.evaluate", "analysis.figures.arms.evaluate"):
        monkeypatch.setattr(place, again)
    assert len(catalogue.available(estimates)) == 9


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_figures_are_about_the_target_of_their_estimates(target: str) -> None:
    estimates = figure_studies.one(target)
    said = {"new": "target new tasks (a sample of 25)", "fixed": "target these 25 tasks, new runs"}
    for name, make in catalogue.available(estimates).items():
        if name in {"levels", "failures"}:  # counts
            continue
        drawn = make()
        assert said[target] in note(drawn.figure), name
        assert "n = 3,200 episodes, none missing" in note(drawn.figure), name
    width = {
        one: numbers(figure_studies.one(one)).loc["shapley:gap_hints", "ci_high"] for one in said
    }
    assert width["new"] != pytest.approx(width["fixed"])


def test_what_is_missing_is_told() -> None:
    estimates = figure_studies.lacking()
    allowed = catalogue.available(estimates)
    assert set(allowed) == {"capacity_gaps", "forest", "ratios", "estimation", "levels"}
    assert "498 episodes; 2 missing (rate_limit 2), never counted as failures" in notes.observed(
        estimates.study
    )
    for name in ("capacity_gaps", "forest"):
        assert "2 missing (rate_limit 2)" in note(allowed[name]().figure)
    assert "2 missing" in note(allowed["levels"]().figure)


def test_missing_episodes_at_their_worst_and_best_stand_beside_the_interval() -> None:
    estimates = figure_studies.lacking()
    drawn = catalogue.available(estimates)["forest"]()
    rows = estimates.frame.set_index("estimand")
    axes = drawn.figure.axes[0]  # in sequence, the first way that this design allows
    dotted = [list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == ":"]
    own = rows.loc[[f"seq:{factor}" for factor in INTERVENTIONS]]
    bounds = 100 * own[["manski_low", "manski_high"]].dropna().to_numpy()
    assert 0 < len(bounds) == len(dotted)
    assert np.array(dotted) == pytest.approx(bounds)
    assert "Dotted: missing episodes at their worst and best" in note(drawn.figure)


def test_an_estimate_without_an_interval_says_so() -> None:
    drawn = catalogue.available(study(table(rate, tasks=["A-L1"])).estimates())["forest"]()
    assert "A mark without a whisker has no interval" in note(drawn.figure)
    for axes in drawn.figure.axes:
        assert np.isnan(spans(axes)).all()


def test_some_figures_are_drawn_at_the_end_and_all_when_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    table(rate, tasks=TASKS[:10], codes=CODES, runs=2).to_csv(source, index=False)
    quick = cli.figures(source, tmp_path / "quick", formats=["png"], only=cli.QUICK)
    assert [path.name for path in quick] == [
        "capacity_gaps.png", "waterfall.png", "forest.png", "levels.png"
    ]  # fmt: skip
    dark = cli.figures(source, tmp_path / "dark", theme="dark", only=["waterfall"])
    assert [path.name for path in dark] == ["waterfall_dark.png", "waterfall_dark.svg"]
    with pytest.raises(InputError, match="light, dark"):
        cli.figures(source, tmp_path / "x", theme="sepia", only=["waterfall"])
    two = pd.concat([table(rate, tasks=TASKS[:2], runs=1, model=name) for name in "mn"])
    assert set(catalogue.of_study(study(two).estimates(), ["levels"])) == {
        "levels_of_m", "levels_of_n"
    }  # fmt: skip


def test_the_gallery_has_every_figure_in_small() -> None:
    page = (DOCS / "figures.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)`", page, flags=re.MULTILINE)
    allowed = {**catalogue.available(figure_studies.one())}
    allowed |= catalogue.available(figure_studies.armed())
    assert set(listed) == set(allowed) - {"interactions_banzhaf"}
    shown = re.findall(r"^!\[.+\]\((.+)\)$", page, flags=re.MULTILINE)
    assert {f"figures/{name}.png" for name in listed[1:]} | {"capacity_gaps.png"} <= set(shown)
    for picture in shown:
        assert (DOCS / picture).stat().st_size < 80_000, picture


def test_names_with_signs_of_formulas_are_written_as_they_are() -> None:
    raw = table(rate, runs=1, model=r"a$\frac$b_{x}")
    figure = catalogue.available(study(raw).estimates())["waterfall"]().figure
    figure.canvas.draw()
    assert re.match(r"a\$\\frac\$b_\{x\}: from", figure.get_suptitle())
