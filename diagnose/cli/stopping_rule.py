"""The stopping rule that a configuration declares, of those that the analysis has."""

from collections.abc import Sequence

from diagnose.config import StudyConfig
from diagnose.design import Factor, cells
from diagnose.errors import ConfigError
from diagnose.shards import Shard
from diagnose.stopping import StoppingRule


def stopping_rule(config: StudyConfig, factors: Sequence[Factor], shard: Shard) -> StoppingRule:
    """Return the rule that the analysis has for this design.

    Raises:
        ConfigError: a value of it cannot be meant, or only a part of the study is to run here.
    """
    from analysis.planning.designs import Cells
    from analysis.planning.stopping import group_sequential

    if not shard.whole:
        remedy = "a look needs every record: run the whole study, or give study.stop.rule=null"
        raise ConfigError("run.shard", config.run["shard"], remedy)
    codes = tuple(cell.code for cell in cells(factors, config.design))
    design = Cells(tuple(factor.name for factor in factors), codes)
    return group_sequential(design, config.runs, **config.stop)
