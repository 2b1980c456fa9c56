"""From episodes to estimates: load, catalogue of estimands, uncertainty, tables, figures.

``Study.load(path).estimates(target="new")`` is the way in; others' tables of the same columns go in
the same way. Nothing here needs a model client, the simulator or Hydra.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.results import Estimates
    from analysis.study import Study

__all__ = ["Estimates", "Study"]


def __getattr__(name: str) -> Any:
    """Load a class, and pandas with it, when it is asked for."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("analysis.study"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
