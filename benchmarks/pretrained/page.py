"""The page: what came out, from the rows, between the markers of docs/pretrained.md."""

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.intervals import wilson
from benchmarks.pages import put_or_begin
from benchmarks.pretrained.lessons import DEMONSTRATIONS, FACTS, TEST, VALIDATION
from benchmarks.pretrained.runs import (
    ADAPTER_RATES,
    ADAPTERS,
    BATCH,
    FACT_STEPS,
    FORM_STEPS,
    RATES,
)
from diagnose.markdown import fill, table

NAME = "pretrained"
CELL = ["experiment", "teaches", "shown", "noise", "objective", "adapter", "seed"]


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of every training the learning rate that did best on validation.

    By exact answers; where two are alike, by the likelihood of the demonstrations.
    """
    order = rows.sort_values(
        ["validation_exact", "nll_after", "rate"], ascending=[False, True, True], kind="stable"
    )
    return order.groupby(CELL, as_index=False, sort=False).first()


def share(count: int, of: int) -> str:
    """Return a share in percent with Wilson's limits."""
    p = count / of
    low, high = wilson(np.array([p]), np.array([float(of)]))
    return f"{100 * p:.0f} [{100 * low[0]:.0f}, {100 * high[0]:.0f}]"


def _scores(part: pd.DataFrame) -> list[str]:
    of = int(part["test_questions"].sum())
    return [share(int(part[f"test_{name}"].sum()), of) for name in ("form", "content", "exact")]


def _tokens(part: pd.DataFrame) -> list[str]:
    """Return what the model says of the demonstrations' tokens, before and after."""
    told = []
    for name, digits in (
        ("mean_token_probability", 2), ("share_below_0_1", 2), ("share_above_0_9", 2), ("nll", 2),
    ):  # fmt: skip
        before, after = (part[f"{name}_{when}"].mean() for when in ("before", "after"))
        told.append(f"{before:.{digits}f} → {after:.{digits}f}")
    return told


def _rates(part: pd.DataFrame) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(part["rate"].unique()))


def form_table(rows: pd.DataFrame) -> str:
    """Return (a): SFT and DFT by the probability of the form and by noise."""
    body = []
    of = rows[rows.experiment == "dft"]
    for shown in (False, True):
        for objective, noise in (
            ("none", 0.0), ("sft", 0.0), ("dft", 0.0), ("sft", 0.4), ("dft", 0.4),
        ):  # fmt: skip
            part = of[(of.shown == shown) & (of.objective == objective) & (of.noise == noise)]
            named = {"none": "base", "sft": "SFT", "dft": "DFT"}[objective]
            trained = objective != "none"
            body.append(
                [
                    f"{part['form_probability'].mean():.1g}",
                    named,
                    f"{noise:.0%}" if trained else "",
                    *_scores(part),
                    *(_tokens(part) if trained else [""] * 4),
                    _rates(part) if trained else "",
                ]
            )
    head = [
        "p(form)", "trained by", "wrong", "form, %", "content, %", "exact, %",
        "mean p", "p < 0.1", "p > 0.9", "NLL", "rate",
    ]  # fmt: skip
    return table(head, body)


def adapter_table(rows: pd.DataFrame) -> str:
    """Return (b): adapters by what they are taught."""
    body = []
    of = rows[rows.experiment == "aligner"]
    for adapter in ADAPTERS:
        line = [adapter, f"{int(of[of.adapter == adapter]['parameters'].iloc[0]):,}"]
        for teaches in ("form", "facts"):
            part = of[(of.adapter == adapter) & (of.teaches == teaches)]
            form, _, exact = _scores(part)
            line += [form, exact] if teaches == "form" else [exact]
            line += [_tokens(part)[3], _rates(part)]
        line.append(f"{of[of.adapter == adapter]['seconds_per_step'].median():.2f}")
        body.append(line)
    head = [
        "adapter", "parameters", "form, %", "exact, %", "NLL", "rate", "facts, %", "NLL", "rate",
        "s a step",
    ]  # fmt: skip
    return table(head, body)


def hardware() -> str:
    """Return what it ran on."""
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    versions = ", ".join(
        f"{one} {version(one)}" for one in ("torch", "transformers", "trl", "peft")
    )
    return f"{name}, {os.cpu_count()} cores, one thread a process, bfloat16, no GPU; {versions}"


def text(found: Sequence[Mapping[str, object]], file: Path) -> str:
    """Return the page's part."""
    rows = pd.DataFrame(found)
    for name in rows.columns:
        if name not in {"experiment", "teaches", "objective", "adapter"}:
            rows[name] = (rows[name] == "True") if name == "shown" else pd.to_numeric(rows[name])
    best, seeds = chosen(rows), rows["seed"].nunique()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    trained = rows[rows.objective != "none"]
    hours = (trained["seconds_per_step"] * trained["steps"]).sum() / 3600
    parts = [
        fill(
            f"{len(trained)} trainings, {hours:.1f} hours of training in all, {seeds} "
            f"seed{'s' if seeds > 1 else ''}: an interval is Wilson's over questions and holds for "
            f"these demonstrations alone, not over seeds. The file: {file.name}, "
            f"{file.stat().st_size:,} bytes, SHA-256 `{digest}`. Hardware: {hardware()}; the "
            "machine was shared, so seconds are upper bounds."
        ),
        "## DFT against SFT: a form by how likely the base thinks it",
        fill(
            f"LoRA of rank 8 on the query and value projections; {FORM_STEPS} steps of {BATCH} of "
            f"{DEMONSTRATIONS} demonstrations, {TEST} other questions; learning rates "
            f"{', '.join(map(str, RATES))}, chosen by exact answers on {VALIDATION} questions "
            "more. p(form): the base's mean probability of the form's first token. Wrong: share of "
            "demonstrations that name another country's capital. Form: the answer is in it, "
            "whatever it holds; content: the right capital is in the answer's line; exact: both, "
            "and nothing else. Mean p, p < 0.1, p > 0.9, NLL: of the demonstrations' target "
            "tokens, before → after."
        ),
        form_table(best),
        "## Aligner against LoRA: a form and made-up facts",
        fill(
            f"SFT on the same demonstrations, none wrong and no example in the prompt; or "
            f"{FACT_STEPS} steps on {FACTS} made-up facts, asked for as they were taught, so that "
            "their rate is chosen on what is reported. Learning rates "
            f"{', '.join(map(str, ADAPTER_RATES))}. `lora-1 of 1` and `of 7` are of rank 1 on so "
            "many value projections, near to Aligner-1 and Aligner-10 in parameters; `lora-8` is "
            "that of the table above."
        ),
        adapter_table(best),
    ]
    return "\n\n".join(parts)


def write(found: Sequence[Mapping[str, object]], folder: Path, out: Path) -> None:
    """Write the page's part into ``out``/pretrained.md, and the page where there is none."""
    (file,) = folder.glob("*.gguf")
    put_or_begin(NAME, text(found, file), out / f"{NAME}.md", FRAME)


FRAME = """# The treatments on a pretrained model

What the two papers claim, tried once on a model that was not trained here: Gemma 3 270M, the base
(not the one tuned to instructions), from a GGUF file of four-bit weights that is dequantised and
then held in bfloat16. [training.md](training.md#a-gguf-file-as-the-base) says how to bring the
file; it is under the Gemma terms of use, and never copied here. The questions are written in
`benchmarks/pretrained/lessons.py`: capitals that the base half knows, to be answered in an odd form
(`zeta Paris omega`) which it thinks all but impossible, or likelier once the prompt shows one
example; and made-up facts. Every training is a row of [pretrained.csv](pretrained.csv).

    .venv-train/bin/python -m benchmarks.pretrained FOLDER --out docs [--part 1/2]

{begin}
{end}
"""
