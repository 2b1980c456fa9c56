"""Run the conformance cases on every engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnose.env import engine, mchprs
from diagnose.env.blocks import Pos
from diagnose.fidelity.case import AREA_SIDE, Case, told
from diagnose.fidelity.classes import classify


@dataclass(frozen=True)
class Outcome:
    """What the engines say of one case: each lamp's times, in the notation of a case."""

    case: Case
    standing: Mapping[Pos, str]  # the judge, in its standing world
    fresh: Mapping[Pos, str]  # the judge, in a world of the case's own
    mchprs: Mapping[Pos, str]
    cause: str  # why the two engines part; "" where they agree

    @property
    def judge_right(self) -> bool:
        """Whether the judge says what the game does."""
        return self.standing == self.fresh == self.case.expected

    @property
    def mchprs_right(self) -> bool:
        """Whether MCHPRS says what the game does."""
        return self.mchprs == self.case.expected

    @property
    def as_known(self) -> bool:
        """Whether the judge says what the case has on record, right or not."""
        return self.standing == self.fresh == self.case.judged


def run(cases: Sequence[Case]) -> list[Outcome]:
    """Return every case's outcome, in order."""
    return [_outcome(case) for case in cases]


def _outcome(case: Case) -> Outcome:
    standing, fresh, other = (
        told(press(case.circuit, AREA_SIDE, watch_rt=case.watch_rt))
        for press in (engine.press, engine.press_fresh, mchprs.press)
    )
    cause = classify(case.circuit, AREA_SIDE, case.watch_rt) if standing != other else ""
    return Outcome(case, standing, fresh, other, cause)
