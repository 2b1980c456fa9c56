"""The published tables, exactly, and what can be estimated from them."""

from analysis.published.counts import CODES, SCIENTIST, Published, estimates, load_published

__all__ = ["CODES", "SCIENTIST", "Published", "estimates", "load_published"]
