"""The teacher: whose episodes a corpus is made of. It reads what a model would be sent, no more.

It asks about the laws that a hint names, and about any other that it happens to think of; it notes
an answer where there is a book, and else may pause for a message, after which the answer is out of
sight; it builds by what it then sees, guesses the rest, and says in comments what it builds by;
without a plan it may leave a part out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.laws import CATALOGUE
from diagnose.models import Call, Message, Reply
from diagnose.models.reference.reading import named_topics, parameters
from diagnose.seeds import seed_of, uniform
from diagnose.tasks import Task, build_device
from diagnose.tasks.needs import needed_laws
from diagnose.training.scratch import terse
from diagnose.training.scratch.worlds import CLAIMS, CONTRARY, HOLDS, booked, reported


@dataclass(frozen=True)
class Habits:
    """Probabilities in [0, 1] of what the teacher does by itself."""

    thinks_of: float = 0.4  # a law, without a hint
    pauses: float = 0.5  # between the last answer and the device, without a book
    guesses_right: float = 0.4  # a law that it sees nothing of
    slips: float = 0.45  # without a plan: a part of the device is left out


class Teacher:
    """A ``Model`` for one task: a function of what it is sent and of the episode's seeds."""

    name = "teacher"

    def __init__(self, task: Task, habits: Habits) -> None:
        self._task, self._habits = task, habits
        self._needed = [law for law in needed_laws(task) if law in CLAIMS]

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        first, last = messages[1].content, messages[-1].content
        hinted, notes = named_topics(first), bool(parameters(first, "note"))
        asks = [
            law
            for law in self._needed
            if parameters(first, "ask")
            and (law in hinted or self._does(call, self._habits.thinks_of, "thinks_of", law))
        ]
        lines = [f"note({json.dumps(CLAIMS[law][value])})" for law, value in self._new(last, notes)]
        pauses = notes or self._does(call, self._habits.pauses, "pauses")
        if call.number < len(asks):
            lines.append(f"print(ask({json.dumps(CATALOGUE[asks[call.number]].question)}))")
        elif asks and call.number == len(asks) and pauses:
            lines = lines or ["clear()"]
        else:
            planned = "\n1. " in first
            lines = [self._device({**reported(last), **booked(last)}, call, planned)]
        program = "\n".join(lines)
        return Reply(f"```python\n{program}\n```")

    def _new(self, last: str, notes: bool) -> list[tuple[str, int]]:
        return list(reported(last).items()) if notes else []

    def _does(self, call: Call, chance: float, *name: str) -> bool:
        return uniform(*call.seed_path, "teacher", *name) < chance

    def _device(self, known: dict[str, int], call: Call, planned: bool) -> str:
        held = {
            law
            for law in self._needed
            if known.get(law, HOLDS if self._guesses(call, law) else CONTRARY) == HOLDS
        }
        said = [f"# {CLAIMS[law][HOLDS if law in held else CONTRARY]}" for law in self._needed]
        parts = terse.runs(build_device(self._task, dict.fromkeys(held, 1)))
        if not planned and self._does(call, self._habits.slips, "slips"):
            parts.pop(seed_of(*call.seed_path, "teacher", "part") % len(parts))
        return "\n".join([*said, terse.program(parts)])

    def _guesses(self, call: Call, law: str) -> bool:
        return self._does(call, self._habits.guesses_right, "guesses_right", law)
