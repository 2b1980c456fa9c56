"""The additive logit of success on every factor, on counts: plain, and with Firth's penalty."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from analysis.fits.newton import CLOSE, STEPS, maximised
from analysis.layout import Floats


class Logit(NamedTuple):
    """A fit: coefficients, expected information there, and whether it is penalised."""

    beta: Floats
    information: Floats
    firth: bool


def logit(x: Floats, successes: Floats, trials: Floats) -> Logit:
    """Return the maximum-likelihood fit, or Firth's where a coefficient would be infinite.

    Args:
        x: the design, of full rank. Shape: (rows, columns).
        successes: shape rows.
        trials: shape rows, above 0.
    """

    def likelihood(beta: Floats) -> tuple[float, Floats, Floats]:
        eta = x @ beta
        p = expit(eta)
        value = float(successes @ eta - trials @ np.logaddexp(0.0, eta))
        return value, x.T @ (successes - trials * p), _information(x, trials, p)

    beta = maximised(likelihood, x.shape[1])
    if beta is None:
        return firth(x, successes, trials)
    return Logit(beta, _information(x, trials, expit(x @ beta)), firth=False)


def firth(x: Floats, successes: Floats, trials: Floats) -> Logit:
    """Return the fit that maximises log-likelihood + 1/2 log det information: always finite.

    Source: Firth 1993; Heinze and Schemper 2002.
    """
    beta = np.zeros(x.shape[1])
    value, step, left = _scored(x, successes, trials, beta)
    for _ in range(STEPS * STEPS):
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        # Scoring knows nothing of the penalty's curvature and may step too far: uphill, or nearer.
        while True:
            after = _scored(x, successes, trials, beta + step)
            if after[0] > value or after[2] < left or np.abs(step).max() < CLOSE:
                break
            step = step / 2
        beta = beta + step
        if np.abs(step).max() < CLOSE:
            break
        value, step, left = after
    return Logit(beta, _information(x, trials, expit(x @ beta)), firth=True)


def _scored(
    x: Floats, successes: Floats, trials: Floats, beta: Floats
) -> tuple[float, Floats, float]:
    """Return the penalised log-likelihood, the step of scoring, and what is left to gain by it."""
    eta = x @ beta
    p = expit(eta)
    information = _information(x, trials, p)
    sign, log_det = np.linalg.slogdet(information)
    if sign <= 0:
        return -np.inf, np.zeros(len(beta)), np.inf
    value = float(successes @ eta - trials @ np.logaddexp(0.0, eta) + 0.5 * log_det)
    inverse = np.linalg.inv(information)
    leverage = trials * p * (1 - p) * np.einsum("ri,ij,rj->r", x, inverse, x)
    score = x.T @ (successes - trials * p + leverage * (0.5 - p))
    step = inverse @ score
    return value, step, float(score @ step)


def _information(x: Floats, trials: Floats, p: Floats) -> Floats:
    information: Floats = x.T @ (x * (trials * p * (1 - p))[:, None])
    return information
