"""The page of estimands, ``docs/estimands.md``, from the catalogue."""

import textwrap

from analysis import estimands
from analysis.estimands.explained import described
from analysis.report.table import WIDTH

COMMAND = "python -m analysis.estimands > docs/estimands.md"
INTRODUCTION = """\
`diagnose analyze --out estimates.csv` writes one row per model and estimand: `model, estimand,
estimate, ci_low, ci_high, p, p_holm, p_bh, target, method, n_episodes, n_missing, status`, in
proportions (0.265 is 26.5 percentage points). `diagnose analyze --explain shapley:gap_hints` prints
what is below for one of them, with a study's own numbers if a study is named too.

In names `<a>` and `<b>` are interventions, `<code>` is a cell: a digit per intervention in the
order of the columns, 0 off, 1 on, further digits doses, 9 a sham. In formulas v(S) is the success
rate of the cell where S are on, and p[c,t] the share of successes among the observed runs of cell c
on task t."""
RULES = """\
- **Two targets.** `new`: the tasks are a sample, and the interval says what other tasks would
  give. `fixed`: these tasks, and the interval says what other runs would give.
- **Weights.** Every task has the same weight, whatever its number of episodes, except in fitted
  rows (`gee`, `clogit`, `cmh`), whose weights their rows state. `ALL` gives each model the same
  weight (`gee` and `clogit`: models as fixed effects; `cmh` and `mcnemar`: pairs and tables of
  every model).
- **Missing episodes** are never failures. An estimate stands on what was observed; `manski_low`
  and `manski_high` are what it would be were every missing episode at its worst or its best. They
  are over all tasks, and exact but for `gee`, which is fitted anew with the missing episodes for
  and against the factor; `mcnemar` has them where it is known in which run each missing episode
  was, and `clogit`, `tau`, `i2` and the biased contrasts have none. For new tasks a task lost in
  a cell is left out, and `method` says so; for fixed tasks the estimate is then `not_estimable`.
- **Cells that are not there.** What needs one is `not_estimable`, with the reason in `method`. In
  a regular fraction of the factorial, `ame`, `ame_level`, `ame_family`, `itt` and `int` are
  estimated with their aliases: `method` names the sum that is estimated, and `status` is
  `model_based`. Shapley values and all other indices are refused there.
- **No variance is no proof of none.** Where tasks show none, the interval is that of runs; where
  runs show none either, Wilson limits on the counts, combined. Ratios and log odds then use rates
  moved off 0 and 1 (Agresti and Caffo). No interval has width zero.
- **Floor, ceiling and separation.** A log odds of a mean at 0 or 1 is `not_estimable`. Where a
  level or a cell is all failures so that a coefficient would be infinite, `gee` is Firth's
  penalised logit; `clogit` and `cmh` are `not_estimable` and say so.
- **One run of a task**: no spread of runs, so limits on counts for fixed tasks. **One task** (or
  one cluster): no interval for new tasks. **One model**: no rows of `ALL`, `tau` and `i2`.
- **Allocated runs.** Where later runs went by the outcomes of earlier ones, p[c,t] is the mean of
  its batches' shares by weights fixed beforehand, and `method` says so; fitted models, paired
  tests, `as_treated`, `per_protocol`, `pass@k` and `pass^k` are refused.
- **Chains.** Episodes that carry a book along are one cluster; tasks that chains link are one.
- **p values** test 0. Holm and Benjamini-Hochberg families are all rows of one kind and target,
  over interventions and models; cells and other rates are in none.
- **Status** is empty, `not_estimable` (the estimate is blank) or `model_based` (it also stands on
  a model that the data cannot prove)."""


def page() -> str:
    """Return the whole page."""
    parts = ["# Estimands", f"Made by `{COMMAND}`.", INTRODUCTION, "## Rules", RULES]
    for entry in estimands.CATALOGUE.values():
        lines = [_bullet(f"**{key}**: {_plain(text)}") for key, text in described(entry)]
        parts += [f"## `{entry.pattern}`", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _bullet(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent="- ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _plain(text: str) -> str:
    """Return text in which Markdown sees no markup."""
    for mark in "*_<^":
        text = text.replace(mark, f"\\{mark}")
    return text
