"""What the subject reads, from the files in ``prompts``: readable, hashed, free of mechanics."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from diagnose.env.blocks import Block
from diagnose.env.circuit import LAYERS
from diagnose.env.terms import quoted
from diagnose.env.variant import VANILLA, Variant
from diagnose.sandbox import Limits, Ran, shown
from diagnose.subjects.budgets import Budgets
from diagnose.tasks import Task

TEMPLATES = ("system", "first", "observation")
SHOWN_VALUE = 6_000  # characters of a last line's value
SHOWN_POPPED = 5


@dataclass(frozen=True)
class Standing:
    """Where an episode stands after a turn."""

    blocks: int  # in the area now
    popped: tuple[str, ...]  # fell off during the turn
    trials: int  # used so far


@cache
def template(name: str) -> str:
    """Return the prompt file ``name``."""
    return (Path(__file__).with_name("prompts") / f"{name}.md").read_text(encoding="utf-8")


@cache
def prompt_sha256() -> str:
    """Return the hash of all prompt files: the same in every cell and task of a version."""
    return hashlib.sha256("\0".join(map(template, TEMPLATES)).encode()).hexdigest()


def system_prompt(task: Task, budgets: Budgets, limits: Limits, variant: Variant = VANILLA) -> str:
    """Return the system prompt, in the variant's names."""
    text = template("system").format(
        layers=LAYERS,
        area_side=task.area_side,
        last_column=task.area_side - 1,
        palette=quoted(_palette(variant.palette)),
        trials=budgets.trials,
        turns=budgets.turns,
        silent_turns=budgets.silent_turns,
        printed=limits.printed,
        wall_s=f"{limits.wall_s:g}",
        host_calls=limits.host_calls,
    )
    return variant.tell(text)


def _palette(palette: Mapping[str, Block]) -> str:
    """Return one line per block: its name and the properties that a builder sets."""
    rows = []
    for name, block in palette.items():
        settable = [
            f"{key}={'|'.join((prop.default, *(v for v in prop.values if v != prop.default)))}"
            for key, prop in block.properties.items()
            if prop.resting is None
        ]
        rows.append(f"- {name}[{','.join(settable)}]" if settable else f"- {name}")
    return "\n".join(rows)


def first_message(text: str, openings: Sequence[str], granted: Sequence[str]) -> str:
    """Return the first user message.

    Args:
        text: the task's text.
        openings: what interventions say at the start, in their order.
        granted: one line per host function that interventions grant.
    """
    also = ["\n# Also available", *(f"- {line}" for line in granted)] if granted else []
    return (
        template("first")
        .format(
            task=text.strip(),
            openings="".join(f"\n{opening.strip()}\n" for opening in openings),
            granted="\n".join(also),
        )
        .rstrip()
    )


def observation(
    turn: int, ran: Ran | None, standing: Standing, budgets: Budgets, notes: Sequence[str]
) -> str:
    """Return the user message after a turn.

    Args:
        turn: 0-based.
        ran: what the program did; None when the reply held no code.
        standing: the device and the trials used.
        budgets: of the episode.
        notes: what interventions add.
    """
    if ran is None:
        summary, body = "There was no ```python block in your message; nothing was run.", ""
    else:
        summary, body = _summary(ran, standing.blocks), _body(ran, standing.popped)
    return (
        template("observation")
        .format(
            turn=turn + 1,
            turns=budgets.turns,
            summary=summary,
            body=body,
            notes="".join(f"{note.strip()}\n" for note in notes),
            trials_left=budgets.trials - standing.trials,
            trials=budgets.trials,
        )
        .rstrip()
    )


def _summary(ran: Ran, blocks: int) -> str:
    calls = "1 host call" if ran.calls == 1 else f"{ran.calls} host calls"
    end = "stopped with an error" if ran.error else "ran to its end"
    return f"Your program {end} after {calls}. Blocks standing: {blocks}."


def _body(ran: Ran, popped: Sequence[str]) -> str:
    parts = []
    if ran.stdout:
        more = f"[{ran.cut} more characters not shown]\n" if ran.cut else ""
        parts.append(f"Printed:\n{ran.stdout.rstrip()}\n{more}")
    if ran.value is not None:
        text = ran.value if isinstance(ran.value, str) else shown(ran.value, SHOWN_VALUE)
        parts.append(f"Value of the last line:\n{text[:SHOWN_VALUE]}\n")
    if popped:
        left_out = len(popped) - SHOWN_POPPED
        rest = f" and {left_out} more" if left_out > 0 else ""
        parts.append(f"Popped off for want of support: {', '.join(popped[:SHOWN_POPPED])}{rest}\n")
    if ran.error:
        parts.append(f"Error: {ran.error}\n")
    if ran.forgot:
        parts.append("The variables of your earlier programs are lost; the device stands.\n")
    return "".join(parts)
