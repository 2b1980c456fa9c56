"""The published tables, exactly, and what can be estimated from them."""

from analysis.published.counts import Published, load_published
from analysis.published.names import CODES, SCIENTIST
from analysis.published.reanalysis import estimates

__all__ = ["CODES", "SCIENTIST", "Published", "estimates", "load_published"]
