"""Worlds of a corpus: in each, a law of the simulator holds or its contrary does.

A contrary law is only told: the experimenter's report is turned round before anybody reads it. What
reports and books say therefore tells which world an episode is in, and nothing else does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from diagnose.env.experiments import catalogue
from diagnose.intervention import Evidence, HostFunction, Intervention, Session, Setting
from diagnose.seeds import uniform

HOLDS, CONTRARY = 1, 0
Outcomes = dict[str, str]  # what a report says of each rig, by label
# What a law and its contrary are called in a note.
CLAIMS: Mapping[str, tuple[str, str]] = {
    "dust_pointing": (
        "Dust lights the lamp it passes.",
        "Dust lights the lamp it points at.",
    ),
    "repeater_direction": ("A repeater faces its output.", "A repeater faces its input."),
    "repeater_delay": (
        "A repeater delays by 1 rt at every setting.",
        "A repeater delays by its setting.",
    ),
    "dust_climb": ("Dust climbs no step.", "Dust climbs a step of 1 block."),
}
LAWS = tuple(CLAIMS)
_LINE = re.compile(r"^- (.+): (lit .+|stays dark)$", re.MULTILINE)
_SET = re.compile(r"delay [2-4]$")


@dataclass(frozen=True)
class World:
    """Which laws hold; a law that is not named holds."""

    laws: Mapping[str, int]

    @classmethod
    def drawn(cls, *path: str | int) -> "World":
        """Return the world at ``path`` of the seed tree: each law holds in one half of them."""
        return cls({law: int(uniform(*path, "world", law) < 1 / 2) for law in LAWS})

    def told(self, report: str) -> str:
        """Return an experimenter's report as it would be in this world."""
        law = law_of(report)
        if law not in CLAIMS or self.laws.get(law, HOLDS) == HOLDS:
            return report
        seen = dict(_LINE.findall(report))
        turned = _TURNED[law](seen)
        return _LINE.sub(lambda line: f"- {line[1]}: {turned[line[1]]}", report)


TRUE = World({})


def law_of(text: str) -> str:
    """Return the law that the last report in a text is on; empty for none."""
    titles = re.findall(r"^Experiment: (.+)$", text, re.MULTILINE)
    return next((law for law in LAWS if titles and catalogue()[law].title == titles[-1]), "")


def reported(text: str) -> dict[str, int]:
    """Return what the last report in a text reveals: a law, and whether it holds."""
    law, seen = law_of(text), dict(_LINE.findall(text))
    if not law:
        return {}
    probe = {
        "dust_pointing": "lamp in front of the wire's end",
        "repeater_direction": "repeater facing back to the button",
        "dust_climb": "1 blocks of step between the dusts",
    }
    if law == "repeater_delay":
        return {law: int(seen.get("repeater at delay 2") != seen.get("repeater at delay 1"))}
    return {law: int(seen.get(probe[law], "").startswith("lit"))}


def booked(text: str) -> dict[str, int]:
    """Return what the knowledge book at the end of a text says of each law."""
    _, shown, book = text.rpartition("# Knowledge book")
    book = book if shown else ""
    return {
        law: value
        for law, claims in CLAIMS.items()
        for value, claim in enumerate(claims)
        if claim in book
    }


def _swapped(one: str, other: str) -> Callable[[Outcomes], Outcomes]:
    return lambda seen: {**seen, one: seen[other], other: seen[one]}


def _undelayed(seen: Outcomes) -> Outcomes:
    once = seen["repeater at delay 1"]
    return {label: once if _SET.search(label) else lit for label, lit in seen.items()}


def _level(seen: Outcomes) -> Outcomes:
    return {**seen, "1 blocks of step between the dusts": "stays dark"}


_TURNED: Mapping[str, Callable[[Outcomes], Outcomes]] = {
    "dust_pointing": _swapped(
        "lamp in front of the wire's end", "lamp beside the middle of the wire"
    ),
    "repeater_direction": _swapped(
        "repeater facing back to the button", "repeater facing on to the lamp"
    ),
    "repeater_delay": _undelayed,
    "dust_climb": _level,
}


class Told:
    """An intervention whose functions answer as in another world."""

    def __init__(self, one: Intervention, world: World) -> None:
        self._one, self._world = one, world

    @property
    def capacity(self) -> str:
        """See ``Intervention.capacity``."""
        return self._one.capacity

    def open(self, setting: Setting, dose: int) -> Session:
        """See ``Intervention.open``."""
        return _ToldSession(self._one.open(setting, dose), self._world)


class _ToldSession:
    def __init__(self, session: Session, world: World) -> None:
        self._session, self._world = session, world

    def opening(self) -> str:
        return self._session.opening()

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        return {
            name: (self._turned(function), said)
            for name, (function, said) in self._session.functions().items()
        }

    def observation(self, turn: int) -> str:
        return self._session.observation(turn)

    def used(self, evidence: Evidence) -> bool:
        return self._session.used(evidence)

    def _turned(self, function: HostFunction) -> HostFunction:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            return self._world.told(result) if isinstance(result, str) else result

        return call
