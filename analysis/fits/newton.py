"""Maximum likelihood by Newton's method, and which coefficients the data identify."""

from collections.abc import Callable

import numpy as np

from analysis.layout import Bools, Floats

STEPS = 50
CLOSE = 1e-10  # a step below this has arrived
LITTLE = 1e-7  # of the information: p (1 - p) of an event in ten million
FAR = 25.0  # a log odds no finite estimate from fewer than 10^10 episodes reaches
# Value, gradient and information at a coefficient vector.
Likelihood = Callable[[Floats], tuple[float, Floats, Floats]]


def maximised(likelihood: Likelihood, size: int) -> Floats | None:
    """Return the maximum of a concave log-likelihood; None where it is at infinity (separation)."""
    beta = np.zeros(size)
    value, gradient, information = likelihood(beta)
    start = np.linalg.cholesky(information)
    for _ in range(STEPS):
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(step).all():
            return None
        after = likelihood(beta + step)
        while after[0] < value - 1e-9 * abs(value):  # ends: at no step the values are equal
            step = step / 2
            after = likelihood(beta + step)
        beta = beta + step
        value, gradient, information = after
        if np.abs(beta).max(initial=0.0) > FAR:
            return None
        if np.abs(step).max(initial=0.0) < CLOSE:
            # Where data are separated the gradient may round to 0 on the way to infinity; what is
            # left of the information there is nothing beside that of the start.
            left = np.linalg.solve(start, np.linalg.solve(start, information).T)
            return beta if np.linalg.eigvalsh(left).min() > LITTLE else None
    return None


def identified(gram: Floats) -> tuple[Bools, Bools]:
    """Return which columns to keep, and which coefficients the data tell apart from the others.

    Args:
        gram: X'WX, shape (columns, columns).

    Returns:
        ``kept``: the first columns that are independent; ``own``: columns in no dependence, all of
        them kept.
    """
    values, vectors = np.linalg.eigh(gram)
    null = vectors[:, values < 1e-9 * max(float(values.max(initial=0.0)), 1e-300)]
    own: Bools = np.abs(null).max(axis=1, initial=0.0) < 1e-6
    kept = np.ones(len(gram), dtype=bool)
    if null.size:
        kept[:] = False
        for column in range(len(gram)):
            kept[column] = True
            chosen = gram[np.ix_(kept, kept)]
            if np.linalg.matrix_rank(chosen, hermitian=True, rtol=1e-9) < kept.sum():
                kept[column] = False
    return kept, own
