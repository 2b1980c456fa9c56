"""The engines that can judge a press, by the name the command line knows them by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from diagnose.env import engine, mchprs
from diagnose.env.circuit import Circuit
from diagnose.env.trace import Trace
from diagnose.errors import InputError


class Press(Protocol):
    """Settle a circuit, press its button, and watch."""

    def __call__(
        self,
        circuit: Circuit,
        area_side: int,
        watch_rt: int = 600,
        tail_rt: int = 20,
        last_fall_rt: int = 0,
    ) -> Trace:
        """Return what was seen; times in rt.

        Raises:
            InputError: a circuit that may not reach an engine.
        """
        ...


@dataclass(frozen=True)
class Judge:
    """One engine: ``engine`` names it with its version, as records do."""

    engine: str
    press: Press


JUDGES: Mapping[str, Judge] = {
    "tick": Judge(engine.ENGINE, engine.press),  # the judge of every record
    "mchprs": Judge(mchprs.ENGINE, mchprs.press),
}


def judge_named(name: str) -> Judge:
    """Return an engine by its short name.

    Raises:
        InputError: no such engine.
    """
    if name not in JUDGES:
        raise InputError("engine", name, f"use one of {', '.join(JUDGES)}")
    return JUDGES[name]
