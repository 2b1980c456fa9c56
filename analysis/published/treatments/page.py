"""The page of the published treatments, from the pinned numbers."""

from collections.abc import Mapping

import pandas as pd

from analysis.published.treatments import derived
from analysis.published.treatments.facts import AVERAGE, MATHS
from analysis.published.treatments.tables import FULL, LORA, limits, number, tables
from analysis.report.table import marked
from diagnose.markdown import fill, table

DFT, ALIGNER = "https://arxiv.org/abs/2508.05629", "https://arxiv.org/abs/2312.05503"
EXAMPLE = """```python
from analysis.published.treatments import load_facts

facts = load_facts()  # paper, place, model, method, setting, dataset, metric, value, unit
print(facts[facts.dataset == "GSM8K"][["method", "printed"]])
```"""
CLAIMS, LOOP = "[claims](claims.md)", "[loop](loop.md)"
PRETRAINED = "[a pretrained model](pretrained.md)"


def page(facts: pd.DataFrame, questions: Mapping[str, int]) -> str:
    """Return the page."""
    made = {name: one.markdown() for name, one in tables(facts, questions).items()}
    parts = [
        "# The treatments, as published",
        fill(
            "Written by `.venv/bin/python tools/treatments_page.py` from the numbers that two "
            f"papers print: DFT ([arXiv 2508.05629]({DFT}), by the text of its third version) and "
            f"Aligner ([arXiv 2312.05503]({ALIGNER})). They are pinned, a fact a row with its "
            "place, in `analysis/published/treatments/dft.csv` and `aligner.csv`; nothing of this "
            "page was measured here. What is derived from them says so."
        ),
        EXAMPLE,
        "![Base, SFT and DFT by model; Aligner on GSM8K by tokens](paper/treatments.png)",
        fill(
            "Left: Table 1. Right: accuracy by the number of tokens, with derived intervals. "
            "[The same in dark](paper/treatments_dark.png)."
        ),
        "## What is claimed, and where it is tested here",
        _claims(facts, questions),
        "## DFT",
        made["dft_averages"],
        made["dft_by_set"],
        fill(_counted(facts)),
        made["dft_own_samples"],
        made["dft_iw_sft"],
        made["dft_weightings"],
        made["dft_facts"],
        fill(
            "Not pinned: code (Table 3), multi-modal reasoning (Table 4), and what is drawn only: "
            "the course of training, learning rates and batch sizes. The set-ups are recipes "
            "(`conf/recipe`)."
        ),
        "### What does not follow",
        fill(
            "Every average of these tables is held against the mean of its five sets, which "
            "guards the copy as well as the print; likewise the text's multiples against Table 1."
        ),
        _departures(facts),
        made["dft_multiples"],
        "## Aligner",
        fill(
            "These numbers are from a summary of the paper, whose tables were not at hand, so "
            "they name the experiment and no table; its results on 13B, on value alignment "
            "(PKU-Beaver) and on MMLU are not pinned. The parameters are checked otherwise: "
            "N d + (L − 2) H of LLaMA-7B (d = 4096, L = 32, H = 32) gives the four published ones "
            "(tests: the arithmetic, and `AlignerConfig` on a model of that shape)."
        ),
        made["aligner_wins"],
        fill(_undecided(facts, questions)),
        made["aligner_solved"],
        "## How certain",
        *_certainty(facts, questions),
    ]
    return "\n\n".join(parts) + "\n"


def _claims(facts: pd.DataFrame, questions: Mapping[str, int]) -> str:
    wide = derived.maths(facts)
    leads = derived.gains(wide, FULL, questions)["lead"]
    lora = derived.gains(wide, LORA, questions)["lead"]
    by_tokens = derived.solved(facts, questions).set_index("method")
    one, most = (by_tokens.loc[name] for name in ("Aligner-1", "Aligner-300"))
    lora_solves = f"LoRA {by_tokens['printed'].loc['LoRA']!s}"
    rows = [
        ["DFT learns more from demonstrations than SFT",
         f"maths: by {leads.min():.1f} to {leads.max():.1f} points, five models",
         f"{CLAIMS}, {PRETRAINED}: by the form's probability and by noise; {LOOP}: an agent"],
        ["it does so with LoRA too",
         f"maths: by {lora.min():.1f} to {lora.max():.1f} points, two models",
         f"{PRETRAINED}: LoRA of rank 8; in {CLAIMS} and {LOOP} DFT trains all weights"],
        ["on facts it does not", "Natural Questions: below the base",
         f"{CLAIMS}: facts beside a skill"],
        ["on own samples it is ahead of DPO, RFT, PPO, GRPO", "maths, Qwen2.5-Math-1.5B",
         f"{LOOP}: DFT and SFT (RFT) on the agent's own successes; no DPO, PPO, GRPO"],
        ["weighting by token is what works", "maths, Qwen2.5-Math-1.5B",
         "objectives `dft_sequence` and `dft_geometric` ([training](training.md))"],
        ["one token suffices for form", "win rates around one half on Vicuna's questions",
         f"{CLAIMS} and {PRETRAINED}: form by parameters, Aligner and LoRA"],
        ["knowledge needs parameters",
         f"GSM8K {one['printed']} with one token, {most['printed']} with 300; {lora_solves}",
         f"{CLAIMS} and {PRETRAINED}: facts by parameters, Aligner and LoRA"],
        ["one token suffices for values", "PKU-Beaver, by DPO; no number is pinned",
         f"{CLAIMS}: refusals by DPO, Aligner and LoRA, by whether the base tells them apart"],
    ]  # fmt: skip
    return table(["claim", "as published", "here, at its own scale"], rows)


def _counted(facts: pd.DataFrame) -> str:
    """Return in how many of the 25 pairs of model and set which method is ahead."""
    wide = derived.maths(facts)
    own = wide[wide["place"] == FULL]
    base, sft, dft = (
        own[own["method"] == name].set_index("model")[list(MATHS)]
        for name in ("base", "SFT", "DFT")
    )
    pairs = base.size

    def over(first: pd.DataFrame, second: pd.DataFrame) -> int:
        return int((first > second).to_numpy().sum())

    return (
        f"Of {pairs} pairs of a model and a set, DFT is above SFT in {over(dft, sft)} and above "
        f"the base in {over(dft, base)}; SFT is below the base in {over(base, sft)}."
    )


def _departures(facts: pd.DataFrame) -> str:
    """Return the printed averages that are not the mean, and the setting printed twice."""
    wide = derived.maths(facts)
    off = derived.departures(wide)
    lines = [
        fill(
            f"{row['place']}, {row['model']}, {row['method']}: printed {number(row['printed'])}, "
            f"the five sets have {number(row['mean'])}.",
            "- ",
        )
        for row in off.to_dict("records")
    ]
    twice = wide[
        wide["place"].isin([FULL, "Table 7"])
        & (wide["model"] == "Qwen2.5-Math-1.5B")
        & (wide["method"] == "DFT")
        & (wide["setting"] == "NuminaMath-CoT")
    ].set_index("place")[AVERAGE]
    lines.append(
        fill(
            "DFT on Qwen2.5-Math-1.5B from NuminaMath-CoT is printed twice: "
            f"{number(twice[FULL])} in Table 1 and {number(twice['Table 7'])} in Table 7. If these "
            "are two trainings, they show how far two may lie apart.",
            "- ",
        )
    )
    rest = len(wide) - len(off)
    told = f"{rest} of {len(wide)} averages are the mean, to the printed digits. The others:"
    return "\n\n".join([fill(told), "\n".join(lines)])


def _undecided(facts: pd.DataFrame, questions: Mapping[str, int]) -> str:
    rates = derived.win_rates(facts, questions)
    even = int(((rates["low"] < 0.5) & (rates["high"] > 0.5)).sum())
    widest = max(float((rates["high"] - 0.5).max()), float((0.5 - rates["low"]).max()))
    return (
        f"{even} of {len(rates)} intervals hold one half: so many questions tell neither method "
        f"from the other, nor would they show a difference from one half of {widest:.2f} to be "
        "absent. Comparable is what could not be told apart."
    )


def _certainty(facts: pd.DataFrame, questions: Mapping[str, int]) -> list[str]:
    own = derived.gains(derived.maths(facts), FULL, questions)
    held = own[(own["low"] < 0) & (own["high"] > 0)]
    which = ", ".join(
        f"{marked(row['model'])} {marked(limits(row['low'], row['high']))}"
        for row in held.to_dict("records")
    )
    sizes = ", ".join(f"{name} {questions[name]}" for name in MATHS)
    return [
        fill(
            "The DFT paper prints one number a setting: no interval, no number of trainings. Of "
            "the Aligner's, too, one number each is known, and no number of questions. So nothing "
            "here says what another training would give."
        ),
        fill(
            "The intervals of DFT − SFT say what other questions of the kind would give: the sets' "
            f"sizes as they are commonly told ({sizes}), Wilson's limits of each accuracy, brought "
            "together by MOVER (Zou and Donner 2008) as of unrelated proportions. Both methods "
            "answered the same questions, 16 times each; both facts make the true limits nearer, "
            "but the printed numbers do not tell by how much. "
            + (f"Of Table 1 they hold zero for {which}." if len(held) else "None holds zero.")
        ),
    ]
