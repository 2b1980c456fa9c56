"""The report of a controlled experiment in eight sections, as a scientist hands it in.

A report is a text that a model wrote: it is read section by section, bounded, and shown indented,
so that no line of it can pass for one of the host's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from diagnose.env.terms import quoted

# Field -> heading, in order.
SECTIONS: Mapping[str, str] = {
    "research_question": "Research question",
    "hypothesis": "Hypothesis",
    "design": "Experiment design",
    "steps": "Steps",
    "record": "Record per trial",
    "results": "Results",
    "analysis": "Analysis and summary",
    "next_steps": "Next steps",
}
DESIGN_PARTS: Mapping[str, str] = {  # what a design names, and how it may be put
    "independent variable": r"\bindependent variable",
    "dependent variable": r"\bdependent variable",
    "control variables": r"\bcontrol(?:led)? variable",
    "control group": r"\bcontrol group",
    "experimental group": r"\bexperimental group",
}
MOST_CHARACTERS = 2_000  # of one section
_HEADING = re.compile(
    r" {0,3}(?P<mark>#{1,6} *|\*\*|\d[.)] *)?(?:\d[.)] *)?(?:\*\*)?"
    rf"(?P<name>{'|'.join(SECTIONS.values())})(?:\*\*)?(?P<colon> *:)?(?:\*\*)?(?P<rest>.*)",
    re.IGNORECASE,
)
_FIELDS = {heading.lower(): field for field, heading in SECTIONS.items()}


@dataclass(frozen=True)
class Report:
    """The eight sections; an empty one was not written."""

    research_question: str = ""
    hypothesis: str = ""
    design: str = ""
    steps: str = ""
    record: str = ""
    results: str = ""
    analysis: str = ""
    next_steps: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What the form asks for and the report lacks, by heading."""
        sections = asdict(self)
        empty = [heading for field, heading in SECTIONS.items() if not sections[field]]
        parts = [
            f"{SECTIONS['design']}: {part}"
            for part, said in DESIGN_PARTS.items()
            if self.design and not re.search(said, self.design, re.IGNORECASE)
        ]
        return (*empty, *parts)

    @property
    def complete(self) -> bool:
        """Whether every section, and every part of the design, is there."""
        return not self.missing

    def written(self) -> str:
        """Return the report under its headings, as it is handed in."""
        sections = asdict(self)
        return "\n\n".join(
            f"## {heading}\n{sections[field]}" for field, heading in SECTIONS.items()
        )

    def told(self) -> str:
        """Return the report as it is shown to whoever asked: its words marked as quoted."""
        sections = asdict(self)
        lines = []
        for field, heading in SECTIONS.items():
            lines.append(f"{heading}:")
            lines += [f"  {quoted(line)}" for line in sections[field].splitlines() if line]
        if self.missing:
            lines.append(f"The report is not complete; it lacks: {', '.join(self.missing)}.")
        return "\n".join([*lines, ""])


def parse(text: str) -> Report:
    """Return the report in a message; what stands before its first heading is left out.

    A heading is a line with a section's name, marked as one by #, a number, asterisks or a colon.
    Of two sections of one name the later counts.
    """
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        heading = _HEADING.fullmatch(line.rstrip())
        if heading and (heading["mark"] or heading["colon"]) and _ends(heading):
            lines = found[_FIELDS[heading["name"].lower()]] = [heading["rest"].strip()]
        else:
            lines.append(line.strip())
    return Report(**{field: _bounded(section) for field, section in found.items()})


def _ends(heading: re.Match[str]) -> bool:
    """Whether the name is the whole heading: text may follow it after a colon only."""
    return bool(heading["colon"]) or not heading["rest"].strip(" *:.")


def _bounded(lines: Sequence[str]) -> str:
    text = "\n".join(line for line in lines if line)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 6] + " [cut]"


def experiment_report(
    question: str, title: str, varied: str, trials: Sequence[tuple[str, str]]
) -> Report:
    """Return the report on an experiment from what was seen.

    Args:
        question: what was asked.
        title: of the experiment.
        varied: its independent variable.
        trials: (rig, what its lamp did) of each press; the first rig is the control.
    """
    rigs = list(dict.fromkeys(label for label, _ in trials))
    control, others = rigs[0], rigs[1:]
    results = dict(trials)
    differ = len(set(results.values())) > 1
    return Report(
        research_question=question,
        hypothesis=f"What the lamp does depends on: {varied}.",
        design="\n".join(
            [
                f"Independent variable: {varied}.",
                "Dependent variable: when the lamp is lit.",
                "Control variables: everything else in the rig, and the empty area around it.",
                f"Control group: {control}.",
                f"Experimental group: {'; '.join(others) or 'none'}.",
            ]
        ),
        steps="Build one rig in the empty area, press its button, note the lamp, clear; repeat.",
        record="\n".join(
            f"Trial {number}, {label}: {seen}" for number, (label, seen) in enumerate(trials, 1)
        ),
        results="\n".join(
            [f"Experiment: {title}", *(f"- {label}: {seen}" for label, seen in results.items())]
        ),
        analysis=f"The outcome {'differs' if differ else 'does not differ'} between the rigs.",
        next_steps="Try the finding in a device.",
    )
