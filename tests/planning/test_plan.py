"""What ``diagnose plan`` says of a design: the numbers of the formulas, in a hundred columns."""

import re

import numpy as np
import pytest

from analysis.figures.power import curves, power_curves
from analysis.layout import INTERVENTIONS
from analysis.planning.boundaries import boundary, equal
from analysis.planning.designs import Cells
from analysis.planning.power import Assumed, Components, Price, Size, best_split
from analysis.planning.simulate import matched
from analysis.report.fraction import fraction_table
from analysis.uncertainty import Uncertainty
from diagnose.cli.main import main
from diagnose.design import cells
from tests.analysis.studies import CODES, study, table
from tests.study.fake import FACTORS

SMALL = ["study.tasks=[A-L1,A-L2,B-L1,C-L1,D-L1]", "study.runs=4"]


def said(capsys, *arguments: str) -> str:
    code = main(["plan", *arguments])
    out, error = capsys.readouterr()
    assert code == 0, error
    return out


def found(lines: str) -> list[str]:
    """The part on what a design finds."""
    return lines.split("What it can find")[1].split("recorded,", maxsplit=1)[0].splitlines()


def test_a_plan_has_the_figures_of_the_formulas(capsys):
    out = said(capsys, "--detect", "10pp")
    rows = {line[:18].strip(): line[18:].split() for line in found(out)}
    assumed, size = Assumed(), Size(25, 8)
    weights = {"1": 1 / 8, "0": -1 / 8}
    parts = Components((0.2**2 + 3 * 0.1**2 / 4) ** 0.5, 0.35 * 0.65 * 16 * weights["1"] ** 2)
    assert rows["average effect"] == [
        f"{100 * size.half_width(parts):.1f}",
        f"{100 * size.detectable(parts):.1f}",
        f"{size.power(parts, 0.1):.0%}",
        f"{100 * Size(25, 8, 'fixed').half_width(parts):.1f}",
        "4.7",
    ]
    assert rows["interaction of two"][-1] == "9.4"
    assert all(len(line) <= 100 for line in found(out)), out
    assert assumed.components({"1": 1.0, "0": -1.0}).between == 0.2


def test_designs_are_compared_by_what_they_need(capsys):
    out = said(capsys, "--detect", "10pp", "--slope-sd", "0.1", "--interaction-sd", "0")
    (full,) = [line.split() for line in out.splitlines() if line.startswith("full_factorial ")]
    assert full[:2] == ["full_factorial", "16"]
    runs, episodes, tasks, more = (int(cell.replace(",", "")) for cell in full[-4:])
    squares = 16 * (1 / 8) ** 2  # least: Shapley's weights are a little larger
    parts = Components(0.1, 0.35 * 0.65 * squares)
    assert Size(25, runs + 1).detectable(parts) < 0.1
    assert episodes == 16 * 25 * runs
    assert more == 16 * tasks
    every = [
        min(n for n in range(1, 999) if Size(25, n).detectable(one) <= 0.1)
        for one in (Assumed(0.35, 0.1, 0.0).components(e.weights) for e in leading("one_at_a_time"))
    ]
    (alone,) = [line.split() for line in out.splitlines() if line.startswith("one_at_a_time ")]
    assert int(alone[-4]) == max(every)
    never = said(capsys, "--precision", "2pp")
    (full,) = [line.split() for line in never.splitlines() if line.startswith("full_factorial ")]
    assert full[-4:-2] == ["–", "–"]  # 25 tasks of SD 0.2 end at +-8 pp


def test_a_budget_is_split_as_the_best_split(capsys):
    out = " ".join(
        said(capsys, "--budget", "2000", "--episode-price", "0.1", "--task-price", "20").split()
    )
    (one, *_) = leading("full_factorial")
    parts = Assumed().components(one.weights)
    best = best_split(parts, 2000, 16, Price(0.1, 20), 1000)
    told = f"{best.tasks} x {best.runs} ({100 * best.detectable(parts):.1f} pp)"
    assert "Of 2,000 at 0.1 an episode and 20 a task, shapley:gap_hints is found best with" in out
    assert told in out
    assert "has no two tasks" in said(capsys, "--budget", "20")


def leading(name: str):
    codes = tuple(cell.code for cell in cells(FACTORS, name))
    return Cells(INTERVENTIONS, codes).leading


def test_a_fraction_is_said_with_its_aliases(capsys):
    out = said(capsys, "design=half_fraction")
    text = " ".join(out.split())
    assert "I = ABCD (A gap_hints, B experiment_oracles" in text
    assert "A + BCD/4; B + ACD/4; C + ABD/4; D + ABC/4; AB + CD; AC + BD; AD + BC." in text
    assert "no Shapley value" in text
    assert "Shapley value" not in out.split("A fraction")[0]


def test_a_rule_is_said_with_its_looks(capsys):
    out = said(capsys, "study.stop.rule=pocock", "study.stop.estimand=shapley:gap_hints")
    made = boundary("pocock", equal(4))
    rows = re.findall(r"^(\d) +(\d) +([\d.]+) +([\d.]+)% +([\d.]+)%$", out, re.MULTILINE)
    assert [(int(n), int(runs)) for n, runs, *_ in rows] == [(1, 2), (2, 4), (3, 6), (4, 8)]
    assert {z for _, _, z, *_ in rows} == {"2.361"}
    assert sum(float(share) for *_, share, _ in rows) == pytest.approx(5, abs=0.03)
    assert sum(float(share) for *_, share in rows) == pytest.approx(80, abs=0.3)
    expected = ", ".join(f"{made.expected_share(k * made.drift(0.8)):.0%}" for k in (0, 1, 1.5))
    assert f"{expected} of 3,200 episodes" in " ".join(out.split())
    assert "err with 12.6%" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["study.tasks=[A-L1]"], "One task is no sample"),
        (["study.setting=curriculum", "design=one_at_a_time"], "too hopeful"),
        (["interventions/gap_hints=placebo", "design=placebo_controlled"], "effect alone"),
        (
            [f"interventions/{name}=on" for name in (
                "gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")],
            "only rates",
        ),
    ],
)  # fmt: skip
def test_designs_of_every_kind(arguments, told, capsys):
    assert told in said(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--detect", "1000pp"], "--detect"),
        (["--detect", "0"], "--detect"),
        (["--detect", "nan"], "--detect"),
        (["--precision", "5 apples"], "--precision"),
        (["--rate", "1.5"], "rate"),
        (["--rate", "nan"], "rate"),
        (["--power", "1"], "--power"),
        (["--power", "nan"], "--power"),
        (["--figure", "x.pdf"], "--figure"),
        (["--budget", "0"], "--budget"),
        (["--budget", "nan"], "--budget"),
        (["--budget", "9", "--task-price", "-1"], "--task-price"),
        (["study.stop.rule=pocok"], "study.stop.rule"),
        (["study.stop.rule=pocock"], "study.stop.estimand"),
        (["study.stop.rule=pocock", "study.stop.scope=all"], "study.stop.scope"),
        (["study.stop.rule=pocock", "study.setting=curriculum"], "curriculum ties"),
        (["+study.stop.alfa=1"], "did you mean alpha"),
        (["study.stop=yes"], "study.stop"),
        (["design=half_fraction", "design.generator=Q"], "design.generator"),
        (
            ["design=half_fraction", "study.stop.rule=pocock",
             "study.stop.estimand=shapley:gap_hints"],
            "alias:gap_hints",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_message(arguments, told, capsys):
    assert main(["plan", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pilot")
    assert main(["run", *SMALL, f"study.folder={folder}", "run.workers=2"]) == 0
    (made,) = folder.iterdir()
    return made


@pytest.mark.slow
def test_a_pilot_s_spread_stands_in_every_figure(pilot, tmp_path, capsys):
    capsys.readouterr()
    out = said(
        capsys, "--pilot", str(pilot), "--detect", "15pp", "--simulate", "--figure",
        str(tmp_path / "figures" / "power.png"), *SMALL,
    )  # fmt: skip
    assert "Spread: of the pilot's records." in out
    assert "tasks and runs of the pilot drawn again" in " ".join(out.split())
    assert "A pilot's spread is uncertain" in " ".join(out.split())
    assert out.count(" pilot ") >= 5  # every design's cells are among the pilot's
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"power.png", "power.svg"}
    alone = said(capsys, "--pilot", str(pilot), *SMALL)
    assert said(capsys, "--pilot", str(pilot), *SMALL) == alone


def test_power_curves_are_the_formulas():
    parts = Components(0.2, 0.4)
    frame = curves(parts, [Size(25, 8), Size(50, 4)], np.linspace(0.01, 0.2, 5).tolist())
    for row in frame.itertuples():
        size = Size(row.tasks, row.runs, row.target)
        assert row.power == size.power(parts, row.effect)
    by_runs = frame[frame["panel"] == "runs"]
    assert set(by_runs["tasks"]) == {25}
    assert by_runs["runs"].max() == 32
    at = by_runs[(by_runs["runs"] == 8) & (by_runs["target"] == "new")]
    assert at["power"].item() == pytest.approx(0.8)
    drawn = power_curves(frame, "ame:gap_hints", "note")
    assert drawn.frame is frame
    left, right = drawn.figure.axes
    assert len(left.lines) == 3 + 1  # three curves and the line at 0.8
    assert [text.get_text() for text in left.texts] == ["25 x 8", "50 x 4", "25 x 8,\nthese tasks"]
    shown = right.lines[0].get_ydata()
    assert shown == pytest.approx(by_runs[by_runs["target"] == "new"]["power"].to_numpy())


def test_a_simulated_world_has_the_effect_and_the_spread_that_were_assumed():
    weights = {"10": 0.5, "11": 0.5, "00": -0.5, "01": -0.5}
    assumed = Assumed(0.35, 0.15, 0.1)
    draw = np.random.default_rng(1)
    world = matched(assumed, weights, 0, 0.12, draw)
    rates = world.rates(list(weights), 50_000, draw, 1)[0]
    contrast = np.array(list(weights.values())) @ rates
    assert contrast.mean() == pytest.approx(0.12, abs=0.005)
    assert contrast.std() == pytest.approx(assumed.components(weights).between, rel=0.05)


def test_the_report_of_a_fraction_names_what_each_contrast_is():
    half = [code for code in CODES if code.count("1") % 2 == 0]
    raw = table(lambda _task, cell: 0.2 + 0.5 * cell[0] + 0.1 * cell[1] * cell[2], codes=half)
    made = study(raw)
    shown = fraction_table(made, "m", Uncertainty())
    assert [row[0] for row in shown.rows][:5] == [
        "A + BCD/4", "B + ACD/4", "C + ABD/4", "D + ABC/4", "AB + CD",
    ]  # fmt: skip
    means = {code: raw[raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1) == code][
        "success"].mean() for code in half}  # fmt: skip
    on = np.mean([value for code, value in means.items() if code[0] == "1"])
    off = np.mean([value for code, value in means.items() if code[0] == "0"])
    assert shown.rows[0][2] == f"{100 * (on - off):+.1f}"
    summary = made.estimates().summary()
    assert "A fraction of the cells" in summary
    assert (
        fraction_table(study(table(lambda _t, cell: 0.2 + 0.5 * cell[0])), "m", Uncertainty())
        is None
    )
