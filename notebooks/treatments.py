# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Treated, and diagnosed again
#
# A diagnosis names the capacity that holds an agent back; a treatment changes its weights. Which
# gap did it close, and what did it cost elsewhere? First a table of your own, then what was
# measured here: the loop closed on small agents, the papers' claims, the papers' numbers.

# %% [markdown]
# ## Runs of your own, before and after
#
# A factor named `weights` (0 as it was, 1 treated) makes every other factor's gap a pair: without
# the treatment and with it. The outcomes are drawn from rates written here: the treatment closes
# three quarters of what the experiment oracles add, and a quarter of what the others do.

# %%
import itertools

import numpy as np
import pandas as pd

from analysis import Study

gain = {
    "gap_hints": 0.08,
    "experiment_oracles": 0.24,
    "knowledge_notes": 0.08,
    "solution_sketches": 0.16,
}
closed = {name: 0.75 if name == "experiment_oracles" else 0.25 for name in gain}
rng = np.random.default_rng(0)
rows = []
for family, level, run in itertools.product("ABCD", (1, 2, 3), range(8)):
    luck = rng.uniform()  # one draw for all cells of a run: they are compared on equal terms
    for *on, weights in itertools.product((0, 1), repeat=5):
        rate = 0.16 + 0.02 * level + weights * sum(gain[name] * closed[name] for name in gain)
        for name, switch in zip(gain, on, strict=True):
            rate += switch * gain[name] * (1 - weights * closed[name])
        rows.append(("tuned", family, level, f"{family}-L{level}", run, *on, weights, luck < rate))
columns = ["model", "family", "level", "task", "run", *gain, "weights", "success"]
table = pd.DataFrame(rows, columns=columns).astype({"success": float})
study = Study.load(table, factors=["weights"])
frame = study.estimates(target="fixed").to_frame()
own = frame[frame["estimand"].str.match("closed:|treated:")]
own = own[["estimand", "estimate", "ci_low", "ci_high"]]
planted = [gain[name] * closed[name] for name in gain]
own.assign(planted=[*planted, sum(planted)]).set_index("estimand").round(3)

# %% [markdown]
# `closed` is a gap untreated less the gap treated, paired by task and run. `treated` is what the
# treatment does with every intervention off. With the agent's records in place of a table,
# `interventions/weights=crossed` makes the factor, and
# [local weights](../docs/local_weights.md) tells of shams and of old skills.

# %% [markdown]
# ## The loop closed
#
# Five agents made from nothing, each treated in six ways on its own successes. A row is a base
# agent, a treatment and a quantity; what a treatment changed is a difference within an agent.

# %%
from pathlib import Path

from scipy import stats

import analysis

docs = Path(analysis.__file__).parents[1] / "docs"
loop = pd.read_csv(docs / "loop.csv").pivot_table(
    index=["agent", "seed"], columns="quantity", values="value"
)
capacities = ["identification", "discovery", "consolidation", "application"]
shown = ["baseline", *capacities, "held_out", "heeds_contrary"]
change = loop[shown] - loop.loc["base", shown].reindex(loop.index, level="seed")
change = change.drop("base").groupby("agent")


def told(values: pd.Series) -> str:
    """Mean and 95 % t interval over agents, cut at what is possible, in points."""
    mean, half = values.mean(), stats.t.ppf(0.975, len(values) - 1) * values.sem()
    low, high = np.clip([mean - half, mean + half], -1, 1)
    return f"{100 * mean:+.0f} [{100 * low:+.0f}, {100 * high:+.0f}]"


change.agg(told)

# %% [markdown]
# A gap that a treatment closes has a negative sign here. The last column is the price: how often
# the agent builds by its own note where that says the contrary of what it was trained on.

# %%
from analysis.figures.shown import Shown
from analysis.figures.theme import COLOURS

mean = change.mean()
figure = Shown(figsize=(7, 2.8), layout="constrained")
axis = figure.subplots()
hues = ["0.4", *(COLOURS[name] for name in capacities)]
mean[["baseline", *capacities]].mul(100).plot.barh(ax=axis, width=0.8, color=hues)
axis.axvline(0, color="black", linewidth=0.8)
axis.set(xlabel="change, percentage points", ylabel="")
axis.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
figure

# %% [markdown]
# ## Where DFT wins
#
# Trainings on a made-up language ([the map](../docs/claims.md)): exact answers by DFT less those
# by SFT, each at the rate that did best on validation.

# %%
claims = pd.read_csv(docs / "claims.csv").query("experiment == 'dft'")
cell = ["teaches", "noise", "form_share", "treatment"]
validated = claims.groupby([*cell, "rate"])["validation"].mean().reset_index()
best = validated.loc[validated.groupby(cell)["validation"].idxmax(), [*cell, "rate"]]
score = claims.merge(best).pivot_table("score", [*cell[:-1], "seed"], "treatment")
gained = (score["dft"] - score["sft"]).groupby(cell[:-1]).agg(told)
gained.unstack("form_share")

# %% [markdown]
# ## What the papers print
#
# DFT's gains over the base on five maths sets, with limits for so many questions.

# %%
from analysis.published.treatments import derived, load_facts, load_questions

facts, questions = load_facts(), load_questions()
derived.gains(derived.maths(facts), "Table 1", questions).round(2)
