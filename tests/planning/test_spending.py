"""What a wished precision costs by each way: the closed forms, and what a command may declare."""

import math
import re

import numpy as np
import pytest
from scipy.special import stdtrit

from analysis.batches import batches_of
from analysis.layout import INTERVENTIONS
from analysis.planning.boundaries import boundary, equal
from analysis.planning.designs import Cells
from analysis.planning.power import Assumed, Size
from analysis.planning.spending import Sharing, allocated, known, ways
from analysis.planning.told import Wish
from diagnose.cli.main import main
from diagnose.design import cells
from tests.study.fake import FACTORS

Z = 1.959963984540054
SHARED = ["study.allocate.rule=neyman", "study.allocate.estimand=shapley"]


def design(name):
    return Cells(INTERVENTIONS, tuple(cell.code for cell in cells(FACTORS, name)))


def told(capsys, *arguments):
    code = main(["plan", *arguments])
    out, error = capsys.readouterr()
    assert code == 0, error
    return out


def rows(out):
    part = out.split("Ways to spend less")[1]
    found = {}
    for line in part.splitlines():
        if made := re.match(
            r"(equal runs|half fraction, aliased|looks, \w+|allocated \(\w+\)) ", line
        ):
            found[made[1].split(",")[0].split(" (")[0]] = line[made.end() :].split()
    return found


def test_each_way_is_its_formula(capsys):
    found = rows(told(capsys, "--precision", "3pp"))
    full = design("full_factorial")
    one = full.estimand("shapley:gap_hints")
    parts = Assumed().components(one.weights)
    se = math.sqrt(parts.within / 25)  # of one run, these tasks
    runs = math.ceil((Z * se / 0.03) ** 2)
    assert found["equal runs"][2:4] == [str(runs), f"{16 * 25 * runs:,}"]
    looks = boundary("obrien_fleming", equal(4))
    more = math.ceil((looks.critical[-1] * se / 0.03) ** 2)
    expected = math.ceil(16 * 25 * more * looks.expected_share(0.0))
    assert found["looks"][2:4] == [str(more), f"{expected:,}"]
    # Weights of 1/4 in 4 cells and 1/12 in 12: runs 1/4 : 1/12, as near as whole numbers come.
    least = (4 / 4 + 12 / 12) ** 2 / 16 / (4 / 16 + 12 / 144)
    choice = allocated(full, one, known(full, Assumed(), Assumed(), 25, None), Sharing())
    assert least <= choice.share < least + 0.05
    for runs in range(8, 40):
        count = len(batches_of(runs, 2, 3, 9))
        reach = float(stdtrit(25 * (count - 1), 0.975)) * se
        width = reach * math.sqrt((2 / runs + (1 - 2 / runs) * choice.share) / runs)
        if width <= 0.03:
            break
    assert found["allocated"][2:4] == [str(runs), f"{16 * 25 * runs:,}"]
    half = Size(25, 8, "fixed").half_width(parts)
    assert found["equal runs"][-1] == f"{100 * half:.1f}"
    assert found["looks"][-1] == f"{100 * half * looks.critical[-1] / Z:.1f}"


def test_dollars_follow_the_cells_that_have_more_runs():
    full = design("full_factorial")
    one = full.estimand("shapley:gap_hints")
    looks, wish = boundary("pocock", equal(4)), Wish(detect=0.1)

    def cost(code):
        return 1.0 + code.count("1")

    spreads = known(full, Assumed(), Assumed(), 25, cost)
    found = ways(full, design("half_fraction"), one, Assumed(), spreads, looks, Sharing(), wish)
    each = {way.name.split(",")[0].split(" (")[0]: way for way in found}
    assert each["equal runs"].dollars(cost, 25, 8) == 25 * 8 * 48  # 16 cells of 3 dollars
    assert each["half fraction"].dollars(cost, 25, 8) == 25 * 8 * 24
    share = looks.expected_share(looks.drift(0.8))
    assert each["looks"].dollars(cost, 25, 8) == pytest.approx(25 * 8 * 48 * share)
    mix = np.array(list(each["allocated"].mix.values()))
    assert mix.mean() == pytest.approx(1)  # as many episodes
    assert spreads.price.mean() == pytest.approx(1)


def test_a_declared_rule_is_what_is_planned(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from a folder of studies whose episodes would be taken over
    small = ["study.tasks=[A-L1,A-L2,B-L1,C-L1]", "study.runs=8"]
    out = told(capsys, "--detect", "10pp", *SHARED, *small, "study.allocate.every=2")
    assert "16 cells x 4 tasks x 8 runs on average = 512 episodes" in out
    assert "0 recorded, 512 to run" in out
    assert len(rows(out)) == 4
    pocock = ["study.stop.rule=pocock", "study.stop.estimand=ame:gap_hints"]
    assert "ame:gap_hints. At the left" in told(capsys, "--detect", "10pp", *pocock, *small)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study.setting=curriculum"], "a curriculum ties tasks together"),
        (["run.shard=1/2"], "a batch needs every record before it"),
        (["study.stop.rule=pocock", "study.stop.estimand=ame:gap_hints"], "may stop early"),
        (["baseline=studies/x"], "baseline=null"),
        (["fork.from=studies/x"], "with fork.from: none"),
        (["study.allocate.rule=thompson"], "choose one of neyman"),
        (["study.allocate.pilot=two"], "give a whole number"),
        (["study.allocate.estimand=null"], "declare one"),
        (["design=half_fraction"], "these cells allow"),
        (["+study.allocate.evry=2"], "did you mean every"),
        (["study.runs=5"], "no batch may have more than half"),
    ],
)
def test_what_goes_with_no_allocation_is_refused(arguments, said, capsys):
    assert main(["plan", *SHARED, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_fraction_may_be_allocated_for_what_it_estimates(capsys):
    out = told(
        capsys, *SHARED, "study.allocate.estimand=alias:gap_hints", "design=half_fraction",
        "--detect", "10pp",
    )  # fmt: skip
    assert "8 cells x 25 tasks x 8 runs on average" in out
