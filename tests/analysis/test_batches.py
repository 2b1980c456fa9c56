"""Allocated runs: no bias, by enumeration of all outcomes; and no ordinary estimate of them."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from analysis.batches import Batched, batches_of, factors, variances
from analysis.estimates import Place
from analysis.figures.catalogue import available
from analysis.layout import INTERVENTIONS
from analysis.planning.allocated import read
from analysis.planning.designs import Cells
from analysis.sample import Sample
from analysis.study import Study
from analysis.uncertainty import BATCHED, Uncertainty
from benchmarks.allocation import SHAPLEY, runs_of, sample
from benchmarks.simulated import World
from diagnose.errors import InputError
from tests.analysis.studies import CODES, TASKS, study, table

SIZES = (2, 3, 3)  # runs of the batches, at most
OF = np.repeat([0, 1, 2], SIZES)


def more(seen):
    """Three runs for what looks uncertain, one for what does not."""
    return 3 if 0 < sum(seen) < len(seen) else 1


def histories(p):
    """Yield every outcome of one task and cell with its probability; NaN = not asked for."""
    for bits in itertools.product((0, 1), repeat=8):
        chance = np.prod([p if bit else 1 - p for bit in bits])
        y = np.array(bits, dtype=float)
        second = more(bits[:2])
        y[2 + second : 5] = np.nan
        third = more([*bits[:2], *bits[2 : 2 + second]])
        y[5 + third :] = np.nan
        yield chance, y


def one_cell(y, weights):
    rows = tuple((("m", "success", str(row))) for row in range(len(y)))
    made = Sample(rows, y, np.isfinite(y).sum(axis=2).astype(float), (1,) * y.shape[1])
    of = np.tile(OF[: y.shape[2]], (y.shape[1], 1))
    batches = Batched(of, np.asarray(weights), np.empty(0))
    planned = batches.counts(y)
    return Sample(*list(vars(made).values())[:5], Batched(of, batches.weights, planned))


@pytest.mark.parametrize(
    "weights", [(0.25, 0.375, 0.375), (1 / 3, 1 / 3, 1 / 3), (0.2, 0.35, 0.45)]
)
@pytest.mark.parametrize("p", [0.1, 0.35, 0.8])
def test_estimate_and_variance_are_unbiased_and_pooled_runs_are_not(p, weights):
    mean = square = spread = pooled = 0.0
    for chance, y in histories(p):
        own = one_cell(y[None, None], weights)
        (made,) = Uncertainty("fixed").spreads(own, np.ones((1, 1)))
        estimate = own.p[0, 0]
        mean += chance * estimate
        square += chance * estimate**2
        spread += chance * made.se**2
        pooled += chance * np.nanmean(y)
    assert mean == pytest.approx(p, abs=1e-12)
    assert spread == pytest.approx(square - mean**2, abs=1e-12)
    assert abs(pooled - p) > 0.005
    assert (pooled < p) == (p < 0.5)  # away from the middle: what looked certain stays


def test_new_tasks_are_unbiased_though_tasks_share_a_budget():
    # Two tasks of rates drawn from two; the one that failed its pilot alone gets the second run.
    weights, rates = (0.4, 0.6), (0.2, 0.7)
    mean = square = spread = 0.0
    for pair in itertools.product(rates, repeat=2):
        for bits in itertools.product((0, 1), repeat=8):
            y = np.array(bits, dtype=float).reshape(2, 4)[None]
            p = np.array(pair)[None, :, None]
            chance = 0.25 * np.prod(np.where(y == 1, p, 1 - p))
            sums = y[0, :, :2].sum(axis=1)
            extra = sums.argmin() if sums[0] != sums[1] else -1
            y = np.array([[np.where(np.arange(4) < (4 if t == extra else 3), y[0, t], np.nan)
                           for t in range(2)]])  # fmt: skip
            own = one_cell(y, (*weights,))
            (made,) = Uncertainty("new").spreads(own, np.ones((1, 1)))
            estimate = own.p.mean()
            mean += chance * estimate
            square += chance * estimate**2
            if made.method.startswith("task-level"):  # 0 falls back on another variance
                spread += chance * made.se**2
    assert mean == pytest.approx(0.45, abs=1e-12)
    assert spread == pytest.approx(square - mean**2, abs=1e-12)


def test_the_factors_of_a_variance():
    weights = np.array([0.2, 0.3, 0.15, 0.35])
    sizes = np.array([1.0, 4.0, 0.5, 2.0])  # variances of the batches
    a = factors(weights)
    expected = a @ ((1 - 2 * weights) * sizes + weights**2 @ sizes)
    assert expected == pytest.approx(weights**2 @ sizes)
    assert factors(np.array([0.5, 0.5])).tolist() == [0.5, 0.5]  # D^2 / 4
    lopsided = np.array([0.3, 0.7])
    large = factors(lopsided)
    sizes = sizes[:2]
    spread = large @ ((1 - 2 * lopsided) * sizes + lopsided**2 @ sizes)
    assert spread >= lopsided**2 @ sizes


def test_a_batch_that_lacks_a_cell_is_left_out_of_its_task_alone():
    shares = np.array([[[0.0, 0.5]], [[1.0, 0.0]], [[0.5, np.nan]]])
    found, df = variances(shares, np.ones((1, 1)), np.array([0.3, 0.3, 0.4]))
    assert df.tolist() == [[2, 1]]
    assert found[0, 1] == pytest.approx(0.5**2 / 4)
    nothing, _ = variances(shares[:1], np.ones((1, 1)), np.ones(1))
    assert np.isnan(nothing).all()


def allocated_table(seed=0):
    """A table of a study whose batches were shared out."""
    world = World(common=0.0)
    draw = np.random.default_rng(seed)
    y = world.outcomes(draw, world.rates(draw, 5, 5), 20)
    batches = batches_of(8, 2, 3, 9)
    design = Cells(INTERVENTIONS, tuple(CODES))
    weights = np.array([[design.estimand(n).weights.get(c, 0.0) for c in CODES] for n in SHAPLEY])
    seen = runs_of(batches, y, weights, draw)
    frame = table(lambda _task, _cell: 0.5, runs=20)
    cell = {code: row for row, code in enumerate(CODES)}
    code = frame[list(INTERVENTIONS)].astype(str).agg("".join, axis=1).map(cell)
    task = frame["task"].map({name: row for row, name in enumerate(TASKS)})
    frame["success"] = seen[code, task, frame["run"]]
    frame = frame[frame["success"].notna()].reset_index(drop=True)
    frame["batch"] = np.searchsorted([2, 11, 20], frame["run"], side="right")
    frame["batch_weight"] = np.array([2, 3, 3])[frame["batch"]] / 8
    return frame, sample(seen, batches)


def test_a_table_with_batches_is_estimated_by_them():
    frame, made = allocated_table()
    loaded = study(frame)
    rows = [loaded.sample.index[key] for key in (("m", "success", code) for code in CODES)]
    assert loaded.sample.p[rows] == pytest.approx(made.p)
    pooled = study(frame.drop(columns=["batch", "batch_weight"]))
    assert np.abs(loaded.sample.p - pooled.sample.p).max() > 0.05
    for target, label in (("new", "task-level t(24)"), ("fixed", "batch-level t(50)")):
        found = loaded.estimates(target).frame.set_index("estimand")
        own = found.loc["shapley:gap_hints"]
        assert own["method"] == f"{label}, {BATCHED}"
        for name in ("gee:gap_hints", "cmh:gap_hints", "mcnemar:gap_hints", "pass@2:1111"):
            assert found.loc[name, "status"] == "not_estimable"
            assert found.loc[name, "method"].startswith("refused: it pools runs")
        usable = found[found["status"] == ""]
        assert usable["method"].str.contains(BATCHED).all()
    by_hand = np.array([made.batches.weights[k] * made.batches.shares(made.y)[k] for k in range(3)])
    place = Place(made, ("m0",), tuple(CODES), Uncertainty("new"))
    assert place.sample.p == pytest.approx(by_hand.sum(axis=0))


def test_worst_and_best_case_are_by_batch():
    frame, _ = allocated_table()
    one = frame.index[(frame["run"] == 2) & (frame["task"] == "A-L1")][0]
    success = frame.loc[one, "success"]
    code = "".join(str(frame.loc[one, name]) for name in frame.columns[5:9])
    whole = study(frame).estimates("new").rows["m"][f"cell:{code}"]["estimate"]
    runs = ((frame["batch"] == 1) & (frame["task"] == "A-L1")) & (
        frame[list(frame.columns[5:9])].astype(str).agg("".join, axis=1) == code
    )
    frame.loc[one, "success"] = np.nan
    row = study(frame).estimates("new").rows["m"][f"cell:{code}"]
    step = 3 / 8 / runs.sum() / 25  # the batch's weight, its runs, the tasks
    assert row["manski_high"] - row["manski_low"] == pytest.approx(step)
    assert row["manski_low"] == pytest.approx(whole - success * step)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="batch_weight"), "give batch_weight too"),
        (lambda t: t.assign(batch_weight=0.0), "above 0 and at most 1"),
        (lambda t: t.assign(batch_weight=np.arange(len(t)) / len(t) + 1e-6), "has one weight"),
        (lambda t: t.assign(batch=-1), "batch"),
        (lambda t: t.assign(batch=np.arange(len(t)) % 3, batch_weight=0.3), "is in one batch"),
    ],
)  # fmt: skip
def test_batches_that_cannot_be_are_refused(change, said):
    frame, _ = allocated_table()
    with pytest.raises(InputError, match=said):
        study(change(frame))


def test_runs_that_were_allocated_are_not_drawn_again():
    frame, _ = allocated_table()
    made = study(frame).estimates("fixed")
    with pytest.raises(InputError, match="cannot be drawn again"):
        made.bootstrap("shapley", resamples=10)
    assert len(study(frame).estimates("new").bootstrap("shapley", resamples=10)) == 4
    assert "levels" not in available(made)


def test_while_only_the_pilot_is_there_it_is_an_ordinary_study():
    frame, _ = allocated_table()
    pilot = frame[frame["batch"] == 0]
    plain = study(pilot.drop(columns=["batch", "batch_weight"])).estimates("fixed").frame
    assert study(pilot).sample.batches is None
    pd.testing.assert_frame_equal(study(pilot).estimates("fixed").frame, plain)


def test_a_damaged_declaration_is_no_ordinary_study(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"allocate": {"batches": [[0, 2, 2]]}}))
    (tmp_path / "episodes.jsonl").write_text("")
    with pytest.raises(InputError, match="restore study"):
        read(tmp_path)
    (tmp_path / "study.json").write_text(json.dumps({"runs": 8}))
    assert read(tmp_path) is None
    assert Study.__dataclass_fields__["allocation"].default is None
