"""The rules that a configuration declares, of those that the analysis has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.allocation import AllocationRule
from diagnose.config import StudyConfig
from diagnose.design import Factor, cells
from diagnose.errors import ConfigError
from diagnose.shards import Shard
from diagnose.stopping import StoppingRule

if TYPE_CHECKING:
    from analysis.planning.designs import Cells


def stopping_rule(config: StudyConfig, factors: Sequence[Factor], shard: Shard) -> StoppingRule:
    """Return the rule that the analysis has for this design.

    Raises:
        ConfigError: a value of it cannot be meant, or only a part of the study is to run here.
    """
    from analysis.planning.stopping import group_sequential

    if not shard.whole:
        remedy = "a look needs every record: run the whole study, or give study.stop.rule=null"
        raise ConfigError("run.shard", config.run["shard"], remedy)
    return group_sequential(_cells(config, factors), config.runs, **config.stop)


def allocation_rule(config: StudyConfig, factors: Sequence[Factor], shard: Shard) -> AllocationRule:
    """Return how the analysis shares out the runs of this design.

    Raises:
        ConfigError: a value of it cannot be meant, or only a part of the study is to run here.
    """
    from analysis.planning.allocation import neyman

    if not shard.whole:
        remedy = "a batch needs every record before it: run the whole study, or allocate nothing"
        raise ConfigError("run.shard", config.run["shard"], remedy)
    return neyman(_cells(config, factors), config.runs, **config.allocate)


def _cells(config: StudyConfig, factors: Sequence[Factor]) -> "Cells":
    from analysis.planning.designs import Cells

    codes = tuple(cell.code for cell in cells(factors, config.design))
    return Cells(tuple(factor.name for factor in factors), codes)
