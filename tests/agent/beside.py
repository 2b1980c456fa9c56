"""The smallest task there is, for tests of what surrounds a task: a lamp beside a button."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from diagnose.env.circuit import Circuit
from diagnose.env.timing import Expected
from diagnose.env.trace import Trace
from diagnose.episode import Episode
from diagnose.intervention import Evidence, HostCall, HostFunction, Setting
from diagnose.models.scripted import Scripted
from diagnose.tasks import Task

BUILD = 'build([[4, 1, 4, "stone_button[face=floor]"], [5, 1, 4, "redstone_lamp"]])'
TASK = Task("Z", 0, 1, 9, {"rise_rt": 0})


class Beside:
    """One lamp that rises at once; the common rules do the rest."""

    letter = "Z"
    title = "a lamp beside a button"

    def params(self, _lamps: int) -> dict[str, Any]:
        return {"rise_rt": 0}

    def text(self, task: Task) -> str:
        return f"Light {task.lamps} lamp at {task.params['rise_rt']} rt."

    def expected(self, task: Task) -> Expected:
        return Expected(task.lamps)

    def last_fall_rt(self, _task: Task) -> int:
        return 12

    def reasons(self, task: Task, _circuit: Circuit, trace: Trace) -> list[str]:
        ((only,),) = trace.lamps.values()
        return [] if only.rise_rt == task.params["rise_rt"] else [f"rises at {only.rise_rt} rt"]

    def build(self, _task: Task, _laws: Mapping[str, int]) -> Circuit:
        blocks = {
            (4, 1, 4): "minecraft:stone_button[face=floor,facing=north,powered=false]",
            (5, 1, 4): "minecraft:redstone_lamp[lit=false]",
        }
        return Circuit(blocks, (4, 1, 4))


class Saying:
    """An intervention that says what it is told to, at every hook, and grants functions."""

    def __init__(
        self,
        opening: str = "",
        notes: Sequence[str] = (),
        functions: Mapping[str, tuple[HostFunction, str]] | None = None,
        uses: Callable[[Sequence[HostCall], Sequence[str]], bool] = lambda _calls, _replies: False,
    ):
        self.capacity = "identification"
        self.seen: list[tuple[Setting, int]] = []
        self._opening = opening
        self._notes = notes
        self._functions = functions or {}
        self._uses = uses

    def open(self, setting: Setting, dose: int):
        self.seen.append((setting, dose))
        return self

    def opening(self) -> str:
        return self._opening

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        return self._functions

    def observation(self, turn: int) -> str:
        return self._notes[turn] if turn < len(self._notes) else ""

    def used(self, evidence: Evidence) -> bool:
        return self._uses(evidence.calls, evidence.replies)


def code(*lines: str) -> str:
    """A reply that runs ``lines``."""
    return "I will try this.\n```python\n" + "\n".join(lines) + "\n```\n"


def episode(*replies: str, interventions: Mapping[str, Saying] | None = None, **fields: Any):
    """An episode of the task with these replies; every intervention given is on."""
    on = interventions or {}
    settings: dict[str, Any] = {
        "episode_id": "e1",
        "study": "test",
        "study_seed": 3,
        "factors": tuple(on),
        "doses": (1,) * len(on),
        "task": TASK,
        "family": Beside(),
        "run": 0,
        "model": Scripted("scripted/test", replies),
        "interventions": on,
    }
    return Episode(**{**settings, **fields})


def said(record) -> list[str]:
    """What the subject was shown, oldest first, system prompt left out."""
    return [m["content"] for m in record.transcript if m["role"] == "user"]
