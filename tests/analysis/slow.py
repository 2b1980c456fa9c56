"""The estimates once more, slowly: loops over a plain pandas table, sharing no code with analysis.

Every estimand is a function of a game (cell -> value); its weights are what it gives for the games
that are 1 in one cell and 0 elsewhere. So the formulas here are the definitions, by permutations
and inclusion and exclusion, and not the weights by size that ``analysis.contrasts`` uses.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

Game = Mapping[str, float]
Index = Callable[[Game], float]


@dataclass(frozen=True)
class Slow:
    """What one estimand is; NaN limits where no variance was seen."""

    estimate: float
    half: float
    manski: tuple[float, float]
    n: int
    missing: int
    estimable: bool


def code(on: set[int], k: int) -> str:
    return "".join("1" if index in on else "0" for index in range(k))


def gains(game: Game, k: int, factor: int) -> list[tuple[int, float]]:
    """The size of every coalition of the others, and what the factor adds to it."""
    others = [index for index in range(k) if index != factor]
    return [
        (size, game[code({*before, factor}, k)] - game[code(set(before), k)])
        for size in range(k)
        for before in itertools.combinations(others, size)
    ]


def shapley(game: Game, k: int, factor: int) -> float:
    """The mean gain over all orders."""
    total = 0.0
    orders = list(itertools.permutations(range(k)))
    for order in orders:
        before = set(order[: order.index(factor)])
        total += game[code(before | {factor}, k)] - game[code(before, k)]
    return total / len(orders)


def interaction(game: Game, k: int, pair: tuple[int, int], share: Callable[[int], float]) -> float:
    """Differences in differences, weighed by the size of the others' coalition."""
    a, b = pair
    others = [index for index in range(k) if index not in pair]
    total = 0.0
    for size in range(k - 1):
        for rest in map(set, itertools.combinations(others, size)):
            with_b = game[code(rest | {a, b}, k)] - game[code(rest | {b}, k)]
            total += share(size) * (with_b - game[code(rest | {a}, k)] + game[code(rest, k)])
    return total


def moebius(game: Game, k: int, subset: tuple[int, ...]) -> float:
    """The game's value minus the terms of all proper subsets."""
    parts = [part for size in range(len(subset)) for part in itertools.combinations(subset, size)]
    return game[code(set(subset), k)] - sum(moebius(game, k, part) for part in parts)


def indices(factors: list[str]) -> dict[str, Index]:
    """Every estimand of the cells' rates, by name."""
    k = len(factors)
    out: dict[str, Index] = {}
    for cell in itertools.product("01", repeat=k):
        name = "".join(cell)
        out[f"cell:{name}"] = lambda game, name=name: game[name]
    for i, factor in enumerate(factors):
        out[f"ame:{factor}"] = lambda game, i=i: float(np.mean([g for _, g in gains(game, k, i)]))
        out[f"shapley:{factor}"] = lambda game, i=i: shapley(game, k, i)
        out[f"add1:{factor}"] = lambda game, i=i: gains(game, k, i)[0][1]
        out[f"loo:{factor}"] = lambda game, i=i: gains(game, k, i)[-1][1]
        out[f"seq:{factor}"] = lambda game, i=i: (
            game[code(set(range(i + 1)), k)] - game[code(set(range(i)), k)]
        )
    for pair in itertools.combinations(range(k), 2):
        name = f"{factors[pair[0]]}*{factors[pair[1]]}"
        out[f"int:{name}"] = lambda game, pair=pair: interaction(
            game, k, pair, lambda _: 1 / 2 ** (k - 2)
        )
        out[f"sii:{name}"] = lambda game, pair=pair: interaction(
            game, k, pair, lambda s: 1 / (k - 1) / math.comb(k - 2, s)
        )
    for size in range(1, k + 1):
        for subset in itertools.combinations(range(k), size):
            name = "*".join(factors[index] for index in subset)
            out[f"moebius:{name}"] = lambda game, subset=subset: moebius(game, k, subset)
    return out


def weights(index: Index, k: int) -> dict[str, float]:
    """The weight of every cell that has one."""
    cells = ["".join(cell) for cell in itertools.product("01", repeat=k)]
    found = {cell: index({other: float(other == cell) for other in cells}) for cell in cells}
    return {cell: weight for cell, weight in found.items() if abs(weight) > 1e-12}


def slow(
    raw: pd.DataFrame, factors: list[str], models: list[str], index: Index, target: str
) -> Slow:
    """Estimate one estimand of one model, or of the mean of several.

    Args:
        raw: of the tasks that the estimand is about; success NaN where not observed.
    """
    cell = raw[factors].astype(str).agg("".join, axis=1)
    cells = weights(index, len(factors))
    raw = raw.assign(cell=cell)[raw["model"].isin(models)]
    tasks = sorted(raw["task"].unique())
    raw = raw[raw["cell"].isin(cells)]
    w = {(model, one): cells[one] / len(models) for model in models for one in cells}
    every = {key: group["success"] for key, group in raw.groupby(["model", "cell", "task"])}
    usable = [
        task
        for task in tasks
        if all((*key, task) in every and every[*key, task].notna().any() for key in w)
    ]
    counts = int(raw["success"].notna().sum()), int(raw["success"].isna().sum())
    bounds = worst_and_best(every, w, tasks) if counts[1] else (math.nan, math.nan)
    if not usable or (target == "fixed" and usable != tasks):
        return Slow(math.nan, math.nan, bounds, *counts, estimable=False)
    own = raw[raw["task"].isin(usable)]
    d = {task: sum(w[key] * every[*key, task].mean() for key in w) for task in usable}
    inner = by_chains if "chain" in own.columns else by_runs
    half = over_tasks(own, d) if target == "new" else inner(own, w)
    if target == "new" and half == 0:
        half = inner(own, w)
    return Slow(float(np.mean(list(d.values()))), half, bounds, *counts, estimable=True)


def worst_and_best(
    every: Mapping[tuple[str, str, str], pd.Series],
    w: Mapping[tuple[str, str], float],
    tasks: list[str],
) -> tuple[float, float]:
    """The least and greatest value that unobserved episodes allow; NaN if a cell has no episode."""
    low = high = 0.0
    for key, weight in w.items():
        if any((*key, task) not in every for task in tasks):
            return math.nan, math.nan
        least, most = (
            float(np.mean([every[*key, task].fillna(value).mean() for task in tasks]))
            for value in (0, 1)
        )
        low += weight * (least if weight > 0 else most)
        high += weight * (most if weight > 0 else least)
    return low, high


def over_tasks(own: pd.DataFrame, d: Mapping[str, float]) -> float:
    """Student's t over tasks, or over groups of tasks that a chain links; NaN for a single one."""
    mean = np.mean(list(d.values()))
    groups = set(linked(own).values())
    totals = np.array([sum(d[task] - mean for task in members) for members in groups])
    count = len(totals)
    if count < 2:
        return math.nan
    se = math.sqrt(count / (count - 1) * float(totals @ totals)) / len(d)
    return 0.0 if se < 1e-9 else float(stats.t.ppf(0.975, count - 1)) * se


def by_runs(own: pd.DataFrame, w: Mapping[tuple[str, str], float]) -> float:
    """Student's t over runs within tasks; a pair of cells through the runs that both have."""
    total, df = 0.0, 0
    own = own.dropna(subset="success")
    tasks = own["task"].unique()
    for _, rows in own.groupby("task"):
        y: dict[tuple[str, str], dict[int, float]] = {key: {} for key in w}
        columns = (rows[name] for name in ("model", "cell", "run", "success"))
        for model, cell, run, success in zip(*columns, strict=True):
            y[model, cell][run] = success
        mean = {key: sum(runs.values()) / len(runs) for key, runs in y.items()}
        fewest = min(map(len, y.values()))
        if fewest < 2:
            return 0.0
        df += fewest - 1
        for a, b in itertools.product(w, repeat=2):
            common = y[a].keys() & y[b].keys()
            na, nb, c = len(y[a]), len(y[b]), len(common)
            products = sum((y[a][run] - mean[a]) * (y[b][run] - mean[b]) for run in common)
            # Its expectation is the covariance of one run times this.
            due = c * (1 - 1 / na - 1 / nb + c / (na * nb))
            if due > 1e-9:
                total += w[a] * w[b] * products / due * c / (na * nb)
    if total < -1e-12:
        return math.nan  # runs unevenly missing; the rule for that has a test of its own
    se = math.sqrt(max(total, 0.0)) / len(tasks)
    return 0.0 if se < 1e-9 else float(stats.t.ppf(0.975, df)) * se


def by_chains(own: pd.DataFrame, w: Mapping[tuple[str, str], float]) -> float:
    """Student's t over chains that were due in the same cells of linked tasks."""
    tasks = own["task"].nunique()
    means = own.groupby(["model", "cell", "task"])["success"].agg(["mean", "count"])
    totals, strata = [], []
    for _, rows in own.groupby("chain"):
        value = 0.0
        columns = (rows[name] for name in ("model", "cell", "task", "success"))
        for model, cell, task, success in zip(*columns, strict=True):
            if not math.isnan(success):
                mean, count = means.loc[(model, cell, task)]
                value += w[model, cell] * (success - mean) / count / tasks
        totals.append(value)
        rows_due = frozenset(zip(rows["model"], rows["cell"], strict=True))
        strata.append((linked(own)[rows["task"].iloc[0]], rows_due))
    df = len(totals) - len(set(strata))
    if df < 1:
        return 0.0
    se = math.sqrt(float(np.dot(totals, totals)) * len(totals) / df)
    return 0.0 if se < 1e-9 else float(stats.t.ppf(0.975, df)) * se


def linked(own: pd.DataFrame) -> dict[str, frozenset[str]]:
    """The tasks that each task is linked to, by a chain or a chain of chains."""
    group = {task: frozenset([task]) for task in own["task"].unique()}
    if "chain" in own.columns:
        for tasks in own.groupby("chain")["task"].unique():
            joint = frozenset().union(*(group[task] for task in tasks))
            group |= dict.fromkeys(joint, joint)
    return group
