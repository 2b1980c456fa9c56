"""What figures plot: their marks stand where the estimates are, and nowhere else."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import cli
from analysis.figures import (
    arms,
    catalogue,
    failures,
    gaps,
    levels,
    notes,
)
from analysis.layout import INTERVENTIONS
from diagnose.errors import InputError
from tests.analysis import figure_studies
from tests.analysis.figure_marks import LIMITS, note, numbers, spans
from tests.analysis.figure_studies import CODES, TASKS, rate, with_arms
from tests.analysis.studies import study, table

DOCS = Path(__file__).parents[2] / "docs"


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
