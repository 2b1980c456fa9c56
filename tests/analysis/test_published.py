"""The published tables: counts exact, printed columns reproduced, re-analysis as stated.

The figures of the re-analysis are those of the project's statistics contract, in percentage points
with one digit; they were made there with independent implementations.
"""

import csv
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from analysis import cli
from analysis.figures.paper import of_published
from analysis.figures.style import save
from analysis.published import claims, printed, reading, reanalysis, report, tables, verdicts
from analysis.published import counts as published
from analysis.published.names import FORMATS, FRONTIER, SCIENTIST
from diagnose.env.devices import published_devices
from diagnose.errors import InputError
from tests.analysis.studies import by_name


@pytest.fixture(scope="module")
def counted() -> published.Published:
    return published.load_published()


@pytest.fixture(scope="module")
def frame(counted: published.Published) -> pd.DataFrame:
    return reanalysis.estimates(counted)


def pp(row: pd.Series) -> tuple[float, float, float]:
    return tuple(round(100 * float(row[name]), 1) for name in ("estimate", "ci_low", "ci_high"))


def test_every_percentage_is_a_count_and_levels_add_up(counted: published.Published) -> None:
    gemini = counted.models["gemini-3-pro"]
    assert {code: count.successes for code, count in gemini.items()} == {
        "0000": 52, "1000": 105, "0110": 70, "1100": 116, "1110": 128
    }  # fmt: skip
    for code in ("0000", "1000", "1110"):
        by_level = [cells[code].successes for cells in counted.levels["gemini-3-pro"].values()]
        assert sum(by_level) == gemini[code].successes


def columns_of(table: tables.Table) -> list[list[str]]:
    return [list(column) for column in zip(*table.rows, strict=True)]


@pytest.mark.parametrize(
    ("make", "file", "columns"),
    [
        (tables.gaps, "table2_models", 10),
        (tables.formats, "table3_consolidation", 4),
        (tables.levels, "table4_levels", 6),
    ],
)
def test_every_printed_number_is_rebuilt_as_printed(
    frame: pd.DataFrame, make, file: str, columns: int
) -> None:
    """Text against text, gaps and ratios included."""
    path = published.FOLDER / f"{file}.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        head, *rows = csv.reader(handle)
    assert len(head) == columns
    assert columns_of(make(frame)) == [list(column) for column in zip(*rows, strict=True)]


def test_nothing_printed_departs_from_the_counts(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Every printed number follows by rounding; one altered digit would be named."""
    assert printed.departures(frame) == []
    for path in published.FOLDER.glob("table*.csv"):
        (tmp_path / path.name).write_text(path.read_text().replace(",2.57,", ",2.58,"))
    (found,) = printed.departures(frame, tmp_path)
    assert (found.table, found.row, found.printed) == ("table2_gaps", 7, "2.58")
    assert (found.column, found.rebuilt) == ("printed_id_ratio", "2.57")


def test_no_printed_ratio_is_a_tie_that_rounding_could_take_either_way(frame: pd.DataFrame) -> None:
    ratios = frame[frame["estimand"].str.startswith("ratio:")]["estimate"].astype(float)
    third = (1000 * ratios).to_numpy() % 10
    assert np.abs(third - 5).min() > 1e-6


def test_the_failed_devices_are_those_of_the_simulator() -> None:
    devices = published_devices()
    built = {
        re.sub("[ -]", "_", row[2]): (row[0].replace("none", ""), row[3])
        for row in tables.failures().rows
    }
    assert built == {
        name: (one.category, f"{one.lit}/{one.lamps}") for name, one in devices.items()
    }


def test_example_interval(frame: pd.DataFrame) -> None:
    own = by_name(frame, "gemini-3-pro")
    assert pp(own.loc["seq:gap_hints"]) == (26.5, 17.0, 35.3)
    ratio = own.loc["ratio:gap_hints"]
    got = [round(float(ratio[name]), 2) for name in ("estimate", "ci_low", "ci_high")]
    assert got == [1.02, 0.55, 1.65]


def test_which_gaps_survive_holm(frame: pd.DataFrame) -> None:
    single = frame[frame["model"] != "ALL"]
    hints = single[single["estimand"] == "seq:gap_hints"]
    assert (hints["p_holm"] < 0.05).all()
    discovery = single[single["estimand"] == f"seq:{SCIENTIST}"]
    assert sorted(discovery.loc[discovery["p_holm"] < 0.05, "model"]) == ["grok-4", "qwen2.5-72b"]


def test_means_over_models(frame: pd.DataFrame) -> None:
    own = by_name(frame, "ALL")
    assert pp(own.loc[f"seq:{SCIENTIST}"]) == (11.4, 8.0, 14.8)
    times = own.loc[f"fieller:gap_hints/{SCIENTIST}"]
    got = [round(float(times[name]), 2) for name in ("estimate", "ci_low", "ci_high")]
    assert got == [2.04, 1.42, 3.16]


def test_the_format_of_notes(frame: pd.DataFrame) -> None:
    row = by_name(frame, "gemini-3-pro").loc["seq:knowledge_notes"]
    assert pp(row) == (6.0, -3.5, 15.4)
    assert row["p"] == pytest.approx(0.22, abs=0.005)


def test_the_two_by_two(frame: pd.DataFrame) -> None:
    own = by_name(frame, "gemini-3-pro")
    assert pp(own.loc[f"int:gap_hints*{SCIENTIST}@2x2"]) == (2.5, -10.6, 15.5)
    hint, scientist = own.loc["shapley:gap_hints@2x2"], own.loc[f"shapley:{SCIENTIST}@2x2"]
    assert hint["estimate"] == pytest.approx(0.2775)
    assert scientist["estimate"] == pytest.approx(0.1025)
    assert pp(hint)[1:] == (22.4, 33.1)
    assert pp(scientist)[1:] == (4.9, 15.6)


def test_nothing_solved_at_level_five_allows_nine_percent(frame: pd.DataFrame) -> None:
    row = by_name(frame, "gemini-3-pro").loc["cell_level:1110@L5"]
    assert pp(row) == (0.0, 0.0, 8.8)


def test_the_six_best_baselines_are_indistinguishable(counted: published.Published) -> None:
    best = sorted((cells["0000"].successes for cells in counted.models.values()), reverse=True)[:6]
    result = chi2_contingency([best, [200 - x for x in best]])
    assert round(float(result.pvalue), 2) == 0.48


def test_the_best_baselines_differ_by_what_chance_allows(frame: pd.DataFrame) -> None:
    row = by_name(frame, "ALL").loc["range:cell:0000@best6"]
    assert round(float(row["p"]), 2) == 0.48
    low, high = confint_proportions_2indep(52, 200, 37, 200, method="newcomb", compare="diff")
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-9)


def test_a_lead_of_one_gap_over_another_by_wilson_limits_of_its_cells(
    counted: published.Published, frame: pd.DataFrame
) -> None:
    """MOVER by hand: 1 - full - hint + baseline of gemini-3-pro."""
    own = counted.models["gemini-3-pro"]
    found = by_name(frame, "gemini-3-pro").loc["less:residual:1110/gap_hints"]
    down = up = 0.0
    for code, weight in (("0000", 1), ("1000", -1), ("1110", -1)):
        low, high = proportion_confint(own[code].successes, 200, method="wilson")
        below, above = own[code].p - low, high - own[code].p
        down += (below if weight > 0 else above) ** 2
        up += (above if weight > 0 else below) ** 2
    estimate = 1 - 0.64 - 0.525 + 0.26
    assert found["estimate"] == pytest.approx(estimate)
    limits = (estimate - math.sqrt(down), estimate + math.sqrt(up))
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(limits)


def test_frontier_models_against_the_others_by_the_normal_formula(
    counted: published.Published, frame: pd.DataFrame
) -> None:
    value = variance = 0.0
    for model, cells in counted.models.items():
        share = 1 / 3 if model in FRONTIER else -1 / 5
        value += share * (cells["1000"].p - cells["0000"].p)
        variance += share**2 * (cells["1000"].variance + cells["0000"].variance)
    row = by_name(frame, "ALL").loc["shift:gap_hints"]
    half = 1.959963984540054 * math.sqrt(variance)
    assert row["estimate"] == pytest.approx(value)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((value - half, value + half))
    assert row["p"] == pytest.approx(2 * norm.sf(value / math.sqrt(variance)))


def test_each_level_adds_up_to_the_whole(frame: pd.DataFrame) -> None:
    own = by_name(frame, "gemini-3-pro")["estimate"].astype(float)
    for factor in ("gap_hints", SCIENTIST):
        levels = [own[f"ame_level:{factor}@L{level}@2x2"] for level in range(1, 6)]
        assert np.mean(levels) == pytest.approx(own[f"shapley:{factor}@2x2"])


def test_the_other_order_of_the_two_by_two(frame: pd.DataFrame) -> None:
    own = by_name(frame, "gemini-3-pro")
    assert pp(own.loc["loo:gap_hints@2x2"])[0] == 29.0
    assert pp(own.loc[f"add1:{SCIENTIST}@2x2"])[0] == 9.0
    shares = (
        own.loc["shapley:gap_hints@2x2", "estimate"]
        + own.loc[f"shapley:{SCIENTIST}@2x2", "estimate"]
    )
    assert shares == pytest.approx(0.64 - 0.26)


VERDICTS = {
    "plateau": "survives",
    "ranking": "noise",
    "identification": "survives",
    "discovery": "noise",
    "application": "noise",
    "mean_discovery": "survives",
    "mean_application": "survives",
    "times": "fragile",
    "gemini": "survives",
    "doubling": "survives",
    "frontier": "survives",
    "shift": "noise",
    "narrowing": "survives",
    "synergy": "noise",
    "order_free_hint": "survives",
    "order_free_scientist": "fragile",
    "format": "noise",
    "level5": "fragile",
}
FIGURES = {  # of the project's statistics contract: estimate, interval, p as they are shown
    "identification": ("15.0 pp", "[7.0, 22.8]", "0.00028"),
    "mean_discovery": ("11.4 pp", "[8.0, 14.8]", "< 0.0001"),
    "times": ("2.04", "[1.42, 3.16]", "< 0.0001"),
    "format": ("6.0 pp", "[-3.5, 15.4]", "0.22"),
    "ranking": ("7.5 pp", "[-0.7, 15.6]", "0.48"),
    "synergy": ("2.5 pp", "[-10.6, 15.5]", "0.71"),
    "order_free_hint": ("27.75 pp", "[22.4, 33.1]", "< 0.0001"),
    "order_free_scientist": ("10.25 pp", "[4.9, 15.6]", "0.00020"),
    "level5": ("0.0 %", "[0.0, 8.8]", "–"),
    "gemini": ("26.5 pp", "[17.0, 35.3]", "< 0.0001"),
    "doubling": ("1.02", "[0.55, 1.65]", "< 0.0001"),
}


@pytest.fixture(scope="module")
def judged(frame: pd.DataFrame) -> dict[str, verdicts.Judged]:
    found = verdicts.verdicts(frame, claims.published_claims())
    return {one.claim.name: one for one in found}


def test_every_claim_has_its_verdict(judged: dict[str, verdicts.Judged]) -> None:
    assert {name: one.verdict for name, one in judged.items()} == VERDICTS
    assert len(claims.published_claims()) == len(VERDICTS)


@pytest.mark.parametrize("name", FIGURES)
def test_a_verdict_rests_on_the_figures_expected(
    judged: dict[str, verdicts.Judged], name: str
) -> None:
    assert tuple(judged[name].figures()[:3]) == FIGURES[name]


def test_a_claim_about_each_model_is_that_of_its_weakest(
    judged: dict[str, verdicts.Judged],
) -> None:
    assert judged["discovery"].model == "glm-4.7"
    assert "2 of 8" in judged["discovery"].sentence
    assert "8 of 8" in judged["identification"].sentence
    assert judged["plateau"].model == "claude-opus-4.5"


@pytest.mark.parametrize(
    ("given_", "verdict"),
    [
        (((0.2, 0.4, (-0.1, 0.3)), {}), "noise"),
        (((0.01, 0.2, (0.1, 0.3)), {}), "fragile"),  # lost to Holm
        (((0.01, 0.02, (0.1, 0.3)), {}), "survives"),
        (((0.01, 0.02, (0.1, 0.3)), {"size": 0.2}), "survives"),
        (((0.01, 0.02, (0.09, 0.3)), {"size": 0.2}), "fragile"),  # half of it is not certain
        (((0.01, 0.02, (0.1, 0.15)), {"size": 0.2}), "fragile"),  # the size is not held
        (((0.01, 0.02, (-0.3, -0.1)), {"size": -0.2}), "survives"),  # a claimed loss
        (((0.01, 0.02, (-0.3, -0.05)), {"size": -0.2}), "fragile"),
        (((0.001, 0.001, (1.42, 3.16)), {"null": 1.0, "size": 3.0}), "fragile"),
        (((0.001, 0.001, (2.0, 3.16)), {"null": 1.0, "size": 3.0}), "survives"),
        (((math.nan, math.nan, (0.2, 0.3)), {"null": None, "size": 0.26}), "survives"),
        (((math.nan, math.nan, (0.1, 0.6)), {"null": None, "size": 0.26}), "fragile"),
        (((math.nan, math.nan, (0.3, 0.4)), {"null": None, "size": 0.26}), "noise"),
        (((math.nan, math.nan, (0.0, 0.088)), {"null": None, "size": 0.0}), "fragile"),
        (((math.nan, math.nan, (0.1, 0.3)), {}), "noise"),  # no test, nothing shown
    ],
)
def test_the_rule(given_, verdict: str) -> None:
    arguments, named = given_
    assert verdicts.judged(*arguments, **named) == verdict


@given(
    p=st.floats(0, 1),
    more=st.floats(0, 1),
    low=st.floats(-1, 1),
    width=st.floats(0.001, 1),
    size=st.none() | st.floats(-1, 1),
)
def test_a_stricter_adjustment_or_a_wider_interval_never_helps(
    p: float, more: float, low: float, width: float, size: float | None
) -> None:
    order = verdicts.ORDER.index
    interval, wider = (low, low + width), (low - width, low + 2 * width)
    first = verdicts.judged(p, p, interval, 0.0, size)
    assert order(verdicts.judged(p, max(p, more), interval, 0.0, size)) >= order(first)
    held = size is None or low <= size <= low + width
    if held:  # a wider one may come to hold a size that it did not
        assert order(verdicts.judged(p, p, wider, 0.0, size)) >= order(first)


def test_the_terminal_shows_all_of_it_in_a_hundred_columns(frame: pd.DataFrame) -> None:
    text = report.published_text(frame)
    assert max(map(len, text.splitlines())) <= 100
    for part in ("26.5 [17.0, 35.3]*", "2.04 [1.42, 3.16]", "order-free (Shapley)", "8.8 %"):
        assert part in text
    assert text.count("survives  ") == sum(value == "survives" for value in VERDICTS.values())


def test_figures_and_tables_are_written_alike_twice(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in cli.figures("paper", tmp_path)}
    assert {Path(name).suffix for name in first} == {".png", ".svg", ".md", ".tex", ".csv"}
    drawn = of_published(published.load_published())["published_gap_forest"]
    again = save(drawn, tmp_path / "again")
    again_tables = tables.written(reading.of_paper().tables(), tmp_path / "tables")
    assert [path.read_bytes() for path in again] == [
        first[f"published_gap_forest{path.suffix}"] for path in again
    ]
    assert {path.name: path.read_bytes() for path in again_tables}.items() <= first.items()
    assert len(first) == len(again_tables) + 2 * 6
    with (tmp_path / "published_table3_formats.csv").open(newline="") as handle:
        assert [row[2:] for row in csv.reader(handle)][1:] == [
            [FORMATS[2], "58.0"], [FORMATS[1], "60.5"], [FORMATS[0], "64.0"]
        ]  # fmt: skip
    latex = (tmp_path / "published_verdicts.tex").read_text()
    assert "26 \\%" in latex  # escaped


def test_every_figure_says_its_target_its_n_and_its_interval(counted: published.Published) -> None:
    drawn = of_published(counted)
    assert len(drawn) == 6
    for one in drawn.values():
        note = one.figure.get_supxlabel().replace("\n", " ")
        assert re.search("n = (200|40|800) episodes", note)
        assert "95 %" in note
        assert "Target: these tasks" in note


def test_figures_show_the_frame_that_they_return(counted: published.Published) -> None:
    drawn = of_published(counted)
    bars = drawn["published_capacity_gaps"].frame
    assert bars[bars["model"] == "gemini-3-pro"]["end"].tolist() == [0.26, 0.525, 0.64]
    forest = drawn["published_gap_forest"].frame
    assert len(forest) == 8 * 6 + 3  # of the mean the gaps alone
    hollow = forest[(forest["gap"] == "discovery") & (forest["measure"] == "gap")]
    assert set(hollow.loc[hollow["p_holm"] < 0.05, "model"]) == {
        "grok-4", "qwen2.5-72b", "mean of the models"
    }  # fmt: skip
    square = drawn["published_two_by_two_gemini-3-pro"].frame.set_index("estimand")
    assert square.loc["cell:0110", "estimate"] == 0.35


def test_every_interval_has_width_and_holds_its_estimate(frame: pd.DataFrame) -> None:
    assert (frame["ci_high"] > frame["ci_low"]).all()
    assert (frame["ci_low"] <= frame["estimate"]).all()
    assert (frame["estimate"] <= frame["ci_high"]).all()
    assert set(frame["target"]) == {"fixed"}


def test_a_percentage_that_no_count_gives_is_refused() -> None:
    with pytest.raises(InputError, match="percentage of 200 episodes"):
        published.exact_count(26.3, 200, "table2: baseline")
    assert published.exact_count(26.5, 200, "x") == published.Count(53, 200)
    assert math.isclose(published.Count(53, 200).variance, 0.265 * 0.735 / 200)
    assert np.isfinite(reanalysis.rate(published.Count(0, 40)).ci_high)
