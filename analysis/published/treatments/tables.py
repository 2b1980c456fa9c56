"""The tables of the page: what is printed, and beside it what follows."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.published.treatments import derived
from analysis.published.treatments.facts import AVERAGE, MATHS, load_gains
from analysis.report.table import Table
from analysis.study import records

Questions = Mapping[str, int]
FULL, WEIGHTS, OPENR1, LORA = "Table 1", "Table 5", "Table 8", "Table 9"
SET_UPS = {FULL: "NuminaMath-CoT, all weights", OPENR1: "OpenR1-Math, all weights",
           LORA: "NuminaMath-CoT, LoRA of rank 8"}  # fmt: skip
SCALE = "Accuracy in per cent, mean of 16 decodings at temperature 1; differences in points."
LIMITS = (
    "95 %: over questions like these, by the numbers of questions (derived; too wide rather than "
    "too narrow, see below), of the sets themselves where the average departs from their mean; "
    "trainings are not in it."
)
WEIGHTED = "DFT weighted by "


def number(value: float) -> str:
    """Return a printed percentage as it is printed."""
    return f"{value:.2f}"


def change(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.2f}".replace("-", "−")


def limits(low: float, high: float, scale: float = 1.0, digits: int = 1) -> str:
    """Return an interval."""
    low, high = (round(scale * value, digits) + 0.0 for value in (low, high))
    return f"[{low:.{digits}f}, {high:.{digits}f}]".replace("-", "−")


def averages(facts: pd.DataFrame, questions: Questions) -> Table:
    """Return base, SFT and DFT on the average of five sets, and the differences."""
    wide = derived.maths(facts)
    body = []
    for place, said in SET_UPS.items():
        for row in records(derived.gains(wide, place, questions)):
            printed = [number(row[name]) for name in ("base", "sft", "dft")]
            led = [change(row[name]) for name in ("sft_gain", "dft_gain", "lead")]
            body.append([said, row["model"], *printed, *led, limits(row["low"], row["high"])])
    head = ["training", "model", "base", "SFT", "DFT"]
    head += ["SFT − base", "DFT − base", "DFT − SFT", "95 %"]
    note = f"Tables 1, 8 and 9; the four columns at the right are derived. {SCALE} {LIMITS}"
    title = "Maths, average of five sets: base, SFT, DFT"
    return Table("dft_averages", title, head, body, note, names=2)


def by_set(facts: pd.DataFrame) -> Table:
    """Return DFT on each set and what it has over SFT and over the base."""
    wide = derived.maths(facts)
    body = []
    for model, part in wide[wide["place"] == FULL].groupby("model", sort=False):
        of = {row["method"]: row for row in records(part)}
        for method, other in (("SFT", "base"), ("DFT", "base"), ("DFT", "SFT")):
            changes = [change(of[method][name] - of[other][name]) for name in (*MATHS, AVERAGE)]
            body.append([str(model), f"{method} − {other}", *changes])
    head = ["model", "difference", *MATHS, AVERAGE]
    note = "Derived from Table 1, in points."
    return Table("dft_by_set", "Maths, set by set", head, body, note, names=2)


def others(facts: pd.DataFrame) -> Table:
    """Return the methods that learn from own samples, and iw-SFT, on Qwen2.5-Math-1.5B."""
    own = _named(facts, "Table 2") + _named(facts, "Table 7")
    head = ["place", "method", "learns from", *MATHS, AVERAGE]
    note = f"As printed. {SCALE} PPO and GRPO sample while they train; the others do not."
    title = "Qwen2.5-Math-1.5B: own samples, and iw-SFT"
    return Table("dft_own_samples", title, head, own, note, names=3)


def importance_weighted(facts: pd.DataFrame) -> Table:
    """Return DFT beside iw-SFT, model by model."""
    wide = derived.maths(facts)
    named = [(FULL, "SFT"), ("Table 6", "iw-SFT"), (FULL, "DFT")]
    columns = [
        wide[(wide["place"] == place) & (wide["method"] == method)].set_index("model")[AVERAGE]
        for place, method in named
    ]
    body = []
    for model in columns[1].index:
        sft, weighted, dft = (float(column[model]) for column in columns)
        values = [number(value) for value in (sft, weighted, dft)]
        body.append([str(model), *values, change(dft - weighted)])
    head = ["model", "SFT", "iw-SFT", "DFT", "DFT − iw-SFT"]
    note = f"Tables 1 and 6; the last column is derived. {SCALE}"
    return Table("dft_iw_sft", "Maths, average of five sets: iw-SFT", head, body, note)


def weightings(facts: pd.DataFrame) -> Table:
    """Return the three weightings and the base."""
    body = [[line[1].removeprefix(WEIGHTED), *line[3:]] for line in _named(facts, WEIGHTS)]
    head = ["DFT weighted by", *MATHS, AVERAGE]
    note = f"Table 5, as printed; base: untrained. {SCALE}"
    return Table("dft_weightings", "Qwen2.5-Math-1.5B: weightings", head, body, note)


def factual(facts: pd.DataFrame) -> Table:
    """Return base, SFT and DFT on Natural Questions."""
    own = facts[facts["dataset"] == "Natural Questions"].set_index("method")["value"]
    base, sft, dft = (float(own[name]) for name in ("base", "SFT", "DFT"))
    body = [[*map(number, (base, sft, dft)), *map(change, (sft - base, dft - base, dft - sft))]]
    head = ["base", "SFT", "DFT", "SFT − base", "DFT − base", "DFT − SFT"]
    note = (
        "Section 4.5; the three columns at the right are derived. Accuracy in per cent. Neither "
        "the model nor the number of questions is named there, so no interval is given."
    )
    return Table("dft_facts", "Facts: Natural Questions", head, body, note, names=0)


def multiples(facts: pd.DataFrame, questions: Questions) -> Table:
    """Return the multiples that the text names beside those of the table."""
    gained = derived.gains(derived.maths(facts), FULL, questions)
    body = [
        [row["model"], row["printed"], f"{row['lowest']:.2f} to {row['highest']:.2f}",
         "yes" if row["follows"] else "no"]
        for row in records(derived.times(gained, load_gains()))
    ]  # fmt: skip
    head = ["model", "in the text", "of Table 1", "follows"]
    note = (
        "How many times SFT's gain over the base DFT's is; of Table 1: derived. Section 4.1 writes "
        "over 5.9, approximately 1.4, 1.88, 1.58 and nearly 3.8; the gains beside them follow."
    )
    return Table("dft_multiples", "Gains as multiples", head, body, note)


def wins(facts: pd.DataFrame, questions: Questions) -> Table:
    """Return the win rates with their intervals."""
    body = [
        [row["method"], row["setting"].removeprefix("against "), row["printed"],
         f"{row['wins']} of {row['questions']}", limits(row["low"], row["high"], digits=2)]
        for row in records(derived.win_rates(facts, questions))
    ]  # fmt: skip
    head = ["method", "against", "win rate", "may be", "95 %"]
    note = (
        f"Win rates as published, judged by GPT-4. Derived: the benchmark has "
        f"{questions['Vicuna benchmark']} questions; the most of them of which the printed rate is "
        "a count, taken to be judged once each, and Wilson's interval of that count."
    )
    return Table("aligner_wins", "Aligner on Vicuna's questions, 7B", head, body, note, names=2)


def solved(facts: pd.DataFrame, questions: Questions) -> Table:
    """Return accuracy on GSM8K and parameters by the number of tokens."""
    body = [
        [row["method"], row["printed"], limits(row["low"], row["high"], digits=3),
         f"{'' if row['tokens'] else 'about '}{row['parameters']:,}", f"{row['per_point']:,.0f}"]
        for row in records(derived.solved(facts, questions))
    ]  # fmt: skip
    head = ["method", "GSM8K", "95 %", "parameters", "parameters a point"]
    note = (
        "Accuracy after MetaMath and parameters as published (LoRA's by the authors' repository, "
        "of its setting on instructions). Derived: Wilson's interval over the "
        f"{questions['GSM8K']:,} questions of the test, to which two printed digits add half a "
        "point; parameters a point of accuracy."
    )
    return Table("aligner_solved", "Aligner on GSM8K, 7B", head, body, note)


def _named(facts: pd.DataFrame, place: str) -> list[list[str]]:
    """Return a line a setting: place, method, what it learns from, each set as printed."""
    own = facts[facts["place"] == place]
    lines = []
    for (method, setting), part in own.groupby(["method", "setting"], sort=False):
        printed = part.set_index("dataset")["printed"]
        values = [str(printed[name]) for name in (*MATHS, AVERAGE)]
        lines.append([place, str(method), str(setting), *values])
    return lines


MAKERS: Sequence[Callable[[pd.DataFrame, Questions], Table]] = (
    averages,
    lambda facts, _: by_set(facts),
    lambda facts, _: others(facts),
    lambda facts, _: importance_weighted(facts),
    lambda facts, _: weightings(facts),
    lambda facts, _: factual(facts),
    multiples,
    wins,
    solved,
)


def tables(facts: pd.DataFrame, questions: Questions) -> dict[str, Table]:
    """Return every table of the page by its name."""
    made = (make(facts, questions) for make in MAKERS)
    return {one.name: one for one in made}
