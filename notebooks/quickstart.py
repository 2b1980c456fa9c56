# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Which capacity holds the agent back?
#
# A small study of the reference subject, from the command to the estimates. The reference subject
# is synthetic: its capacities are set, so the true effect of every intervention is known.

# %%
import tempfile
from pathlib import Path

from analysis import Study
from diagnose.cli import main

folder = Path(tempfile.mkdtemp())
main(["run", "experiment=smoke", f"study.folder={folder}"])

# %% [markdown]
# The study folder holds one record per episode. `Study` reads it as tables.

# %%
study = Study.load(next(folder.iterdir()))
study.episodes.head()

# %% [markdown]
# Every estimate names its target, its method and its interval.

# %%
estimates = study.estimates(target="fixed").to_frame()
estimates[estimates.estimand.str.startswith("shapley:")]
