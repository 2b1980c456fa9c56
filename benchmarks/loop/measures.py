"""What is read off a seed's folders: one number per agent, task and quantity.

A change is paired: the same task, the same seed, the same draws, after and before. Intervals are
Student's over seeds, each seed being a base agent made anew; the tasks are these.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.contrasts import shapley
from analysis.layout import CAPACITIES, INTERVENTIONS
from analysis.load import load
from benchmarks.intervals import interval
from benchmarks.loop.seeds import BASE
from benchmarks.loop.steps import ABOUT

K = len(INTERVENTIONS)
SHARES = ("baseline", "residual", "held_out", "heeds_law", "heeds_contrary")
# In the order in which they are told: what a diagnosis says, then what else a treatment does.
DIAGNOSED = ("baseline", *CAPACITIES.values(), "residual")
BESIDE = ("held_out", "nll", "heeds_law", "heeds_contrary")


def measured(folder: Path) -> pd.DataFrame:
    """Return one row per seed, agent and quantity of every finished seed; the mean over its tasks.

    Columns: seed, agent, quantity, value.
    """
    rows = [row for home in sorted(folder.glob("seed-*/")) for row in _of_seed(home)]
    frame = pd.DataFrame(rows, columns=["seed", "agent", "quantity", "value"])
    return frame.astype({"seed": int, "value": float})


def _of_seed(home: Path) -> Iterator[tuple[int, str, str, float]]:
    seed = int(home.name.removeprefix("seed-"))
    agents = [path.parent.name for path in sorted(home.glob(f"diagnoses/*/{ABOUT}"))]
    for agent in agents:
        retention = home / "retention" / agent / ABOUT
        if not retention.is_file():
            continue
        studies = home / "diagnoses" / agent
        (crossed,) = studies.glob("loop-*/")
        (held_out,) = studies.glob("held_out-*/")
        said = json.loads(retention.read_text())
        beside = {name: said[name] for name in BESIDE if said.get(name) is not None}
        numbers = {
            **diagnosis_of(load(crossed).table),
            "held_out": float(load(held_out).table["success"].mean()),
            **beside,
            **_cost(home, agent),
        }
        for quantity, value in numbers.items():
            yield seed, agent, quantity, float(value)


def diagnosis_of(table: pd.DataFrame) -> dict[str, float]:
    """Return a full factorial's baseline, Shapley values and residual, tasks weighing the same."""
    on = [tuple(int(dose) for dose in doses) for doses in table[list(INTERVENTIONS)].to_numpy()]
    index = [sum(dose << (K - 1 - place) for place, dose in enumerate(doses)) for doses in on]
    means = table.assign(cell=index).groupby(["task", "cell"])["success"].mean().unstack()
    cells = means.mean().reindex(range(2**K)).to_numpy(float)
    values = {
        capacity: float(shapley(K, [factor]) @ cells)
        for factor, capacity in enumerate(CAPACITIES.values())
    }
    return {"baseline": float(cells[0]), **values, "residual": 1.0 - float(cells[-1])}


def _cost(home: Path, agent: str) -> Mapping[str, float]:
    if agent == BASE:
        base = json.loads((home / BASE / ABOUT).read_text())
        return {"parameters": base["parameters"], "seconds": base["seconds"]}
    chosen = home / "treatments" / agent
    rate = json.loads((chosen / "chosen.json").read_text())["rate"]
    said = json.loads((chosen / f"rate-{rate:g}" / ABOUT).read_text())
    return {"parameters": said["parameters"], "seconds": said["seconds"], "rate": rate}


def summarised(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per agent and quantity: mean and change from the base, with intervals.

    Columns: agent, quantity, seeds, mean, low, high, change, change_low, change_high.
    """
    wide = frame.pivot_table(index="seed", columns=["agent", "quantity"], values="value")
    order = list(dict.fromkeys(frame["agent"]))
    agents = [BASE, *(agent for agent in order if agent != BASE)]
    quantities = list(dict.fromkeys(frame["quantity"]))
    rows: list[dict[str, Any]] = []
    for agent in agents:
        for quantity in (name for name in quantities if (agent, name) in wide):
            own = wide[agent, quantity].dropna()
            row = {"agent": agent, "quantity": quantity, "seeds": len(own)}
            level = interval(own, *limits(quantity))
            row |= dict(zip(("mean", "low", "high"), level, strict=True))
            if agent != BASE and (BASE, quantity) in wide:
                change = (own - wide[BASE, quantity]).dropna()
                names = ("change", "change_low", "change_high")
                changed = interval(change, *limits(quantity, change=True))
                row |= dict(zip(names, changed, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def limits(quantity: str, change: bool = False) -> tuple[float, float]:
    """Return the least and the most that a quantity, or a change of it, can be."""
    if quantity not in SHARES and quantity not in CAPACITIES.values():
        return -math.inf, math.inf
    return 0.0 if quantity in SHARES and not change else -1.0, 1.0
