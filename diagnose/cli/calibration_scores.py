"""What the simulated studies of a calibration amount to: coverage, bias, width and naming."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.intervals import wilson
from diagnose.cli.calibration import NAMING_RUNS, Floats, Ground, Planted, Scores, bottleneck

NOMINAL, LEAST = 0.95, 0.93
ROUNDING = 1e-9  # limits and truth are sums of shares; a truth on a limit is covered


@dataclass(frozen=True, eq=False)
class Result:
    """What the studies of one profile and one way to draw tasks gave."""

    subject: Planted
    draw: str
    names: tuple[str, ...]  # of the estimands
    truth: Floats  # shape: estimands
    scores: Scores

    @property
    def shapley(self) -> Floats:
        """True Shapley values, one per factor."""
        return self.truth[[name.startswith("shapley:") for name in self.names]]

    @property
    def planted(self) -> str:
        """The capacity of the planted bottleneck; empty = none."""
        return bottleneck(self.subject, self.shapley)


@dataclass(frozen=True)
class Check:
    """Whole episodes against the enumerated truth."""

    profile: str
    passed: tuple[bool, ...]
    chances: tuple[float, ...]  # enumerated, of each episode
    simulated: tuple[bool, ...]  # from the verdicts and each episode's own draws

    @property
    def equal(self) -> int:
        """Episodes that ended as the simulation does when it is fed their draws."""
        return sum(a == b for a, b in zip(self.passed, self.simulated, strict=True))

    @property
    def z(self) -> float:
        """Observed less expected successes, in binomial standard deviations."""
        chances = np.array(self.chances)
        spread = math.sqrt(float((chances * (1 - chances)).sum()))
        return (sum(self.passed) - float(chances.sum())) / spread if spread else 0.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """Everything a data sheet is written from."""

    results: tuple[Result, ...]
    checks: tuple[Check, ...]
    ground: Ground
    replicates: int
    runs: int
    seed: int


def estimand_rows(done: Calibration) -> pd.DataFrame:
    """Return one row per profile, draw and estimand: coverage, bias, width, in proportions."""
    rows = []
    for result in done.results:
        scores, n = result.scores, done.replicates
        low, high = scores.low - ROUNDING, scores.high + ROUNDING
        covered = ((low <= result.truth) & (result.truth <= high)).mean(axis=0)
        from_, to = wilson(covered, np.full(len(covered), float(n)))
        error = scores.estimate - result.truth
        for i, name in enumerate(result.names):
            rows.append(
                {
                    "profile": result.subject.name,
                    "tasks": result.draw,
                    "estimand": name,
                    "truth": result.truth[i],
                    "coverage": covered[i],
                    "coverage_low": from_[i],
                    "coverage_high": to[i],
                    "bias": error[:, i].mean(),
                    "bias_se": error[:, i].std(ddof=1) / math.sqrt(n),
                    "width": (scores.high - scores.low)[:, i].mean(),
                    "on_counts": scores.on_counts[:, i].mean(),
                    "replicates": n,
                }
            )
    return pd.DataFrame(rows)


def naming_rows(done: Calibration) -> pd.DataFrame:
    """Return one row per profile, draw and number of runs: how often the bottleneck is named.

    Without a planted bottleneck the share is that of the capacity named most often.
    """
    rows = []
    for result in done.results:
        capacities = list(result.subject.capacities)
        goal = capacities.index(result.planted) if result.planted else -1
        for column, runs in enumerate(NAMING_RUNS):
            named = result.scores.named[:, column]
            shares = [float((named == factor).mean()) for factor in range(len(capacities))]
            share = shares[goal] if result.planted else max(shares)
            low, high = wilson(np.array([share]), np.array([float(done.replicates)]))
            rows.append(
                {
                    "profile": result.subject.name,
                    "tasks": result.draw,
                    "planted": result.planted,
                    "runs": runs,
                    "share": share,
                    "share_low": float(low[0]),
                    "share_high": float(high[0]),
                }
            )
    return pd.DataFrame(rows)


def lead_rows(done: Calibration) -> pd.DataFrame:
    """Return how often one capacity leads every other by its intervals, rightly and wrongly."""
    rows = []
    for result in done.results:
        goal = list(result.subject.capacities).index(result.planted) if result.planted else -2
        clear = result.scores.clear
        right, any_ = float((clear == goal).mean()), float((clear >= 0).mean())
        rows.append(
            {
                "profile": result.subject.name,
                "tasks": result.draw,
                "right": right,
                "wrong": any_ - right,
            }
        )
    return pd.DataFrame(rows)
