"""The closed loop at its smallest: every step once, then the table; its numbers by other means."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from analysis.layout import CAPACITIES, INTERVENTIONS
from analysis.study import Study
from benchmarks.intervals import interval
from benchmarks.loop.__main__ import main
from benchmarks.loop.demonstrations import gold, key, tasks
from benchmarks.loop.measures import diagnosis_of, measured, summarised
from benchmarks.loop.page import NAME, markdown, written
from benchmarks.loop.sizes import SIZES
from benchmarks.loop.steps import ABOUT, step
from benchmarks.pages import END, begin
from diagnose.errors import InputError
from diagnose.tasks import task
from diagnose.training.dataset import Dataset

SMOKE = SIZES["smoke"]


def table(seed):
    """A full factorial of two tasks, with successes at random."""
    rng = np.random.default_rng(seed)
    rows = [
        {"model": "agent", "family": name[0], "level": 1, "task": name, "run": run,
         **dict(zip(INTERVENTIONS, doses, strict=True)), "success": int(rng.integers(2))}
        for name in ("A-L1", "C-L1")
        for doses in itertools.product((0, 1), repeat=4)
        for run in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_diagnosis_is_what_the_analysis_says_and_its_parts_add_up():
    frame = table(0)
    found = diagnosis_of(frame)
    rows = Study.load(frame).estimates().rows["agent"]
    for factor, capacity in CAPACITIES.items():
        assert math.isclose(found[capacity], rows[f"shapley:{factor}"]["estimate"], abs_tol=1e-12)
    assert math.isclose(sum(found.values()), 1.0)


def test_an_interval_is_students():
    values = np.array([0.1, 0.4, 0.25, 0.3, 0.05])
    mean, low, high = interval(values)
    wanted = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), wanted.low, wanted.high))
    assert all(map(math.isnan, interval(np.array([0.5]))[1:]))


def test_a_change_is_paired_by_seed():
    agents = (("base", 0.0), ("sft-full", 0.25))
    rows = [(seed, agent, "baseline", 0.1 * seed + shift)
            for seed in range(4) for agent, shift in agents]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["seed", "agent", "quantity", "value"])
    row = summarised(frame).set_index("agent").loc["sft-full"]
    assert (row["change"], row["change_low"], row["change_high"]) == pytest.approx((0.25,) * 3)
    assert row["high"] - row["low"] > 0.3


def test_a_step_that_was_cut_off_begins_again_and_a_finished_one_is_kept(tmp_path):
    made = []

    def half(folder):
        (folder / "half").write_text("")
        raise InputError("step", "cut", "try again")

    with pytest.raises(InputError):
        step(tmp_path / "one", half)
    assert not (tmp_path / "one").exists()
    for _ in range(2):
        said = step(tmp_path / "one", lambda folder: made.append(folder) or {"number": 3})
    assert said["number"] == 3
    assert len(made) == 1
    assert not (tmp_path / "one" / "half").exists()


def test_demonstrations_hold_out_the_diagnosed_numbers_the_next_level_and_validation():
    train, validation = ([key(one) for one in tasks(5, split, 60)]
                         for split in ("train", "validation"))  # fmt: skip
    held = {key(task(f"{family}-L{level}")) for family in "ABCD" for level in (1, 2)}
    assert not held & set(train)
    assert not set(validation) & set(train)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loop")
    assert main(["run", str(folder), "--size", "smoke", "--jobs", "1"]) == 0
    return folder


@pytest.mark.slow
def test_the_whole_runs_once_and_is_not_repeated(smoke):
    marks = {path: path.stat().st_mtime_ns for path in smoke.rglob(ABOUT)}
    wanted = 2 + 2 * (1 + len(SMOKE.treatments)) + 2 * len(SMOKE.treatments) * len(SMOKE.rates)
    assert len(marks) == wanted
    assert main(["run", str(smoke), "--size", "smoke", "--jobs", "1"]) == 0
    assert {path: path.stat().st_mtime_ns for path in smoke.rglob(ABOUT)} == marks


@pytest.mark.slow
def test_its_table_says_what_its_steps_said(smoke, tmp_path):
    (tmp_path / "loop.md").write_text(f"before\n{begin(NAME)}\nold\n{END}\nafter\n")
    text = written(smoke, tmp_path)
    page = (tmp_path / "loop.md").read_text()
    assert page == f"before\n{begin(NAME)}\n\n{text}\n\n{END}\nafter\n"
    assert (tmp_path / "loop.png").stat().st_size > 10_000
    frame = measured(smoke).set_index(["agent", "quantity"])["value"]
    for agent in ("base", *SMOKE.treatments):
        said = json.loads((smoke / "seed-0" / "retention" / agent / ABOUT).read_text())
        assert frame[agent, "nll"] == pytest.approx(said["nll"])
        parts = [frame[agent, name] for name in ("baseline", *CAPACITIES.values(), "residual")]
        assert sum(parts) == pytest.approx(1.0)
    # An Aligner of one token: N d + (L - 2) H, by the paper.
    assert frame["sft-aligner-1", "parameters"] == SMOKE.width + (SMOKE.layers - 2) * SMOKE.heads
    assert frame["dft-full", "parameters"] == frame["base", "parameters"]
    assert frame["dft-full", "nll"] != frame["base", "nll"]


def test_a_folder_without_seeds_leaves_the_rows_as_they_are(tmp_path):
    kept = (Path(__file__).parents[2] / "docs" / "loop.csv").read_bytes()
    (tmp_path / "loop.csv").write_bytes(kept)
    written(tmp_path / "none", tmp_path)
    assert (tmp_path / "loop.csv").read_bytes() == kept


def test_the_page_tells_the_table_of_its_rows():
    docs = Path(__file__).parents[2] / "docs"
    rows = pd.read_csv(docs / "loop.csv")
    assert set(rows["agent"]) == {"base", *SIZES["full"].treatments}
    part = f"{begin(NAME)}\n\n{markdown(summarised(rows))}\n\n{END}"
    assert part in (docs / "loop.md").read_text()


@pytest.mark.slow
def test_seeds_that_the_folder_has_not_are_kept(smoke, tmp_path):
    written(smoke, tmp_path)
    rows = pd.read_csv(tmp_path / "loop.csv")
    other = rows.assign(seed=7)
    pd.concat([rows.assign(value=0.5), other]).to_csv(tmp_path / "loop.csv", index=False)
    written(smoke, tmp_path)
    again = pd.read_csv(tmp_path / "loop.csv")
    assert again.equals(pd.concat([rows, other], ignore_index=True))


@pytest.mark.slow
def test_its_demonstrations_have_a_bare_prompt_and_the_builders_program(smoke):
    data = Dataset.read(smoke / "seed-0" / "data")
    first = next(iter(tasks(0, "train", 1)))
    one = data.examples("train")[0]
    assert one.messages[-1]["content"] == gold(first)
    assert "Also available" not in one.messages[1]["content"]
    assert len(data.examples("train")) == SMOKE.attempts
