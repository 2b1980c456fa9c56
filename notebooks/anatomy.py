# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Anatomy of an episode
#
# One episode is one task, one run, one cell of the design. This notebook runs one in which the
# agent fails, and takes it apart: what it read, the code it wrote, the device that came of it, the
# press, the verdict, and why the device fails.

# %%
import contextlib
import io
from pathlib import Path

from diagnose.cli import main
from diagnose.ledger import read_records

with contextlib.redirect_stdout(io.StringIO()):  # the gap table: see the quick start
    main(["run", "study.tasks=[C-L1,C-L3]", "study.runs=4", "study.name=anatomy"])
records = list(read_records(next(Path("studies").glob("anatomy-*"))))
len(records), sum(bool(record.success) for record in records)

# %% [markdown]
# A cell's code has a digit per intervention, in this order:

# %%
records[0].factors

# %% [markdown]
# Of those that failed with nothing on but the hints, the first on C-L3: sixteen lamps are to
# light up one after the other, at gaps that are given.

# %%
failed = next(r for r in records if r.task == "C-L3" and r.cell == "1000" and not r.success)
print(failed.transcript[1]["content"])  # the task, then what the intervention adds

# %% [markdown]
# ## The code
# The subject answers with programs; the sandbox runs them, and what they print comes back.

# %%
for message in failed.transcript[2:5]:
    print(f"--- {message['role']}\n{message['content'][:1200]}\n")

# %% [markdown]
# ## The device
# What stood when the episode ended, six redstone ticks after the press.

# %%
from diagnose.env.circuit import Circuit
from diagnose.env.painter import render
from diagnose.tasks import task

c_l3 = task("C-L3")
device = Circuit.from_json(failed.circuit, c_l3.area_side)
render(device, 6, "C-L3 as it was built")

# %% [markdown]
# ## The pulse
# When each lamp was lit, against when it was to be. The simulator decides; nothing is compared as
# text.

# %%
from diagnose.env.engine import press
from diagnose.env.timeline import render_timeline, timeline_of
from diagnose.tasks import family_of, judge

family = family_of(c_l3)
trace = press(device, c_l3.area_side, last_fall_rt=family.last_fall_rt(c_l3))
render_timeline(timeline_of(trace, family.windows(c_l3, trace)), "C-L3")

# %%
verdict = judge(family, c_l3, device, trace)
print("pass" if verdict.passed else "fail", *verdict.reasons[:3], sep="\n")

# %% [markdown]
# ## The failure
# Physical causes, each confirmed by a repair of the device where there is one, with the law that it
# violates and the capacity of which the published taxonomy takes it to speak.

# %%
from diagnose.tasks.failing import causes_of

for cause in causes_of(c_l3, device, 20):
    print(f"{cause.cause}: {cause.sentence}\n  law: {cause.law}; {cause.capacity_by_convention}")

# %% [markdown]
# ## The same task and run, with everything on
# Cells share their draws: what differs between two cells of a run is the interventions' doing.

# %%
same = next(r for r in records if (r.task, r.run, r.cell) == ("C-L3", failed.run, "1111"))
whole = Circuit.from_json(same.circuit, c_l3.area_side)
trace = press(whole, c_l3.area_side, last_fall_rt=family.last_fall_rt(c_l3))
print(same.outcome)
render_timeline(timeline_of(trace, family.windows(c_l3, trace)), "C-L3, with everything on")
