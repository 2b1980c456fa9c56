"""How much models differ in an effect, against a meta-analysis of statsmodels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from tests.analysis.studies import by_name, study, table

A = "gap_hints"


def many_models(effects: Sequence[float]) -> pd.DataFrame:
    return pd.concat(
        [
            table(lambda _t, cell, gain=gain: 0.3 + gain * cell[0], seed=10 + number, runs=4,
                  model=f"m{number}", common=False)
            for number, gain in enumerate(effects)
        ],
        ignore_index=True,
    )  # fmt: skip


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_models_differ_as_meta_analysis_says(target: str) -> None:
    frame = study(many_models([0.0, 0.1, 0.3, 0.5, 0.2])).estimates(target).frame
    own = frame[(frame["estimand"] == f"ame:{A}") & (frame["model"] != "ALL")]
    df = 24 if target == "new" else 75
    half = (own["ci_high"] - own["ci_low"]) / 2
    se = (half / stats.t.ppf(0.975, df)).to_numpy(float)
    fit = combine_effects(own["estimate"].to_numpy(float), se**2, method_re="iterated")
    pooled = by_name(frame, "ALL")
    tau, i2 = pooled.loc[f"tau:{A}"], pooled.loc[f"i2:{A}"]
    assert tau["estimate"] ** 2 == pytest.approx(fit.tau2, abs=1e-7)
    assert i2["estimate"] == pytest.approx(fit.i2, abs=1e-9)
    assert tau["p"] == pytest.approx(fit.test_homogeneity().pvalue, abs=1e-9)
    assert f"Q(4) = {fit.q:.2f}" in tau["method"]
    # Q at the limits of tau is at the quantiles of chi squared.
    values = own["estimate"].to_numpy(float)
    for limit, tail in ((tau["ci_low"], 0.975), (tau["ci_high"], 0.025)):
        weight = 1 / (se**2 + limit**2)
        q = weight @ (values - weight @ values / weight.sum()) ** 2
        assert q == pytest.approx(stats.chi2.ppf(tail, 4), abs=1e-6)
    assert i2["ci_low"] < i2["estimate"] < i2["ci_high"]
    assert not frame.loc[frame["model"] != "ALL", "estimand"].str.match("tau:|i2:").any()


def test_models_that_are_alike_have_no_spread_and_say_so() -> None:
    raw = table(lambda _t, cell: 0.3 + 0.2 * cell[0], seed=1)
    same = pd.concat([raw.assign(model=name) for name in "mno"], ignore_index=True)
    own = by_name(study(same).estimates("new").frame, "ALL")
    for kind in ("tau", "i2"):
        row = own.loc[f"{kind}:{A}"]
        assert row["estimate"] == 0
        assert np.isnan(row["ci_low"])
        assert "no interval: the models are more alike" in row["method"]
        assert row["p"] == pytest.approx(1)
