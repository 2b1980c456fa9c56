"""The reference subject as a scientist: an experiment of the catalogue, run and reported by it.

It reports what it saw. Whether the experiment is sound is not its to know: a badly designed one has
the control alone, and its report is as long and says as little.
"""

from collections.abc import Callable, Sequence

from diagnose.env.experiments import Experiment
from diagnose.env.questions import match
from diagnose.env.report import Report, experiment_report
from diagnose.models import Message
from diagnose.models.reference import writing

_BEGINS = "You are a scientist"
_QUESTION = "# Question\n"


def asked(messages: Sequence[Message]) -> bool:
    """Whether the conversation asks for a report rather than for a device."""
    return messages[0].content.startswith(_BEGINS)


def research(messages: Sequence[Message], sound: Callable[[str], bool]) -> str:
    """Return the next message: a program that experiments, then the report on what it showed.

    Args:
        messages: the conversation, every thing called by its short noun.
        sound: law -> whether an experiment on it is well designed.
    """
    question = messages[1].content.partition(_QUESTION)[2].strip()
    experiment = match(question)
    if experiment is None:
        return _nothing(question).written()
    if not any(message.role == "assistant" for message in messages):
        program = writing.repeating(experiment, well=sound(experiment.law))
        return writing.fenced(program, "I vary one thing and repeat each rig.")
    trials = _seen(messages[-1].content)
    if not trials:
        return _nothing(question).written()
    return _report(question, experiment, trials).written()


def _report(question: str, experiment: Experiment, trials: Sequence[tuple[str, str]]) -> Report:
    return experiment_report(question, experiment.title, experiment.varied, trials)


def _seen(observation: str) -> list[tuple[str, str]]:
    """Return (rig, what its lamp did) of every press that the observation prints."""
    _, _, printed = observation.partition("Experiment: ")
    trials = []
    for line in printed.splitlines()[1:]:
        if not line.startswith("- "):
            break
        label, _, seen = line[2:].rpartition(": ")
        trials.append((label, seen))
    return trials


def _nothing(question: str) -> Report:
    """Return the report of somebody who knows no experiment on the question."""
    return experiment_report(question or "none", "none", "nothing", [("none", "not tried")])
