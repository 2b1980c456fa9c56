"""An intervention laid over one episode, and a record of every text it put before the subject."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any

from diagnose.errors import ConfigError
from diagnose.intervention import (
    BookKeeping,
    Evidence,
    HostFunction,
    Intervention,
    Remembering,
    Setting,
)
from diagnose.records import InterventionRecord, canonical_json


class Laid:
    """One intervention laid over the episode, and every text it put before the subject."""

    def __init__(
        self,
        name: str,
        dose: int,
        intervention: Intervention,
        setting: Setting,
        *,
        late: bool = False,
    ) -> None:
        """Open its session.

        Args:
            name: of the factor.
            dose: above 0.
            intervention: the factor's.
            setting: what it may know of the episode.
            late: it joins an episode on its way.
        """
        self.name = name
        self.late = late
        self._dose = dose
        self._capacity = intervention.capacity
        self._session = intervention.open(setting, dose)
        self._variant = setting.variant
        self._texts = hashlib.sha256(b"[")  # of their JSON list: a program may draw thousands
        self._said_any = False
        self._spoken: list[str] = []  # the same texts; most of them many times the same
        self._known: dict[str, str] = {}
        granted = self._session.functions()
        self.opening = self._said(self._session.opening())
        self.functions = {name: self._heard(function) for name, (function, _) in granted.items()}
        self.helps = [
            self._said(f"{name}({', '.join(signature(function).parameters)}): {help_line}")
            for name, (function, help_line) in granted.items()
        ]

    @property
    def book(self) -> tuple[Mapping[str, str], ...]:
        """The book that its session keeps, if any."""
        return self._session.book() if isinstance(self._session, BookKeeping) else ()

    def observation(self, turn: int) -> str:
        """Return what it adds after a turn."""
        return self._said(self._session.observation(turn))

    def record(self, evidence: Evidence) -> InterventionRecord:
        """Return what it did."""
        offered = self._said_any or bool(self.functions)
        used = self._session.used(evidence) if offered else None
        seen = bool(evidence.replies) if offered else None
        whole = self._texts.copy()
        whole.update(b"]")
        digest = whole.hexdigest() if self._said_any else ""
        return InterventionRecord(self._capacity, self._dose, offered, used, digest, seen)

    def _said(self, text: str) -> str:
        """Return a text as the subject reads it, and remember that it did."""
        text = self._variant.tell(text)
        if text:
            self._remember(text)
        return text

    def _remember(self, text: str) -> None:
        comma = "," if self._said_any else ""
        self._texts.update(f"{comma}{canonical_json(text)}".encode())
        self._said_any = True
        self._spoken.append(self._known.setdefault(text, text))

    def state(self) -> dict[str, Any]:
        """Return what it said and what its session remembers, as JSON knows values."""
        place = {text: number for number, text in enumerate(self._known)}
        session = self._session.state() if isinstance(self._session, Remembering) else {}
        return {
            "name": self.name,
            "dose": self._dose,
            "texts": list(place),
            "spoken": [place[text] for text in self._spoken],
            "session": dict(session),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken."""
        self._texts, self._said_any = hashlib.sha256(b"["), False
        self._spoken, self._known = [], {}
        for number in state["spoken"]:
            self._remember(state["texts"][number])
        if isinstance(self._session, Remembering):
            self._session.resume(state["session"])

    def _heard(self, function: HostFunction) -> HostFunction:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            return self._said(result) if isinstance(result, str) else result

        return call


def granted(laid: Sequence[Laid]) -> dict[str, HostFunction]:
    """Return all functions that interventions grant.

    Raises:
        ConfigError: two of them grant the same name.
    """
    functions: dict[str, HostFunction] = {}
    for one in laid:
        for name, function in one.functions.items():
            if name in functions:
                raise ConfigError(f"function of {one.name}", name, "choose another name")
            functions[name] = function
    return functions
