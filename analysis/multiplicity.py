"""Holm and Benjamini-Hochberg adjusted p values."""

import numpy as np

from analysis.layout import Floats


def holm(p: Floats) -> Floats:
    """Return Holm's step-down adjusted p values; NaN stays NaN and is in no family.

    Source: Holm 1979.
    """
    return _adjusted(p, step_down=True)


def benjamini_hochberg(p: Floats) -> Floats:
    """Return Benjamini and Hochberg's adjusted p values; NaN stays NaN. Source: 1995."""
    return _adjusted(p, step_down=False)


def _adjusted(p: Floats, *, step_down: bool) -> Floats:
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    count = len(known)
    order = known[np.argsort(p[known], kind="stable")]
    if step_down:
        adjusted = np.maximum.accumulate(p[order] * (count - np.arange(count)))
    else:
        scaled = p[order] * count / np.arange(1, count + 1)
        adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    out[order] = np.minimum(adjusted, 1.0)
    return out
