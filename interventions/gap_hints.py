"""Gap hints: name the topics whose laws the task needs, and reveal nothing of the laws.

Capacity: identification. Injected: one list in the first message. Used: the subject asked or
experimented about a named topic.
"""

from collections.abc import Mapping, Sequence

from diagnose.env.questions import match
from diagnose.intervention import HostCall, HostFunction, Setting
from diagnose.laws import CATALOGUE
from diagnose.tasks.needs import needed_laws

OPENING = "Before you build, these are worth finding out about, as you may not know them yet:"
LONGEST_LINE = 300  # a longer line is data, not a question


class GapHints:
    """See the module."""

    capacity = "identification"

    def open(self, setting: Setting, dose: int) -> "HintSession":
        """See ``Intervention.open``."""
        return HintSession(needed_laws(setting.task))


class HintSession:
    """One episode's hints."""

    def __init__(self, laws: Sequence[str]) -> None:
        self.laws = laws

    def opening(self) -> str:
        """See ``Session.opening``."""
        return "\n".join([OPENING, *(f"- {CATALOGUE[law].topic}" for law in self.laws)])

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, calls: Sequence[HostCall], replies: Sequence[str]) -> bool:
        """See ``Session.used``: a question asked, or a line written, is about a named topic."""
        asked = [str(call.args[0]) for call in calls if call.name == "ask" and call.args]
        lines = [line for reply in replies for line in reply.splitlines()]
        found = (match(text) for text in (*asked, *lines) if len(text) <= LONGEST_LINE)
        return any(experiment is not None and experiment.law in self.laws for experiment in found)
