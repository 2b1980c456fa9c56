"""What follows from the printed numbers: gains with wide limits, checks, counts, intervals.

Nothing here is printed in the papers. They give one number a setting: no interval, no number of
trainings.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.intervals import mover, wilson
from analysis.published.treatments.facts import AVERAGE, MATHS

LAST_DIGIT = 0.0051  # half of a printed hundredth, and what a float adds
SETTINGS = ["place", "model", "method", "setting"]
TOKENS = "Aligner-"
# LLaMA-7B: width, layers, query heads; an Aligner leaves the first two layers out.
WIDTH, LAYERS, HEADS, FIRST = 4096, 32, 32, 2


def maths(facts: pd.DataFrame) -> pd.DataFrame:
    """Return the maths results of the DFT paper: a row a setting, a column a set, the average."""
    own = facts[facts["dataset"].isin([*MATHS, AVERAGE])]
    wide = own.pivot_table("value", SETTINGS, "dataset", sort=False)
    return wide[[*MATHS, AVERAGE]].reset_index()


def departures(wide: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``maths`` whose printed average is not the mean of the five sets.

    Columns: those of ``SETTINGS``, printed, mean. A mean that rounds to the printed one is it.
    """
    mean = wide[list(MATHS)].mean(axis=1)
    off = (mean - wide[AVERAGE]).abs() > LAST_DIGIT
    return wide.loc[off, SETTINGS].assign(printed=wide[AVERAGE][off], mean=mean[off])


def gains(wide: pd.DataFrame, place: str, questions: Mapping[str, int]) -> pd.DataFrame:
    """Return of each model of a table the averages and their differences, in points.

    Columns: model, base, sft, dft, sft_gain, dft_gain, lead, low, high. ``lead`` is DFT less SFT,
    with 95 % limits over questions like these. They take each question for one trial, answered
    alike in all 16 decodings, and the two models' answers for unrelated: where both find the same
    questions hard, as is usual, and decodings differ, the limits would be nearer. What another
    training would have given is not in them.
    """
    weights = np.repeat([1 / len(MATHS), -1 / len(MATHS)], len(MATHS))
    trials = np.array([questions[name] for name in MATHS] * 2, float)
    rows = []
    for model, part in wide[wide["place"] == place].groupby("model", sort=False):
        base, sft, dft = (part[part["method"] == name] for name in ("base", "SFT", "DFT"))
        means = [float(one[AVERAGE].iloc[0]) for one in (base, sft, dft)]
        shares = np.concatenate([one[list(MATHS)].to_numpy(float)[0] / 100 for one in (dft, sft)])
        low, high = mover(weights, shares, trials)
        led = (means[1] - means[0], means[2] - means[0], means[2] - means[1])
        rows.append([model, *means, *led, 100 * low, 100 * high])
    head = ["model", "base", "sft", "dft", "sft_gain", "dft_gain", "lead", "low", "high"]
    return pd.DataFrame(rows, columns=head)


def times(gained: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Return the text's multiples of the gains beside those of the table.

    Columns: model, printed, lowest, highest (of ratios whose averages round to the printed ones),
    follows: the printed multiple, itself rounded, is one of them.
    """
    rows = []
    for model, text in zip(said["model"], said["times"], strict=True):
        (row,) = gained[gained["model"] == model].to_dict("records")
        slack = 0.01  # two rounded averages a gain
        lowest = (row["dft_gain"] - slack) / (row["sft_gain"] + slack)
        highest = (row["dft_gain"] + slack) / (row["sft_gain"] - slack)
        half = 0.5 * 10.0 ** -len(text.partition(".")[2])
        follows = lowest - half <= float(text) <= highest + half
        rows.append([model, text, lowest, highest, follows])
    return pd.DataFrame(rows, columns=["model", "printed", "lowest", "highest", "follows"])


def counts_of(printed: str, most: int) -> tuple[int, int]:
    """Return the wins and the questions, at most ``most``, that a printed rate can be of.

    The greatest number of questions is taken: the interval can only be wider.
    """
    rate, half = float(printed), 0.5 * 10.0 ** -len(printed.partition(".")[2])
    for questions in range(most, 0, -1):
        wins = round(rate * questions)
        if abs(wins / questions - rate) <= half + 1e-12:
            return wins, questions
    raise ValueError(f"{printed} is no rate of {most} questions or fewer")


def win_rates(facts: pd.DataFrame, questions: Mapping[str, int]) -> pd.DataFrame:
    """Return the win rates: method, setting, printed, wins, questions, and Wilson's 95 % limits."""
    own = facts[facts["metric"] == "win rate"]
    found = [
        counts_of(text, questions[name])
        for text, name in zip(own["printed"], own["dataset"], strict=True)
    ]
    made = own[["method", "setting", "printed"]].reset_index(drop=True)
    made = made.assign(wins=[one for one, _ in found], questions=[one for _, one in found])
    low, high = wilson((made["wins"] / made["questions"]).to_numpy(), made["questions"].to_numpy())
    return made.assign(low=low, high=high)


def solved(facts: pd.DataFrame, questions: Mapping[str, int]) -> pd.DataFrame:
    """Return what GSM8K says of each number of tokens, and of LoRA.

    Columns: method, tokens (0 for LoRA), printed, share, low, high (Wilson's 95 % limits over the
    test's questions), parameters, per_point: trained parameters a point of accuracy.
    """
    own = facts[(facts["dataset"] == "GSM8K") & (facts["metric"] == "accuracy")]
    trained = facts[facts["unit"] == "parameters"].set_index("method")["value"]
    made = own[["method", "printed"]].assign(share=own["value"]).reset_index(drop=True)
    low, high = wilson(made["share"].to_numpy(), np.full(len(made), questions["GSM8K"]))
    parameters = made["method"].map(trained).astype(int)
    return made.assign(
        tokens=[tokens(method) for method in made["method"]],
        low=low,
        high=high,
        parameters=parameters,
        per_point=parameters / (100 * made["share"]),
    )


def tokens(method: str) -> int:
    """Return an Aligner's number of tokens; 0 of another method."""
    return int(method.removeprefix(TOKENS)) if method.startswith(TOKENS) else 0


def parameters(number: int) -> int:
    """Return the parameters of an Aligner of ``number`` tokens on LLaMA-7B: N d + (L - 2) H."""
    return number * WIDTH + (LAYERS - FIRST) * HEADS
