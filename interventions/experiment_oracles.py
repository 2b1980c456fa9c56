"""Experiment oracles: answer a question with a controlled experiment, run live in the simulator.

Capacity: discovery. Injected: the host function ``ask``. It reports observations and draws no
conclusion, and it answers only what was asked. Used: at least one question was answered.
"""

from collections.abc import Mapping, Sequence

from diagnose.env.experiments import PLACES, describe, run
from diagnose.env.questions import match
from diagnose.errors import SubjectError
from diagnose.intervention import HostCall, HostFunction, Setting

OPENING = (
    "An experimenter is at hand: ask it how something in this world behaves, one question at a "
    "time, and it runs a controlled experiment and reports what it saw. Asking is not a trial."
)
HELP = "ask(question): a question in plain words; returns the report of a controlled experiment."
REFUSAL = (
    "No experiment of mine answers that. Ask how one thing behaves: name the component, and what "
    "about it you want to know."
)


class ExperimentOracles:
    """See the module."""

    capacity = "discovery"

    def open(self, setting: Setting, dose: int) -> "OracleSession":
        """See ``Intervention.open``."""
        return OracleSession()


class OracleSession:
    """One episode's oracle."""

    def __init__(self) -> None:
        self.answered = 0

    def ask(self, question: str) -> str:
        """Answer a question with the report of an experiment.

        Raises:
            SubjectError: the question is no text.
        """
        if not isinstance(question, str):
            raise SubjectError("ask takes one text, the question")
        experiment = match(question)
        if experiment is None:
            return REFUSAL
        self.answered += 1
        results = run(experiment)
        control = experiment.arms[0].label
        lines = [f"- {label}: {describe(lit)}" for label, lit in results.items()]
        return "\n".join(
            [
                f"Experiment: {experiment.title}",
                *lines,
                (
                    f"Varied: {experiment.varied}. Control: {control}. "
                    f"Each rig was pressed in {len(PLACES)} places, with the same outcome."
                ),
                "",
            ]
        )

    def opening(self) -> str:
        """See ``Session.opening``."""
        return OPENING

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {"ask": (self.ask, HELP)}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, calls: Sequence[HostCall], replies: Sequence[str]) -> bool:
        """See ``Session.used``."""
        return self.answered > 0
