"""Every index of a study's estimates against shapiq's exact computer, on whole and broken tables.

Run with ``make test-oracles``, where shapiq is installed.
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import shapiq

from tests.oracles.tables import estimates, game, names, table

# Ours -> shapiq's name and order; an index of order 2 has singles and pairs.
SINGLES = {"shapley": ("SV", 1), "ame": ("BV", 1)}
PAIRS = {"int": ("BII", 2), "sii": ("SII", 2)}
BOTH = {"stii2": ("STII", 2), "ksii2": ("k-SII", 2), "fsii2": ("FSII", 2)}
SHAPES = {
    "complete": {},
    "missing episodes": {"missing": 0.4},
    "unequal runs": {"unequal": True},
    "both": {"missing": 0.3, "unequal": True, "runs": 7},
}


def exact(v: np.ndarray, k: int) -> shapiq.ExactComputer:
    """Shapiq's computer on the game whose coalition values are the cells' rates."""
    place = 2 ** np.arange(k - 1, -1, -1)
    return shapiq.ExactComputer(lambda cells: v[np.asarray(cells, dtype=int) @ place], n_players=k)


def compared(frame: pd.DataFrame, v: np.ndarray, k: int) -> int:
    """Compare every index; return how many numbers were."""
    computer, count = exact(v, k), 0
    wanted = [
        *((kind, name, order, (1,)) for kind, (name, order) in SINGLES.items()),
        *((kind, name, order, (2,)) for kind, (name, order) in PAIRS.items()),
        *((kind, name, order, (1, 2)) for kind, (name, order) in BOTH.items()),
        ("moebius", "Moebius", k, tuple(range(1, k + 1))),
    ]
    for kind, name, order, sizes in wanted:
        values = computer(name, order=order)
        for size in sizes:
            for subset in combinations(range(k), size):
                ours = "*".join(names(k)[index] for index in subset)
                got = frame.loc[f"{kind}:{ours}", "estimate"]
                assert got == pytest.approx(float(values[subset]), abs=1e-9), (kind, ours)
                count += 1
    return count


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_every_index_is_shapiqs(k: int, shape: str) -> None:
    for seed in range(3):
        raw = table(k, 100 * k + seed, **SHAPES[shape])
        v = game(raw, k)
        count = compared(estimates(raw, k), v, k)
        pairs = k * (k - 1) // 2
        assert count == 2 * k + 2 * pairs + 3 * (k + pairs) + 2**k - 1


def test_both_targets_have_the_same_estimates() -> None:
    raw = table(4, 7, missing=0.3, unequal=True)
    new, fixed = (estimates(raw, 4, target)["estimate"] for target in ("new", "fixed"))
    # For new tasks those with fewer than k runs are left out; for fixed ones all are due.
    lost = new.notna() & fixed.isna()
    assert set(new[lost].index.str[:5]) <= {"pass@", "pass^"}
    pd.testing.assert_series_equal(new[~lost], fixed[~lost])


def test_pooling_rows_is_another_number() -> None:
    # What the equal task weights guard against: the tables above do tell the two apart.
    raw = table(3, 2, unequal=True)
    pooled = raw.groupby(names(3))["success"].mean().to_numpy()
    assert np.abs(pooled - game(raw, 3)).max() > 0.01
