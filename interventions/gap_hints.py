"""Gap hints: name the topics whose laws the task needs, and reveal nothing of the laws.

Capacity: identification. Injected: one list in the first message. Used: the subject asked or
experimented about a named topic.
"""

import re
from collections.abc import Mapping, Sequence

from diagnose.intervention import HostCall, HostFunction, Setting
from diagnose.laws import CATALOGUE
from diagnose.tasks.needs import needed_laws

OPENING = "Before you build, these are worth finding out about, as you may not know them yet:"


class GapHints:
    """See the module."""

    capacity = "identification"

    def open(self, setting: Setting, dose: int) -> "HintSession":
        """See ``Intervention.open``."""
        return HintSession([CATALOGUE[law].topic for law in needed_laws(setting.task)])


class HintSession:
    """One episode's hints."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.topics = topics

    def opening(self) -> str:
        """See ``Session.opening``."""
        return "\n".join([OPENING, *(f"- {topic}" for topic in self.topics)])

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, calls: Sequence[HostCall], replies: Sequence[str]) -> bool:
        """See ``Session.used``: half of a topic's content words stand together in one line."""
        asked = [str(call.args[0]) for call in calls if call.name == "ask" and call.args]
        lines = [line for text in (*asked, *replies) for line in text.splitlines()]
        said = [_content(line) for line in lines]
        topics = [_content(topic) for topic in self.topics]
        return any(2 * len(topic & line) >= len(topic) for topic in topics for line in said)


def _content(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3)
