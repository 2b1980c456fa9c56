# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Bring your own runs
#
# The estimates need no simulator and no records of ours: a row per episode is enough, from any
# benchmark. Here two support agents were run on twelve tickets of three kinds, six times each, with
# two kinds of help, each off and on. The outcomes are drawn from rates written below, so what the
# estimates should find is known; with runs of your own, start at *The table*.

# %%
import itertools

import numpy as np
import pandas as pd

rng = np.random.default_rng(1)
tickets = [(kind, number) for kind in ("refund", "login", "outage") for number in range(1, 5)]
rows = []
for agent, (kind, number), attempt in itertools.product(("small", "large"), tickets, range(6)):
    luck = rng.uniform()  # one draw per ticket and attempt: conditions are compared on equal terms
    for manual, planner in itertools.product((False, True), repeat=2):
        rate = 0.15 + 0.2 * (agent == "large") + 0.3 * manual + 0.1 * planner
        rate += 0.2 * (manual and planner) - 0.04 * number
        rows.append((agent, kind, number, attempt, manual, planner, luck < rate))
columns = ["agent", "kind", "ticket", "attempt", "manual", "planner", "solved"]
log = pd.DataFrame(rows, columns=columns)
log.sample(4, random_state=1)

# %% [markdown]
# ## The table
# Rename what you have. `family` and `level` group tasks; `run` counts attempts of a task, and equal
# numbers across conditions mean common seeds. What was not observed (a time-out of the provider, a
# crash of the harness) is empty, never 0: here a twentieth of the episodes, with their cause.

# %%
table = log.rename(
    columns={"agent": "model", "kind": "family", "ticket": "level", "attempt": "run"}
)
table["task"] = table["family"] + "-" + table["level"].astype(str)
table["success"] = table.pop("solved").astype(float)
lost = rng.uniform(size=len(table)) < 0.05
table.loc[lost, "success"] = np.nan
table["missing_cause"] = np.where(lost, "timeout", "")
table.head(3)

# %% [markdown]
# ## The estimates
# The factors are named, since they are not the four interventions of the benchmark.

# %%
from analysis import Study

study = Study.load(table, factors=["manual", "planner"])
estimates = study.estimates(target="new")
print(estimates.summary())

# %% [markdown]
# Both effects were planted: over the other factor's settings the manual is worth +40 points and the
# planner +20, as Shapley values and as average effects alike, and their interaction +20. Every
# number is a row, with its method, its adjusted p values, what is missing and the bounds beside.

# %%
columns = ["model", "estimand", "estimate", "ci_low", "ci_high", "p_holm", "n_missing"]
columns += ["manski_low", "manski_high"]
estimates.to_frame(kind="shapley")[columns].round(3)

# %%
estimates.to_frame(kind="int")[columns].round(3)

# %% [markdown]
# What is a row? Ask.

# %%
print(estimates.explain("shapley:manual"))

# %% [markdown]
# ## A cross-check
# The intervals are closed forms; a bootstrap that resamples tasks, and runs within them, should not
# tell another story.

# %%
boot = estimates.bootstrap(resamples=2000, seed=0)
boot[boot["estimand"].str.startswith("shapley:")].round(3)

# %% [markdown]
# On the command line the same table, saved, gives the same numbers, a page and the figures:
# `diagnose report my_runs.csv --factors manual,planner`.
