"""The published, aggregated tables as exact counts.

Every percentage is a multiple of 0.5 of 200 episodes (of 2.5 of 40 per level), so counts are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.published.names import CODES, SELF_DETERMINED
from diagnose.errors import InputError

FOLDER = Path(__file__).parent
CELL_EPISODES, LEVEL_EPISODES = 200, 40  # 25 tasks x 8 runs; 5 tasks x 8 runs


@dataclass(frozen=True)
class Count:
    """Successes in episodes of one cell."""

    successes: int
    n: int

    @property
    def p(self) -> float:
        """The success rate."""
        return self.successes / self.n

    @property
    def variance(self) -> float:
        """The variance of the success rate."""
        return self.p * (1 - self.p) / self.n


Cells = Mapping[str, Count]  # cell code -> count


@dataclass(frozen=True)
class Published:
    """The published counts."""

    models: Mapping[str, Cells]  # in the table's order
    levels: Mapping[str, Mapping[int, Cells]]  # model -> level -> cells
    structures: Mapping[str, Count]  # how gemini-3-pro's notes were structured
    printed: pd.DataFrame  # gaps and ratios as printed


def exact_count(percent: float, n: int, where: str) -> Count:
    """Return the count behind a printed percentage.

    Raises:
        InputError: no whole number of successes gives it.
    """
    successes = percent * n / 100
    if not (0 <= successes <= n and abs(successes - round(successes)) < 1e-9):
        raise InputError(where, percent, f"give a percentage of {n} episodes")
    return Count(round(successes), n)


def load_published(folder: Path = FOLDER) -> Published:
    """Read the three tables.

    Raises:
        InputError: a percentage that no count gives.
    """
    table2 = pd.read_csv(folder / "table2_models.csv")
    table3 = pd.read_csv(folder / "table3_consolidation.csv")
    table4 = pd.read_csv(folder / "table4_levels.csv")
    structures = {
        str(row["structure"]): exact_count(row["success"], CELL_EPISODES, "table3: success")
        for _, row in table3.iterrows()
    }
    models = {
        str(row["model"]): _cells(row, CELL_EPISODES, "table2") for _, row in table2.iterrows()
    }
    levels: dict[str, dict[int, Cells]] = {}
    for _, row in table4.iterrows():
        levels.setdefault(str(row["model"]), {})[int(row["level"])] = _cells(
            row, LEVEL_EPISODES, "table4"
        )
    for model, by_level in levels.items():
        # The scientist alone is printed by level only.
        alone = [cells[CODES["scientist"]] for cells in by_level.values()]
        total = Count(sum(c.successes for c in alone), sum(c.n for c in alone))
        models[model] = {**models[model], CODES["scientist"]: total}
    for model in table3["model"].unique():
        models[model] = {**models[model], SELF_DETERMINED: structures["self_determined"]}
    return Published(models, levels, structures, table2.set_index("model"))


def _cells(row: "pd.Series[Any]", n: int, table: str) -> dict[str, Count]:
    return {
        code: exact_count(float(row[name]), n, f"{table}: {name}")
        for name, code in CODES.items()
        if name in row.index
    }
