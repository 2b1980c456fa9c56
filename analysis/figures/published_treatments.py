"""The published treatments: base, SFT and DFT by model; Aligner on GSM8K by its tokens."""

from collections.abc import Mapping

import pandas as pd

from analysis.figures.style import PAGE, SIZES, SPARE, Drawn, bare, canvas, footnote, styled, title
from analysis.figures.theme import COLOURS, theme
from analysis.published.treatments import derived
from analysis.study import records

TABLE = "Table 1"
METHODS = ("base", "SFT", "DFT")
HUES = dict(zip(METHODS, (SPARE[3], SPARE[1], COLOURS["identification"]), strict=True))
ALIGNER = COLOURS["application"]
LANE = 0.26  # between the bars of one model. Unit: model
NOTE = (
    "As published: DFT, arXiv 2508.05629, Table 1; Aligner, arXiv 2312.05503. One number a setting "
    "is known, without an interval. Whiskers and band are derived: Wilson, 95 %, over the "
    "{questions:,} questions of GSM8K; trainings are not in them."
)


def treatment_rows(facts: pd.DataFrame, questions: Mapping[str, int]) -> pd.DataFrame:
    """Return what is drawn, in per cent.

    Columns: panel (maths or gsm8k), model, method, tokens (0 but for Aligner), value, low, high.
    """
    found = []
    for row in records(derived.gains(derived.maths(facts), TABLE, questions)):
        for method in METHODS:
            shown = {"panel": "maths", "model": row["model"], "method": method, "tokens": 0}
            found.append(shown | {"value": row[method.lower()]})
    for row in records(derived.solved(facts, questions)):
        shown = {"panel": "gsm8k", "model": "7B", "method": row["method"], "tokens": row["tokens"]}
        limits = {name: 100 * row[name] for name in ("low", "high")}
        found.append(shown | {"value": 100 * row["share"]} | limits)
    return pd.DataFrame(found)


@styled
def treatments(facts: pd.DataFrame, questions: Mapping[str, int]) -> Drawn:
    """Draw the averages of five maths sets at the left, GSM8K by tokens at the right.

    Args:
        facts: of ``load_facts``.
        questions: of ``load_questions``.
    """
    from matplotlib.patches import Patch

    rows = treatment_rows(facts, questions)
    figure, panels = canvas(PAGE, 3.5, 1, 2, width_ratios=(1.35, 1))
    left, right = panels[0]
    maths = rows[rows["panel"] == "maths"]
    models = list(dict.fromkeys(maths["model"]))
    for row in records(maths):
        y = models.index(row["model"]) + LANE * (METHODS.index(row["method"]) - 1)
        left.barh(y, row["value"], LANE * 0.92, color=HUES[row["method"]])
        left.text(
            row["value"] + 0.5, y, f"{row['value']:.2f}", va="center", fontsize=SIZES["small"]
        )
    left.set_yticks(range(len(models)), models)
    left.set_ylim(len(models) - 0.5, -0.5)
    left.set_xlim(0, 43)
    left.set_xlabel("maths, average of five sets, %")
    left.legend(
        handles=[Patch(color=HUES[name], label=name) for name in METHODS], loc="upper right"
    )
    bare(left, "left")
    gsm8k = rows[rows["panel"] == "gsm8k"]
    for row in records(gsm8k[gsm8k["tokens"] > 0]):
        x = row["tokens"]
        right.plot([x, x], [row["low"], row["high"]], color=theme().ink, lw=1.3)
        right.annotate(
            f"{row['value']:.0f}", (x, row["high"]), xytext=(0, 3), textcoords="offset points",
            ha="center", fontsize=SIZES["small"],
        )  # fmt: skip
    own = gsm8k[gsm8k["tokens"] > 0]
    right.plot(own["tokens"], own["value"], "-", color=ALIGNER, lw=1, zorder=1)
    right.plot(own["tokens"], own["value"], "o", color=ALIGNER, mec=theme().ink, mew=0.6, ms=5.5)
    (lora,) = records(gsm8k[gsm8k["method"] == "LoRA"])
    right.axhspan(lora["low"], lora["high"], color=theme().faint, lw=0, zorder=0)
    right.axhline(lora["value"], color=theme().quiet, lw=1.2, ls="--", zorder=0.5)
    right.annotate(
        f"LoRA, about 4 million parameters: {lora['value']:.1f}", (1, lora["high"]),
        xytext=(-6, 3), textcoords="offset points", fontsize=SIZES["small"],
    )  # fmt: skip
    right.set_xscale("log")
    ticks = own["tokens"].tolist()
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    right.set_xlim(0.7, 450)
    right.set_ylim(0, 43)
    right.set_xlabel("tokens of the Aligner (logarithmic)")
    right.set_ylabel("GSM8K after MetaMath, 7B, %")
    title(figure, "The treatments as published: DFT against SFT, Aligner against LoRA")
    footnote(figure, NOTE.format(questions=questions["GSM8K"]))
    return Drawn(figure, rows)
