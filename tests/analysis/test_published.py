"""The published tables: counts exact, printed columns reproduced, re-analysis as stated.

The figures of the re-analysis are those of the project's statistics contract, in percentage points
with one digit; they were made there with independent implementations.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from analysis.published import counts as published
from analysis.published.counts import SCIENTIST
from diagnose.errors import InputError
from tests.analysis.studies import by_name


@pytest.fixture(scope="module")
def tables() -> published.Published:
    return published.load_published()


@pytest.fixture(scope="module")
def frame(tables: published.Published) -> pd.DataFrame:
    return published.estimates(tables)


def pp(row: pd.Series) -> tuple[float, float, float]:
    return tuple(round(100 * float(row[name]), 1) for name in ("estimate", "ci_low", "ci_high"))


def test_every_percentage_is_a_count_and_levels_add_up(tables: published.Published) -> None:
    gemini = tables.models["gemini-3-pro"]
    assert {code: count.successes for code, count in gemini.items()} == {
        "0000": 52, "1000": 105, "0110": 70, "1100": 116, "1110": 128
    }  # fmt: skip
    for code in ("0000", "1000", "1110"):
        by_level = [cells[code].successes for cells in tables.levels["gemini-3-pro"].values()]
        assert sum(by_level) == gemini[code].successes


def test_computed_gaps_and_ratios_equal_the_printed_columns(
    tables: published.Published, frame: pd.DataFrame
) -> None:
    columns = {
        "printed_id_gap": "seq:gap_hints",
        "printed_ds_gap": f"seq:{SCIENTIST}",
        "printed_app_gap": "residual:1110",
        "printed_id_ratio": "ratio:gap_hints",
        "printed_ds_ratio": f"ratio:{SCIENTIST}",
        "printed_app_ratio": "ratio:residual:1110",
    }
    for model, printed in tables.printed.iterrows():
        own = by_name(frame, model)
        for column, name in columns.items():
            exact = own.loc[name, "estimate"] * (100 if column.endswith("gap") else 1)
            # Printed with one digit (gaps: exact) or two; a tie at the third may go either way.
            slack = 1e-9 if column.endswith("gap") else 0.005 + 1e-9
            assert exact == pytest.approx(printed[column], abs=slack), (model, column)


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


def test_the_six_best_baselines_are_indistinguishable(tables: published.Published) -> None:
    best = sorted((cells["0000"].successes for cells in tables.models.values()), reverse=True)[:6]
    result = chi2_contingency([best, [200 - x for x in best]])
    assert round(float(result.pvalue), 2) == 0.48


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
    assert np.isfinite(published.rate(published.Count(0, 40)).ci_high)
