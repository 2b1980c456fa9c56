"""The benchmark world for any agent: reset, step with code, observe, judge.

    with Environment("C-L3") as env:
        text = env.reset()
        step = env.step("print(look(1))")

It stands on the same stage as the agent loop, so its observations are, to the letter, what a
subject of a study reads. One thread of a process may use it at a time.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from diagnose.env.circuit import Circuit
from diagnose.env.trace import Verdict
from diagnose.env.variant import variant as variant_of
from diagnose.errors import InputError
from diagnose.intervention import Intervention, Setting
from diagnose.records import StopReason
from diagnose.sandbox import Limits
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.fences import python_of
from diagnose.subjects.laid import Laid
from diagnose.subjects.stage import Stage
from diagnose.tasks import Task, family_of
from diagnose.tasks import task as task_of

# Ends that are the agent's own; the others are budgets that ran out.
_OWN_ENDS: frozenset[StopReason] = frozenset({"verified", "stopped"})


@dataclass(frozen=True)
class Step:
    """What came of one turn.

    Attributes:
        observation: what the agent reads; empty at the end of an episode that ended within the
            turn, after which nobody is shown anything.
        reward: 1.0 where the episode ended with a device that passes, else 0.0.
        terminated: it passed, called ``done()``, or sent no code a few times in a row.
        truncated: its trials or turns ran out.
        info: ``turns``, ``trials``, ``trials_left``, ``blocks``; at the end also ``stop_reason``
            and ``verdict``, which has the reasons and the times of all lamps.
    """

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


class Environment:
    """One task of the benchmark, played any number of times. Use as a context manager."""

    def __init__(
        self,
        task: str | Task,
        *,
        trials: int = 50,
        turns: int = 60,
        seed: int = 0,
        variant: str = "vanilla",
        interventions: Mapping[str, Intervention | tuple[Intervention, int]] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Choose what is played.

        Args:
            task: ``C-L3``, or a task of one's own.
            trials: presses and verdicts that an episode may use.
            turns: programs that it may run.
            seed: of the study that the episodes would belong to.
            variant: how things are called: vanilla, renamed or permuted.
            interventions: laid over every episode, by name, at dose 1 or at the dose given with it;
                they speak in this order.
            limits: of one program.

        Raises:
            InputError: no such task or variant.
            ConfigError: a budget that is none.
        """
        self.task = task if isinstance(task, Task) else task_of(task)
        self._budgets = Budgets(trials=trials, turns=turns)
        self._seed = _whole("seed", seed)
        self._run = -1
        self._kind = variant_of(variant, seed).kind
        self._interventions = dict(interventions or {})
        self._limits = limits or Limits()
        self._open = ExitStack()
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End the episode and give its process back; ``reset`` begins another."""
        self._stage = None
        self._open.close()

    def reset(self, seed: int | None = None, run: int | None = None) -> str:
        """Begin an episode and return the task as the agent reads it.

        Args:
            seed: of the study; None keeps it.
            run: of the task in that study; None means 0 after a seed, and else the next one.

        Raises:
            InputError: a seed or run that is none.
            ConfigError: the interventions do not go together.
        """
        self.close()
        if run is None:
            run = self._run + 1 if seed is None else 0
        self._run = _whole("run", run)
        self._seed = self._seed if seed is None else _whole("seed", seed)
        path = (self._seed, self.task.id, self._run)
        names = variant_of(self._kind, self._seed)
        setting = Setting(self.task, path, names)
        laid = []
        for name, entry in self._interventions.items():
            intervention, dose = entry if isinstance(entry, tuple) else (entry, 1)
            laid.append(Laid(name, dose, intervention, setting))
        family = family_of(self.task)
        stage = Stage(self.task, family, self._budgets, self._limits, path, names, laid)
        self._stage = self._open.enter_context(stage)
        return stage.opening[1].content

    @property
    def instructions(self) -> str:
        """The rules of the world and its host functions: a language model's system prompt."""
        return self._playing().opening[0].content

    def step(self, code: str) -> Step:
        """Run one program of the agent; an empty one is a used turn.

        Raises:
            InputError: the code is no text, or no episode is going on.
            InfrastructureError: the sandbox or the engine failed; the episode was not observed.
        """
        stage = self._playing()
        text = _text("code", code)
        if over := stage.over():
            raise InputError("step", over, "this episode is over; call reset")
        shown = stage.run(text if text.strip() else "")
        over = stage.over()
        info: dict[str, Any] = {
            "turns": stage.turn,
            "trials": stage.host.trials,
            "trials_left": self._budgets.trials - stage.host.trials,
            "blocks": len(stage.host.world.blocks),
        }
        passed = False
        if over:
            judged = stage.judged()
            passed = judged.verdict.passed
            info |= {"stop_reason": over, "verdict": judged.to_json()}
        return Step(
            observation=shown or "",
            reward=float(passed),
            terminated=over in _OWN_ENDS,
            truncated=over is not None and over not in _OWN_ENDS,
            info=info,
        )

    def answer(self, message: str) -> Step:
        """Run the fenced ``python`` blocks of a language model's message: see ``step``.

        Raises:
            InputError: see ``step``; the message is no text.
            InfrastructureError: see ``step``.
        """
        return self.step(python_of(_text("message", message)))

    def verdict(self) -> Verdict:
        """Judge the device as it stands: no trial, and nothing that the agent sees."""
        return self._playing().judged().verdict

    @property
    def circuit(self) -> Circuit | None:
        """The device as it stands; None where there is no button to press."""
        return self._playing().host.standing()

    def _playing(self) -> Stage:
        if self._stage is None:
            raise InputError("environment", "no episode", "call reset first")
        return self._stage


def _whole(field: str, value: object) -> int:
    if type(value) is not int or value < 0:
        raise InputError(field, value, "give a whole number, 0 or more")
    return value


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(field, value, "give text")
    return value.encode("utf-8", "replace").decode()  # valid Unicode, as of a model's reply
