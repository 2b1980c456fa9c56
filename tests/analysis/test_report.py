"""What is printed, written and drawn."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import cli
from analysis.layout import INTERVENTIONS
from analysis.report import terminal
from analysis.study import COLUMNS, COMPANIONS
from diagnose.errors import InputError
from tests.analysis.studies import study, table


def rate(task: str, cell: tuple[int, ...]) -> float:
    level = int(task[3:])
    return 0.3 - 0.05 * level + 0.1 * cell[0] + 0.05 * cell[1] + 0.02 * cell[2] + 0.4 * cell[3]


def saved(path: Path, raw: pd.DataFrame) -> Path:
    raw.to_csv(path, index=False)
    return path


def printed(source: Path, target: str = "new", out: Path | None = None) -> str:
    lines: list[str] = []
    cli.analyze(source, target, out, lines.append)
    return "\n".join(lines)


def flat(text: str) -> str:
    """Sentences are wrapped to the width of the tables; compare them unwrapped."""
    assert max(map(len, text.splitlines())) <= terminal.WIDTH
    return " ".join(text.split())


def test_the_first_line_answers(tmp_path: Path) -> None:
    text = printed(saved(tmp_path / "t.csv", table(rate)))
    assert re.match(
        r"Application holds m back most: solution_sketches adds \+\d+\.\d pp \[.+\] \(Shapley\); "
        r"second identification, gap_hints \+\d+\.\d pp \[",
        flat(text),
    )
    assert "3,200 of 3,200 episodes observed, none missing" in flat(text)
    for name in INTERVENTIONS:
        assert sum(name in line and "pp" not in line for line in text.splitlines()) >= 1
    assert "\x1b" not in text


def test_overlap_and_no_gap_are_said(tmp_path: Path) -> None:
    close = table(lambda _t, cell: 0.1 + 0.2 * cell[0] + 0.21 * cell[3], seed=1)
    text = printed(saved(tmp_path / "close.csv", close))
    assert re.search(r"Their intervals overlap: the difference is \+\d+\.\d pp \[-", flat(text))
    lone = table(rate, tasks=["A-L1"])
    text = printed(saved(tmp_path / "lone.csv", lone))
    assert text.startswith("The largest gap is application, solution_sketches +")
    assert "[no interval] (Shapley); one task or cluster" in flat(text)
    none = table(lambda _t, _c: 0.4, seed=1, common=False)
    assert printed(saved(tmp_path / "none.csv", none)).startswith("No gap is distinguishable")


def test_missing_episodes_are_counted_by_cause(tmp_path: Path) -> None:
    raw = table(rate).astype({"success": float}).assign(missing_cause="")
    raw.loc[[3, 900], ["success", "missing_cause"]] = [np.nan, "rate_limit"]
    raw.loc[[77], ["success", "missing_cause"]] = [np.nan, "worker_died"]
    text = printed(saved(tmp_path / "t.csv", raw), "fixed")
    assert "3 missing (rate_limit 2, worker_died 1), never counted as failures" in flat(text)
    assert "Missing episodes at their worst and best (Shapley): gap_hints +" in flat(text)
    assert "these 25 tasks, new runs" in flat(text)


def test_a_sequential_design_is_ranked_by_its_sequence(tmp_path: Path) -> None:
    cells = ["0000", "1000", "1100", "1110", "1111"]
    text = printed(saved(tmp_path / "t.csv", table(rate, codes=cells)))
    assert "(in sequence)" in flat(text)
    assert "Shapley" not in text
    alone = ["0000", "1000", "0100", "0010", "0001", "1111"]
    text = printed(saved(tmp_path / "a.csv", table(rate, codes=alone)))
    assert "(alone)" in flat(text)
    none = printed(saved(tmp_path / "n.csv", table(rate, codes=["0000", "0110"])))
    assert none.startswith("No capacity can be ranked")


def test_several_models_get_a_part_each_and_their_mean(tmp_path: Path) -> None:
    both = pd.concat([table(rate), table(rate, seed=1, model="n")])
    text = printed(saved(tmp_path / "t.csv", both))
    assert [line[3:20].split(" ─")[0].strip() for line in text.splitlines() if line[:2] == "──"][
        0::2
    ][0] == "m"
    assert "holds the models back most" in flat(text)
    assert text.startswith("t: 2 models.")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_estimates_are_written_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    source = saved(tmp_path / "t.csv", table(rate, runs=2))
    first, second = tmp_path / f"a{suffix}", tmp_path / f"deep/b{suffix}"
    printed(source, "new", first)
    printed(source, "new", second)
    assert first.read_bytes() == second.read_bytes()
    frame = pd.read_csv(first) if suffix == ".csv" else pd.read_parquet(first)
    assert tuple(frame.columns) == COLUMNS + COMPANIONS
    parts = frame[~frame["estimand"].str.startswith("fieller:")]  # a gap may be small
    assert parts["estimate"].abs().max() <= 20  # proportions, ratios: never percent


def test_an_output_without_a_known_suffix_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        printed(tmp_path / "absent.csv", "new", tmp_path / "out.txt")


def with_arms(task: str, cell: tuple[int, ...]) -> float:
    return rate(task, tuple(0 if dose == 9 else min(dose, 2) for dose in cell))


def test_shams_and_doses_have_a_block_each(tmp_path: Path) -> None:
    codes = ["0000", "1000", "2000", "9000", "0100", "1111", "9111"]
    raw = table(with_arms, codes=codes)
    text = printed(saved(tmp_path / "t.csv", raw))
    own = study(raw).estimates("new").to_frame().set_index("estimand")
    lines = [re.split(r"  +", line) for line in text.splitlines()]
    said = {
        name: f"{terminal.pp(row['estimate'])} {terminal.interval(row['ci_low'], row['ci_high'])}"
        for name, row in own.loc[own["status"] == ""].iterrows()
    }
    names = ("placebo_cell:gap_hints@?000", "ame_dose:gap_hints@1", "sham:gap_hints")
    assert ["gap_hints", "?000, ?111", said["placebo:gap_hints"], "–", "–"] in lines
    assert ["gap_hints", "?000", *(said[name] for name in names)] in lines
    assert ["gap_hints", "2", said["ame_dose:gap_hints@2"]] in lines
    assert ["gap_hints", "per step", said["dose:gap_hints"]] in lines
    assert "everything on (1111)" in flat(text)
    plain = printed(saved(tmp_path / "p.csv", raw[raw["gap_hints"] <= 1]))
    assert "sham" not in plain
    assert "per step" not in plain


def test_an_arm_without_data_is_said_to_be_so(tmp_path: Path) -> None:
    raw = table(with_arms, codes=["0000", "0100", "1000", "2100", "9001"])
    lines = [
        re.split(r"  +", line) for line in printed(saved(tmp_path / "t.csv", raw)).splitlines()
    ]
    assert ["gap_hints", "none", *["not estimable"] * 3] in lines
    assert ["gap_hints", "per step", "not estimable"] in lines
