"""Random tables of episodes with any number of factors, complete or not, and their shares."""

import numpy as np
import pandas as pd

from analysis.episodes import Source, layout_of, validated
from analysis.study import Study


def names(k: int) -> list[str]:
    return [f"f{index}" for index in range(k)]


def table(
    k: int, seed: int, *, tasks: int = 4, runs: int = 5, missing: float = 0.0, unequal: bool = False
) -> pd.DataFrame:
    """Every cell of every task keeps one observed episode at least."""
    rng = np.random.default_rng(seed)
    rows = []
    for task in range(tasks):
        for cell in range(2**k):
            rate = rng.uniform(0.1, 0.9)
            count = int(rng.integers(1, runs + 1)) if unequal else runs
            success = (rng.uniform(size=count) < rate).astype(float)
            success[1:][rng.uniform(size=count - 1) < missing] = np.nan
            digits = [(cell >> (k - 1 - index)) & 1 for index in range(k)]
            rows += [
                ("m", "A", 1 + task % 5, f"A-{task}", run, *digits, one)
                for run, one in enumerate(success)
            ]
    columns = ["model", "family", "level", "task", "run", *names(k), "success"]
    return pd.DataFrame(rows, columns=columns)


def study(raw: pd.DataFrame, k: int) -> Study:
    checked, factors = validated(raw, Source("table", str), names(k))
    return Study("table", checked, layout_of(checked, factors), {})


def estimates(raw: pd.DataFrame, k: int, target: str = "new") -> pd.DataFrame:
    return study(raw, k).estimates(target).to_frame().set_index("estimand")


def game(raw: pd.DataFrame, k: int) -> np.ndarray:
    """The cells' rates with equal task weights, by plain pandas; the first factor's digit first."""
    per_task = raw.groupby([*names(k), "task"])["success"].mean()
    return per_task.groupby(names(k)).mean().to_numpy()
