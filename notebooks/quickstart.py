# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Which capacity holds the agent back?
#
# A small study of the reference subject, from the command to the estimates. The reference subject
# is synthetic: its capacities are set, so the true effect of every intervention is known.

# %%
from pathlib import Path

from analysis import Study
from diagnose.cli import main

main(["run", "experiment=smoke"])

# %% [markdown]
# The study folder holds one record per episode. `Study` reads it as tables.

# %%
study = Study.load(next(Path("studies").glob("smoke-*")))
study.episodes.head()

# %% [markdown]
# Every estimate names its target, its method and its interval.

# %%
estimates = study.estimates(target="fixed").to_frame()
estimates[estimates.estimand.str.startswith("shapley:")]
