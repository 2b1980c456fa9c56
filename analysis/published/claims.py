"""The headline claims of the paper and its page, each with the estimate that speaks to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from analysis.layout import ALL
from analysis.published.names import (
    APPLICATION_LEADS,
    FORMATS,
    FRONTIER,
    HINTS,
    IDENTIFICATION_LEADS,
    JOINT,
    TIMES,
    TWO_BY_TWO,
)

GEMINI = "gemini-3-pro"
METHOD = "By {method}."


@dataclass(frozen=True)
class Claim:
    """A claim as published, and the estimate that speaks to it."""

    name: str
    claim: str  # what is claimed, in few words
    published: str  # the number as published
    estimand: str
    models: tuple[str, ...] = (ALL,)  # several: of each of them
    null: float | None = 0.0
    size: float | None = None
    tested: str = ""  # the estimand whose test is of this null, if it is another
    unit: Literal["pp", "%", "x"] = "pp"
    said: str = ""  # the sentence; {n}, {holm}, {raw}, {weakest}, ... are filled in


def published_claims() -> list[Claim]:
    """Return the headline claims of the paper and its page, in their own order."""
    eight = (*FRONTIER, "glm-4.7", "grok-4", "qwen3-235b", "qwen2.5-72b", "qwen3-32b")
    return [
        Claim(
            "plateau", "The three frontier models plateau at about 26 %", "26 %", "cell:0000",
            FRONTIER, None, 0.26, unit="%",
            said="All three intervals hold 26 % and stay within half and twice it; the widest "
            "departure is that of {weakest}.",
        ),
        Claim(
            "ranking", "The best baselines are ranked", "26.0 to 18.5", "range:cell:0000@best6",
            said="The six best cannot be told apart, even by the two furthest apart, picked after "
            "looking.",
        ),
        *gap_claims(eight),
        Claim(
            "gemini", "gemini-3-pro lacks identification by 26.5 pp", "26.5", f"seq:{HINTS}",
            (GEMINI,), size=0.265,
            said="Real, and at least {low} pp: a single model's gap is known to about 9 pp.",
        ),
        Claim(
            "doubling", "Hints double what gemini-3-pro solves", "r = 1.02", f"ratio:{HINTS}",
            (GEMINI,), size=1.02, unit="x",
            said="A gain of {low} to {high} baselines: half as much again is certain, twice is "
            "not.",
        ),
        Claim(
            "frontier", "In frontier models identification exceeds discovery", "14.5",
            f"{IDENTIFICATION_LEADS}@frontier",
            said="True of their mean; of no single one of the three after Holm.",
        ),
        Claim(
            "shift", "Frontier models lack identification more than the others do", "25.7 to 21.7",
            f"shift:{HINTS}",
            said="The three frontier models' gap cannot be told from the other five's.",
        ),
        Claim(
            "narrowing", "Application leads identification by less in frontier models",
            "13.3 to 27.4", f"shift:residual:1110/{HINTS}",
            said="The lead does narrow: the application gap falls, while a rise of identification "
            "cannot be told from noise.",
        ),
        *square_claims(GEMINI, 0.265, 0.115),
        Claim(
            "format", "The form of the notes matters", "64.0 to 58.0",
            f"format:{FORMATS[0]}/{FORMATS[2]}", (GEMINI,),
            said="The best form against the worst is within the noise of two cells of 200.",
        ),
        Claim(
            "level5", "Nothing is solved at level 5", "0 of 40", "cell_level:1110@L5", (GEMINI,),
            None, 0.0, unit="%",
            said="Zero of 40 allows up to {high} %: rare, but not shown to be impossible.",
        ),
    ]  # fmt: skip


def gap_claims(models: Sequence[str]) -> list[Claim]:
    """Return the claims that can be put to any models' gaps: about each, and on average."""
    each = tuple(models)
    return [
        Claim(
            "identification", "Each model's identification gap is real", "15.0 to 27.0",
            f"seq:{HINTS}", each,
            said="{holm} of {n} differ from zero after Holm; the weakest is {weakest}'s.",
        ),
        Claim(
            "discovery", "Each model's discovery gap is real", "7.5 to 14.0",
            f"seq:{JOINT}", each,
            said="{holm} of {n} differ from zero after Holm, {raw} before; the weakest is "
            "{weakest}'s.",
        ),
        Claim(
            "application", "Application is the biggest gap of each model", "36.0 to 57.0",
            APPLICATION_LEADS, each,
            said="It exceeds identification in {holm} of {n} after Holm, by least in {weakest}.",
        ),
        Claim(
            "mean_discovery", "The mean discovery gap is real", "11.4", f"seq:{JOINT}",
            said="On average over the models, {low} to {high} pp.",
        ),
        Claim(
            "mean_application", "On average application exceeds identification", "22.1",
            APPLICATION_LEADS, said="On average over the models, by {low} to {high} pp.",
        ),
        threefold(ALL),
    ]  # fmt: skip


def threefold(model: str) -> Claim:
    """Return the claim about the ratio of identification to discovery."""
    return Claim(
        "times", "Identification is about three times discovery", "about 3x", TIMES, (model,),
        1.0, 3.0, IDENTIFICATION_LEADS, "x",
        said="The estimate is {estimate}, and {low} times is as compatible as {high}.",
    )  # fmt: skip


def of_study(frame: pd.DataFrame) -> list[Claim]:
    """Return the claims that can be put to a study's own estimates under the published names."""
    models = [model for model in dict.fromkeys(frame["model"]) if model != ALL]
    formats = {name for name in frame["estimand"] if name.startswith("format:")}
    return own_claims(models, sorted(formats))


def own_claims(models: Sequence[str], formats: Sequence[str] = ()) -> list[Claim]:
    """Return the claims that a study of one's own can be put to.

    Sizes are the paper's, so none is stated but that of the threefold.

    Args:
        models: of the study, without their mean.
        formats: estimands that compare forms of notes.
    """
    if len(models) > 1:
        claims = gap_claims(models)
    else:
        claims = [
            Claim(name, claim, published, estimand, tuple(models), said=METHOD)
            for name, claim, published, estimand in (
                (
                    "identification",
                    "The identification gap is real",
                    "15.0 to 27.0",
                    f"seq:{HINTS}",
                ),
                ("discovery", "The discovery gap is real", "7.5 to 14.0", f"seq:{JOINT}"),
                (
                    "application",
                    "Application exceeds identification",
                    "9.5 to 42.0",
                    APPLICATION_LEADS,
                ),
            )
        ]
        claims += [threefold(model) for model in models]
    for model in models:
        claims += [replace(one, said=METHOD) for one in square_claims(model)]
    for estimand in formats:
        first, other = (form.replace("_", "-") for form in estimand.partition(":")[2].split("/"))
        said = f"{first} against {other}: {{low}} to {{high}} pp."
        claims.append(
            Claim(
                "format",
                "The form of the notes matters",
                "64.0 to 58.0",
                estimand,
                tuple(models),
                said=said,
            )
        )
    return claims


def square_claims(
    model: str, hint: float | None = None, scientist: float | None = None
) -> list[Claim]:
    """Return the claims about one model's 2 x 2, with the sizes stated, if any."""
    return [
        Claim(
            "synergy", "Hint and scientist strengthen each other", "64.0 to 61.5",
            f"int:{HINTS}*{JOINT}{TWO_BY_TWO}", (model,),
            said="Anything from {low} to {high} pp: neither synergy nor plain addition is shown.",
        ),
        Claim(
            "order_free_hint", "The hint's share, whatever the order", "26.5 in sequence",
            f"shapley:{HINTS}{TWO_BY_TWO}", (model,), size=hint,
            said="Order-free it is {estimate}; the order in which it came first hid little.",
        ),
        Claim(
            "order_free_scientist", "The scientist's share, whatever the order",
            "11.5 in sequence", f"shapley:{JOINT}{TWO_BY_TWO}", (model,), size=scientist,
            said="Order-free it is {estimate}: real, but less than half of the stated size is "
            "certain.",
        ),
    ]  # fmt: skip
