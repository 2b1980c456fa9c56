"""The page of the claims: tables and pictures from the rows, with intervals over the seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.style import COLOURS, PAGE, SPARE, Drawn, save, styled
from analysis.report.table import Table
from benchmarks.claims.grid import (
    ADAPTER_RATES,
    ADAPTER_SHARE,
    LINES,
    PREFERENCE_RATES,
    RATES,
    STEPS,
    TOLD,
    chosen,
)
from benchmarks.claims.learn import BATCH
from benchmarks.intervals import interval
from benchmarks.pages import put_or_begin
from diagnose.markdown import fill

NAME = "claims"
CELL = ["teaches", "form_share", "noise"]
HUES = (COLOURS["identification"], SPARE[1], COLOURS["application"])
ASIDE = (0.85, 1.0, 1.18)  # on an axis of powers: so that none hides another
ADAPTED = {
    "form": "form",
    "facts": "facts",
    "known_refusal": "refusal, told apart",
    "refusal": "refusal, not told apart",
}
LABELS = {"sft": "SFT", "dft": "DFT", "asft": "ASFT"}


def told(of: tuple[float, float, float], sign: str = "") -> str:
    """Return mean and limits in percent."""
    mean, low, high = (f"{100 * value:{sign}.1f}" for value in of)
    return f"{mean} [{low}, {high}]"


def differences(rows: pd.DataFrame, first: str, second: str) -> pd.Series:
    """Return of each cell and seed the difference of two treatments' scores."""
    wide = rows.pivot_table(index=[*CELL, "seed"], columns="treatment", values="score")
    return (wide[first] - wide[second]).dropna()


def dft_table(rows: pd.DataFrame) -> Table:
    """Return where DFT and ASFT win and lose against SFT, paired by seed."""
    body = []
    gains = {other: differences(rows, other, "sft") for other in ("dft", "asft")}
    for cell, part in rows.groupby(CELL):
        teaches, share, noise = cell
        scores = [told(interval(part[part.treatment == one]["score"], 0.0, 1.0)) for one in LABELS]
        first = part["form_probability"].mean()
        gained = [told(interval(gain.loc[cell], -1.0, 1.0), "+") for gain in gains.values()]
        body.append([str(teaches), f"{share:g}", f"{first:.2g}", f"{noise:.0%}", *scores, *gained])
    head = ["teaches", "share", "p(form)", "noise", *LABELS.values(), "DFT - SFT", "ASFT - SFT"]
    note = (
        "Exact answers on clean questions, in percent: of the skill, unseen ones; of facts, those "
        "taught. Share: of answers in the target form in the base's training; p(form): the base's "
        "mean probability of the form's first token. Noise: share of demonstrations answered at "
        "random. Mean and 95 % t interval over seeds; differences are paired by seed."
    )
    return Table("claims_dft", "DFT against SFT", head, body, note, 4)


def rate_table(rows: pd.DataFrame) -> Table:
    """Return how the objectives bear wrong demonstrations of the skill, by learning rate."""
    noise = rows["noise"].max()
    of = rows[(rows.experiment == "dft") & (rows.teaches == "skill") & (rows.noise == noise)]
    body = []
    for _, same in of.groupby("form_share"):
        for name, label in LABELS.items():
            part = same[same.treatment == name]
            scores = [told(interval(one["score"], 0.0, 1.0)) for _, one in part.groupby("rate")]
            body.append([f"{same['form_probability'].mean():.2g}", label, *scores])
    head = ["p(form)", "trained by", *(f"rate {rate:g}" for rate in sorted(of["rate"].unique()))]
    note = (
        f"The skill, {noise:.0%} of demonstrations wrong: exact answers on unseen questions, in "
        "percent. Mean and 95 % t interval over seeds."
    )
    return Table("claims_rates", "Wrong demonstrations, by learning rate", head, body, note, 2)


def adapter_table(rows: pd.DataFrame) -> Table:
    """Return what adapters reach by their parameters."""
    body = []
    order = rows.sort_values("parameters")["treatment"].unique()
    for treatment in order:
        part = rows[rows.treatment == treatment]
        scores = []
        for teaches in ADAPTED:
            of = part[part.teaches == teaches]["score"]
            scores.append(told(interval(of, 0.0, 1.0)) if len(of) else "not run")
        body.append([treatment, f"{part['parameters'].iloc[0]:,}", *scores])
    refused, other = (f"{100 * share:.0f}" for share in TOLD)
    note = (
        "Exact answers on clean questions, in percent. Form: a known skill's answers in another "
        "form, unseen questions. Facts: as many as are taught. Refusal, by DPO: the mean of what "
        f"is to be refused and of what is to be answered, by a base that refuses {refused} % of "
        f"the one and {other} % of the other, so that it tells them apart, and by one that refuses "
        "half of both; "
        "refusing all, or nothing, is 50. Mean and 95 % t interval over seeds."
    )
    head = ["adapter", "parameters", *ADAPTED.values()]
    return Table("claims_adapters", "Aligner against LoRA", head, body, note)


def _line(
    at: Any, points: Sequence[tuple[float, ...]], colour: str, label: str, aside: float = 1.0
) -> None:
    """Draw a treatment's means with their limits; ``points``: x, mean, low and high of each."""
    x, mean, low, high = np.array(points).T
    spread = 100 * np.clip([mean - low, high - mean], 0, None)
    at.errorbar(aside * x, 100 * mean, spread, fmt="o-", ms=3, lw=1, capsize=2,
                color=colour, label=label)  # fmt: skip


@styled
def dft_figure(rows: pd.DataFrame) -> Drawn:
    """Draw scores by the base's probability of the form, for skill and facts, clean and noisy."""
    import matplotlib.pyplot as plt

    noises = sorted(rows["noise"].unique())
    figure, axes = plt.subplots(
        len(noises), 2, figsize=(PAGE, 2.2 * len(noises)), sharex=True, sharey=True,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    drawn = []
    for row, noise in enumerate(noises):
        for column, teaches in enumerate(("skill", "facts")):
            at = axes[row][column]
            part = rows[(rows.noise == noise) & (rows.teaches == teaches)]
            for aside, colour, (name, label) in zip(ASIDE, HUES, LABELS.items(), strict=True):
                of = part[part.treatment == name]
                points = []
                for _, one in of.groupby("form_share"):
                    mean, low, high = interval(one["score"], 0.0, 1.0)
                    points.append((one["form_probability"].mean(), mean, low, high))
                    named = dict(zip(("p", "mean", "low", "high"), points[-1], strict=True))
                    drawn.append({"noise": noise, "teaches": teaches, "treatment": name} | named)
                _line(at, points, colour, label, aside)
            at.set_title(f"{teaches}, {noise:.0%} of demonstrations wrong", fontsize=8)
            at.set(xscale="log", ylim=(-4, 104))
    for at in axes[-1]:
        at.set_xlabel("base's probability of the target form's first token")
    for row in axes:
        row[0].set_ylabel("exact, %")
    axes[0][0].legend(frameon=False, fontsize=8)
    return Drawn(figure, pd.DataFrame(drawn))


@styled
def adapter_figure(rows: pd.DataFrame) -> Drawn:
    """Draw scores by parameters, Aligner and LoRA, for form, facts and refusal."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 4, figsize=(PAGE, 2.4), sharey=True, layout="constrained", squeeze=False
    )
    drawn = []
    for at, (teaches, heading) in zip(axes[0], ADAPTED.items(), strict=True):
        for colour, kind, label in zip(
            HUES[:2], ("aligner", "lora"), ("Aligner", "LoRA"), strict=True
        ):
            of = rows[(rows.teaches == teaches) & rows.treatment.str.startswith(kind)]
            points = [
                (count, *interval(one["score"], 0.0, 1.0))
                for count, one in of.groupby("parameters")
            ]
            if not points:
                continue
            drawn += [
                dict(zip(("parameters", "mean", "low", "high"), point, strict=True))
                | {"teaches": teaches, "kind": kind}
                for point in points
            ]
            _line(at, points, colour, label)
        at.set_title(heading, fontsize=8)
        at.set(xscale="log", ylim=(-4, 104), xlabel="trained parameters")
    axes[0][0].set_ylabel("exact, %")
    axes[0][0].legend(frameon=False, fontsize=8)
    return Drawn(figure, pd.DataFrame(drawn))


def write(out: Path, folder: Path) -> None:
    """Write page and pictures of the rows in ``out``."""
    rows = pd.read_csv(out)
    dft, adapters = parted(rows)
    for name, drawn in (
        ("claims_dft", dft_figure(dft)),
        ("claims_adapters", adapter_figure(adapters)),
    ):
        save(drawn, folder / name, ["png"])
    put_or_begin(NAME, text(rows), folder / f"{NAME}.md", FRAME)


def parted(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows with a chosen rate: those about DFT, and those about adapters."""
    best = chosen(rows)
    about_dft = best.experiment == "dft"
    return best[about_dft], best[~about_dft]


def text(rows: pd.DataFrame) -> str:
    """Return the page's part."""
    (dft, adapters), seeds = parted(rows), rows["seed"].nunique()
    return "\n\n".join(
        [
            fill(
                f"{len(rows):,} trainings, {seeds} seeds, {STEPS} steps of {BATCH} lines each. "
                "Intervals are 95 % t intervals over seeds, cut at what is possible, each for "
                "itself, and there are many. Where all seeds scored the same they have no width, "
                "which is no proof that another seed would."
            ),
            "## DFT: where it wins and where it loses",
            fill(
                "The base answers a skill (symbols from last to first) and half of a table of "
                "facts in a plain form, and a share of them in the target form. Demonstrations are "
                f"in the target form: {LINES} of the skill, or of the facts that the base does not "
                f"know. Learning rates {_told(RATES)}, one chosen for each treatment of each cell "
                "on a validation split, noisy as the demonstrations are."
            ),
            "![Scores by the base's probability of the form](claims_dft.png)",
            dft_table(dft).markdown(),
            rate_table(rows).markdown(),
            "## Aligner: form, knowledge, values",
            fill(
                f"Bases with {ADAPTER_SHARE:.0%} of their answers in the target form. Learning "
                f"rates {_told(ADAPTER_RATES)}, and {_told(PREFERENCE_RATES)} for preferences, "
                "chosen as above. LoRA is on the query and value projections; the smallest, of "
                "rank 1, has as many parameters as an Aligner of 16 tokens."
            ),
            "![Scores by trained parameters](claims_adapters.png)",
            adapter_table(adapters).markdown(),
        ]
    )


def _told(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


FRAME = """# The papers' claims, at a scale that can be afforded

Models of some hundred thousand parameters on a made-up language (`benchmarks/claims/world.py`), so
that a map of many cells with intervals costs an hour. What happens here need not happen at a
billion parameters. Every training is a row of [claims.csv](claims.csv).

    .venv-train/bin/python -m benchmarks.claims run --part 1/2   # and 2/2 beside it
    .venv-train/bin/python -m benchmarks.claims page

{begin}
{end}
"""
