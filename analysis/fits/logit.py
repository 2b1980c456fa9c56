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
    value = _penalised(x, successes, trials, beta)
    for _ in range(20 * STEPS):
        p = expit(x @ beta)
        information = _information(x, trials, p)
        inverse = np.linalg.inv(information)
        leverage = trials * p * (1 - p) * np.einsum("ri,ij,rj->r", x, inverse, x)
        step = inverse @ (x.T @ (successes - trials * p + leverage * (0.5 - p)))
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        after = _penalised(x, successes, trials, beta + step)
        while after < value - 1e-9 * abs(value):  # ends: at no step the values are equal
            step = step / 2
            after = _penalised(x, successes, trials, beta + step)
        beta, value = beta + step, after
        if np.abs(step).max() < CLOSE:
            break
    return Logit(beta, _information(x, trials, expit(x @ beta)), firth=True)


def _information(x: Floats, trials: Floats, p: Floats) -> Floats:
    information: Floats = x.T @ (x * (trials * p * (1 - p))[:, None])
    return information


def _penalised(x: Floats, successes: Floats, trials: Floats, beta: Floats) -> float:
    eta = x @ beta
    value = successes @ eta - trials @ np.logaddexp(0.0, eta)
    sign, log_det = np.linalg.slogdet(_information(x, trials, expit(eta)))
    return float(value + 0.5 * log_det) if sign > 0 else -np.inf
