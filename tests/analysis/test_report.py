"""What is printed, written and drawn."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import cli
from analysis.figures import arms, gaps, levels, style
from analysis.layout import INTERVENTIONS
from analysis.report import terminal
from analysis.study import COLUMNS, COMPANIONS
from diagnose.errors import InputError
from tests.analysis.studies import CODES, TASKS, study, table


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
    made = study(table(lambda _t, cell: 0.6 - 0.3 * cell[0] + 0.1 * cell[3], seed=6))
    steps = gaps.stack_steps(made, made.estimates("new").to_frame())
    loss = steps.iloc[1]
    drawn = gaps.capacity_bars(steps, "note")
    hatched = [bar for bar in drawn.figure.axes[0].patches if bar.get_hatch()]
    assert hatched[0].get_x() == pytest.approx(100 * loss["end"])
    assert hatched[0].get_width() == pytest.approx(100 * (loss["start"] - loss["end"]))
    assert "a loss" in [text.get_text() for text in drawn.figure.legends[0].get_texts()]


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
    grid = drawn.figure.axes[0].images[0].get_array()
    assert np.isnan(np.ma.filled(grid, np.nan)).sum() == 1
    assert grid[1, 1] == pytest.approx(own.mean())
    texts = [text.get_text() for text in drawn.figure.axes[0].texts]
    assert texts.count("n = 20") == 9


def test_figures_of_a_study(tmp_path: Path) -> None:
    source = saved(tmp_path / "t.csv", table(rate, tasks=TASKS[:10], codes=CODES, runs=2))
    names = {path.name for path in cli.figures(source, tmp_path / "figures")}
    assert names == {"capacity_gaps.png", "capacity_gaps.svg", "levels.png", "levels.svg"}


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
    assert arms.of_study(study(raw)) == {}


def test_figures_of_doses_and_shams_plot_the_estimates() -> None:
    made = study(table(with_arms, codes=["0000", "1000", "2000", "9000", "1111", "9111"]))
    own = made.estimates("new").to_frame().set_index("estimand")
    drawn = arms.of_study(made)
    assert set(drawn) == {"dose_response", "placebo"}
    for one in drawn.values():
        note = one.figure.get_supxlabel().replace("\n", " ")
        assert all(word in note for word in ("95 % interval", "target new tasks", "n"))
    points = drawn["dose_response"].frame
    columns = ["estimate", "ci_low", "ci_high"]
    cells = own.loc[["cell:0000", "cell:1000", "cell:2000"], columns]
    assert points[columns].to_numpy(float) == pytest.approx(cells.to_numpy(float), abs=1e-12)
    line = drawn["dose_response"].figure.axes[0].lines[0]
    (x0, *_, x1), (y0, *_, y1) = line.get_xdata(), line.get_ydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(100 * own.loc["dose:gap_hints", "estimate"])
    assert np.mean(line.get_ydata()) == pytest.approx(100 * cells["estimate"].mean())
    effects = drawn["placebo"].frame
    kinds = ("placebo:gap_hints", "ame_dose:gap_hints@1", "sham:gap_hints")
    rows = own.loc[[*kinds, "placebo_cell:gap_hints@?000"], columns]
    assert effects[columns].to_numpy(float) == pytest.approx(rows.to_numpy(float), abs=1e-12)
    assert effects["n"].tolist() == [800, 400, 400, 400]
    axes = drawn["placebo"].figure.axes[0]
    assert axes.lines[0].get_xdata() == [0, 0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "against its sham, at ?000, ?111"


def test_a_figure_per_model_and_none_without_arms() -> None:
    both = pd.concat(
        [table(with_arms, codes=["0000", "1000", "9000"], model=name, runs=2) for name in "mn"]
    )
    assert set(arms.of_study(study(both))) == {"placebo_m", "placebo_n"}
    assert arms.of_study(study(table(rate, runs=1))) == {}


def test_conditions_tell_doses_and_shams() -> None:
    layout = study(table(rate, codes=["0000"], runs=1)).layout
    assert levels.condition(layout, "2900") == "2900 hints 2 + sham oracles"
    assert levels.condition(layout, "0101") == "0101 oracles + sketches"
    assert levels.condition(layout, "1111") == "1111 everything on"
    assert levels.condition(layout, "9999").startswith("9999 sham hints + sham oracles")


def test_file_names_are_safe() -> None:
    assert style.slug("reference/frontier") == "reference-frontier"
    assert style.slug("../..") == "model"
