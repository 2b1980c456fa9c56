# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Planning a study
#
# How many tasks, how many runs, which cells? `diagnose plan` answers on the command line; here are
# the numbers behind it, and the figure.

# %%
from analysis.planning.designs import Cells, difference
from analysis.planning.power import Assumed, Size

names = ("gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")
codes = [f"{cell:04b}" for cell in range(16)]
full = Cells(names, tuple(codes))
assumed = Assumed(rate=0.35, slope_sd=0.2)  # success rate; how much effects differ between tasks

# %% [markdown]
# ## The smallest effect that is found
# With power 0.8, in the full factorial on 25 tasks with 8 runs of each, in percentage points. About
# these tasks runs alone matter; about new tasks, what differs between tasks matters as much.

# %%
import pandas as pd

contrasts = [difference("1000", "0000")]
contrasts += [full.estimand(name) for name in ("ame:gap_hints", "shapley:gap_hints")]
contrasts += [full.estimand("int:gap_hints*knowledge_notes")]
rows = [
    {
        "estimand": one.name,
        **{
            f"{target} tasks": round(100 * Size(25, 8, target).detectable(parts), 1)
            for target in ("fixed", "new")
        },
    }
    for one in contrasts
    for parts in [assumed.components(one.weights)]
]
pd.DataFrame(rows)

# %% [markdown]
# ## More tasks, or more runs?
# The same 200 episodes a cell, split in other ways: about new tasks, tasks win.

# %%
parts = assumed.components(full.estimand("shapley:gap_hints").weights)
pd.Series(
    {
        f"{tasks} tasks x {runs} runs": round(Size(tasks, runs, "new").power(parts, 0.10), 2)
        for tasks, runs in ((10, 20), (25, 8), (50, 4), (100, 2))
    },
    name="power for 10 pp",
)

# %%
import numpy as np

from analysis.figures.power import curves, power_curves

sizes = [Size(25, 8, "new"), Size(50, 4, "new"), Size(100, 2, "new")]
frame = curves(parts, sizes, np.linspace(0, 0.25, 60))
power_curves(
    frame, "shapley:gap_hints", "Assumed: rate 35 %, slopes differ by 20 pp between tasks."
).figure

# %% [markdown]
# ## Fewer cells
# Half of the factorial costs half, and every contrast is then a sum: with D = ABC, what looks like
# the interaction AB is AB + CD. It allows no Shapley value.

# %%
half = Cells(names, tuple(code for code in codes if code.count("1") % 2 == 0))
pd.DataFrame({"named": one.name, "is": one.letters(names)} for one in half.aliases)

# %% [markdown]
# ## Looking before the end
# Testing at 5 % after each of five looks errs far more often than 5 %; a boundary that is declared
# before does not. Critical values of z, look by look:

# %%
from analysis.planning.boundaries import boundary, crossing, equal

fractions = equal(5)
naive = float(crossing(np.full(5, 1.96), fractions).sum())
print(f"five looks at 1.96: type I error {naive:.3f}")
pd.DataFrame(
    {rule: boundary(rule, fractions).critical for rule in ("pocock", "obrien_fleming")},
    index=pd.Index(range(1, 6), name="look"),
).round(3)
