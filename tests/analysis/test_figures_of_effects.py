"""What figures of effects plot: marks stand where the estimates are, and nowhere else."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle

from analysis.figures import (
    catalogue,
    estimation,
    forest,
    interactions,
    level_effects,
    waterfall,
)
from analysis.layout import ALL, INTERVENTIONS
from analysis.results import Estimates
from tests.analysis import figure_studies
from tests.analysis.figure_marks import marks, note, numbers, spans, x_of, y_of
from tests.analysis.figure_studies import MODELS, TASKS, rate
from tests.analysis.studies import study, table

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
