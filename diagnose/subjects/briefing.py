"""What the subject reads, from the files in ``prompts``: readable, hashed, free of mechanics."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from diagnose.env.blocks import Block
from diagnose.env.circuit import LAYERS
from diagnose.env.terms import quoted
from diagnose.env.variant import VANILLA, Variant
from diagnose.sandbox import Limits, Ran, shown
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.scaffold import STANDARD, Scaffold
from diagnose.tasks import Task

SHARED = ("world", "python", "first", "observation")  # of every subject
SHOWN_VALUE = 6_000  # characters of a last line's value
SHOWN_POPPED = 5
BEGINS = "A fresh start follows."  # in the first line of an observation, which is the host's alone
NO_PROGRAM = {
    "text": "There was no ```python block in your message; nothing was run.",
    "tools": "There was no call of run_python in your message that could be run; nothing was run.",
    "mcp": "The call held no program that can be run; nothing was run.",
}


@dataclass(frozen=True)
class Standing:
    """Where an episode stands after a turn."""

    blocks: int  # in the area now
    popped: tuple[str, ...]  # fell off during the turn
    trials: int  # used so far
    seen: tuple[str, ...] = ()  # what changed, and what the lamps did: a line each
    failed: tuple[str, ...] = ()  # reasons of a failed verdict that begins a new conversation
    kinds: Mapping[str, int] = field(default_factory=dict)  # standing blocks by name


@cache
def template(name: str) -> str:
    """Return the prompt file ``name``."""
    return (Path(__file__).with_name("prompts") / f"{name}.md").read_text(encoding="utf-8")


def prompt_files(scaffold: Scaffold = STANDARD) -> tuple[str, ...]:
    """Return the names of the prompt files that a scaffold uses."""
    fresh = ("fresh",) if scaffold.fresh_context_after_failure else ()
    if scaffold.prompt == "compact":
        return ("compact", "first", "observation", *fresh)
    system = ("system",) if scaffold.prompt == "standard" else ("small", _example(scaffold))
    return (*system, *SHARED, f"answer_{scaffold.protocol}", *fresh)


def prompt_sha256(scaffold: Scaffold = STANDARD, *, scientist: bool = False) -> str:
    """Return the hash of the prompt files in use, a scientist's among them where there is one."""
    return sha256_of((*prompt_files(scaffold), *(scientist_files(scaffold) if scientist else ())))


def scientist_files(scaffold: Scaffold) -> tuple[str, ...]:
    """Return the names of the prompt files that a scientist reads beside those of every subject."""
    return ("scientist", f"scientist_{scaffold.protocol}", "scientist_question",
            "scientist_reminder")  # fmt: skip


@cache
def sha256_of(names: tuple[str, ...]) -> str:
    """Return the hash of prompt files."""
    return hashlib.sha256("\0".join(map(template, names)).encode()).hexdigest()


def _example(scaffold: Scaffold) -> str:
    return f"example_{scaffold.protocol}"


def system_prompt(
    task: Task,
    budgets: Budgets,
    limits: Limits,
    variant: Variant = VANILLA,
    scaffold: Scaffold = STANDARD,
) -> str:
    """Return the system prompt, in the variant's names."""
    values = {
        "trials": budgets.trials,
        "turns": budgets.turns,
        "silent_turns": budgets.silent_turns,
        "printed": limits.printed,
    }
    if scaffold.prompt == "compact":
        side, names = task.area_side, _names(variant.palette)
        text = template("compact").format(layers=LAYERS, area_side=side, palette=names, **values)
        return variant.tell(text)
    small = scaffold.prompt == "small"
    text = template("small" if small else "system").format(
        world=world(task, variant),
        answer=template(f"answer_{scaffold.protocol}").format(**values),
        python=python(limits),
        example=template(_example(scaffold)).format().strip() if small else "",
        **values,
    )
    return variant.tell(text)


def world(task: Task, variant: Variant) -> str:
    """Return the part of a system prompt that says what the world is and what is in it."""
    return template("world").format(
        layers=LAYERS,
        area_side=task.area_side,
        last_column=task.area_side - 1,
        palette=quoted(_palette(variant.palette)),
    )


def python(limits: Limits) -> str:
    """Return the part of a system prompt that says which Python a program may use."""
    return template("python").format(wall_s=f"{limits.wall_s:g}", host_calls=limits.host_calls)


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


def _names(palette: Mapping[str, Block]) -> str:
    """Return one line per block: its name and the names of what a builder sets."""
    rows = []
    for name, block in palette.items():
        settable = ",".join(key for key, prop in block.properties.items() if prop.resting is None)
        rows.append(f"- {name}[{settable}]" if settable else f"- {name}")
    return "\n".join(rows)


LATE = ("late",)  # of an episode that an intervention joins on its way


def first_message(text: str, openings: Sequence[str], granted: Sequence[str]) -> str:
    """Return the first user message.

    Args:
        text: the task's text.
        openings: what interventions say at the start, in their order.
        granted: one line per host function that interventions grant.
    """
    return template("first").format(task=text.strip(), **_told(openings, granted)).rstrip()


def late_message(openings: Sequence[str], granted: Sequence[str]) -> str:
    """Return what interventions that come on the way add to the message before; empty for none.

    Args:
        openings: what they would have said at the start, in their order.
        granted: one line per host function that they grant.
    """
    if not (openings or granted):
        return ""
    return "\n" + template("late").format(**_told(openings, granted)).rstrip()


def _told(openings: Sequence[str], granted: Sequence[str]) -> dict[str, str]:
    also = ["\n# Also available", *(f"- {line}" for line in granted)] if granted else []
    said = "".join(f"\n{opening.strip()}\n" for opening in openings)
    return {"openings": said, "granted": "\n".join(also)}


def observation(
    turn: int,
    ran: Ran | None,
    standing: Standing,
    budgets: Budgets,
    notes: Sequence[str],
    protocol: str = "text",
) -> str:
    """Return the user message after a turn.

    Args:
        turn: 0-based.
        ran: what the program did; None when the reply held no code.
        standing: the device and the trials used.
        budgets: of the episode.
        notes: what interventions add.
        protocol: how a program is handed over.
    """
    if ran is None:
        summary, body = NO_PROGRAM[protocol], ""
    else:
        summary, body = _summary(ran, standing.blocks), _body(ran, standing)
    values = {
        "turns": budgets.turns,
        "notes": "".join(f"{note.strip()}\n" for note in notes),
        "trials_left": budgets.trials - standing.trials,
        "trials": budgets.trials,
    }
    fresh = _fresh(turn, standing, values) if standing.failed else ""
    if fresh:
        summary, values["notes"] = f"{summary} {BEGINS}", ""
    return (
        template("observation")
        .format(turn=turn + 1, summary=summary, body=body, fresh=fresh, **values)
        .rstrip()
    )


def _fresh(turn: int, standing: Standing, values: Mapping[str, Any]) -> str:
    """Return what a new conversation begins with: what stands, what was tried, why it failed."""
    blocks = ", ".join(f"{count} {name}" for name, count in sorted(standing.kinds.items()))
    tried = "1 trial" if standing.trials == 1 else f"{standing.trials} trials"
    turns: int = values["turns"]
    return template("fresh").format(
        standing=f"{standing.blocks} blocks: {blocks}" if blocks else "nothing",
        tried=tried,
        reasons="\n".join(f"- {reason}" for reason in standing.failed),
        turns_left=turns - turn - 1,
        **values,
    )


def _summary(ran: Ran, blocks: int) -> str:
    calls = "1 host call" if ran.calls == 1 else f"{ran.calls} host calls"
    end = "stopped with an error" if ran.error else "ran to its end"
    return f"Your program {end} after {calls}. Blocks standing: {blocks}."


def _body(ran: Ran, standing: Standing) -> str:
    parts, popped = [], standing.popped
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
    parts.extend(f"{line}\n" for line in standing.seen)
    if ran.error:
        parts.append(f"Error: {ran.error}\n")
    if ran.forgot:
        parts.append("The variables of your earlier programs are lost; the device stands.\n")
    return "".join(parts)
