"""The Python interface: what a person with a frame, and nothing else installed, may rely on."""

import subprocess
import sys
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import Estimates, Study
from diagnose.errors import InputError
from tests.analysis.studies import TASKS, table
from tests.logs.reading import Page

ROOT = Path(__file__).parents[2]
HEAVY = "litellm nucleation hydra omegaconf matplotlib jinja2 diagnose.env diagnose.cli"


def rate(_task: str, cell: tuple[int, ...]) -> float:
    return 0.2 + 0.3 * cell[0] + 0.1 * cell[3]


def test_estimates_summaries_and_tables_need_none_of_the_heavy_packages(tmp_path: Path) -> None:
    source = tmp_path / "runs.csv"
    table(rate, tasks=TASKS[:3], runs=2).to_csv(source, index=False)
    code = f"""
import sys
from analysis import Estimates, Study
estimates = Study.load({str(source)!r}).estimates()
assert isinstance(estimates, Estimates)
assert estimates.summary() and estimates.tables() and estimates._repr_html_()
print([name for name in {HEAVY.split()} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_a_frame_is_read_as_its_file_is_and_left_as_it_was(tmp_path: Path) -> None:
    raw = table(rate, tasks=TASKS[:4], runs=3).sample(frac=1, random_state=1)
    raw["success"] = raw["success"].astype(float)
    raw.iloc[3, raw.columns.get_loc("success")] = np.nan
    before = raw.copy(deep=True)
    study = Study.load(raw)
    pd.testing.assert_frame_equal(raw, before)
    raw.to_csv(tmp_path / "t.csv", index=False)
    of_file = Study.load(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(study.episodes, of_file.episodes)
    pd.testing.assert_frame_equal(
        study.estimates("fixed").frame, of_file.estimates("fixed").frame, check_exact=True
    )


def test_a_frame_s_faults_are_named_by_row() -> None:
    raw = table(rate, tasks=TASKS[:2], runs=1)
    raw.index += 100
    raw.loc[104, "success"] = 3
    with pytest.raises(InputError, match=r"frame: column success, row 5: received.*give 1, 0"):
        Study.load(raw)
    with pytest.raises(InputError, match="add the column"):
        Study.load(raw.drop(columns="task"))
    typed = raw.assign(success=1, extra=0)
    assert Study.load(typed, factors=["extra"]).layout.factors[-1] == "extra"


def test_a_notebook_shows_the_answer_and_the_gaps() -> None:
    raw = pd.concat([table(rate, tasks=TASKS[:5], runs=3, model=name) for name in ("<b>x", "y")])
    estimates = Study.load(raw).estimates("fixed")
    page = Page(estimates._repr_html_())
    assert not page.names & {"script", "b", "style"}
    own = estimates.frame.set_index(["model", "estimand"])
    for model in ("<b>x", "y", "ALL"):
        for kind in ("shapley", "seq"):
            assert f"{100 * own.loc[(model, f'{kind}:gap_hints'), 'estimate']:+.1f}" in page.text
    assert escape("<b>x") in estimates._repr_html_()
    assert "Target: these 5 tasks, new runs" in page.text


def test_tables_are_named_apart_and_hold_the_estimates() -> None:
    estimates = Study.load(table(rate, tasks=TASKS[:5], runs=3)).estimates()
    made = {one.name: one for one in estimates.tables()}
    assert set(made) == {"gaps_shapley", "gaps_seq", "cells", "multiplicity"}
    found = estimates.to_frame("shapley").set_index("estimand")["estimate"]
    assert {row[1]: row[2] for row in made["gaps_shapley"].rows} == {
        name.partition(":")[2]: f"{100 * value:+.1f}" for name, value in found.items()
    }
    assert isinstance(estimates, Estimates)
    assert str(estimates) == estimates.summary()
