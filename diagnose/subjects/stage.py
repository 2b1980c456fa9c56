"""An episode without its subject: what it is shown, what its programs do, and when it is over.

The agent loop lets a model act on a stage and the environment lets anyone; so both show the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Self

from diagnose.env.blocks import Pos, name_of
from diagnose.env.variant import VANILLA, Variant
from diagnose.models import Message, Tool
from diagnose.records import StopReason
from diagnose.sandbox import Limits, Sandbox
from diagnose.seeds import seed_of
from diagnose.subjects.briefing import (
    Standing,
    first_message,
    late_message,
    observation,
    system_prompt,
)
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.host import Host, Judged
from diagnose.subjects.laid import Laid, granted
from diagnose.subjects.protocol import RUN, tools_for
from diagnose.subjects.scaffold import STANDARD, Scaffold
from diagnose.subjects.snapshot import Snapshot
from diagnose.subjects.timeline import changed, timeline
from diagnose.tasks import Family, Task


class Stage:
    """One episode's host, sandbox and texts. Use as a context manager.

    Attributes:
        host: the world and its functions.
        opening: the system prompt and the first message.
        joined: what interventions that come on the way say when they come; empty for none.
        turn: replies taken so far.
    """

    def __init__(
        self,
        task: Task,
        family: Family,
        budgets: Budgets,
        limits: Limits,
        seed_path: tuple[str | int, ...],
        variant: Variant = VANILLA,
        laid: Sequence[Laid] = (),
        scaffold: Scaffold = STANDARD,
    ) -> None:
        """Set the stage; no process starts before the first program.

        Args:
            task: what is to be built.
            family: the task's family.
            budgets: of the episode; tokens and seconds are for whoever calls a model to count.
            limits: of one program.
            seed_path: the episode's branch of the seed tree.
            variant: how things are called.
            laid: the interventions, in the order in which they speak; those that come late, when
                the stage is restored to a turn, are not in the opening but in ``joined``.
            scaffold: how programs are handed over, and which prompt explains it.

        Raises:
            ConfigError: two interventions grant functions of one name, or of one of the host's.
        """
        self.host = Host(task, family, budgets.trials, granted(laid), variant)
        early, late = ([one for one in laid if one.late is late] for late in (False, True))
        told = variant.tell(family.text(task))
        self.opening = (
            Message("system", system_prompt(task, budgets, limits, variant, scaffold)),
            Message("user", first_message(told, *_spoken(early))),
        )
        self.joined = late_message(*_spoken(late))
        self._helps = {line.partition("(")[0]: line for one in laid for line in one.helps}
        self.turn = 0
        self._silent = 0
        self._budgets = budgets
        self._laid = laid
        self._scaffold = scaffold
        self._variant = variant
        self._sandbox = Sandbox(limits, seed_of(*seed_path, "sandbox"))

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the sandbox's process back."""
        self._sandbox.__exit__(kind, error, trace)

    @cached_property
    def tools(self) -> tuple[Tool, ...]:
        """What an outside agent is offered: the host functions, and programs over them."""
        return (RUN, *tools_for(self.host.functions, self._helps, self._variant.tell))

    def over(self) -> StopReason | None:
        """Return why no further reply is taken; None while the episode goes on."""
        if self.host.ended:
            return self.host.ended
        if self._silent >= self._budgets.silent_turns:
            return "stopped"
        return "turns" if self.turn >= self._budgets.turns else None

    def run(self, code: str) -> str | None:
        """Run one turn's program, empty for none, and return what the subject is shown of it.

        None where the episode ended during the turn, and nobody is shown anything any more.

        Raises:
            InfrastructureError: the sandbox or the engine failed.
        """
        host = self.host
        turn, before = self.turn, dict(host.world.blocks)
        host.begin(turn)
        self.turn += 1
        ran = self._sandbox.run(code, host.functions, host.refused) if code else None
        self._silent = 0 if code else self._silent + 1
        if host.ended or self._silent >= self._budgets.silent_turns:
            return None
        notes = [note for one in self._laid if (note := one.observation(turn))]
        return observation(
            turn, ran, self._standing(before), self._budgets, notes, self._scaffold.protocol
        )

    def _standing(self, before: Mapping[Pos, str]) -> Standing:
        """Return where the episode stands, and what a turn that began with ``before`` did."""
        host, tell = self.host, self._variant.tell
        blocks = host.world.blocks
        lines = [changed(before, blocks)]
        if host.pressed:
            lines.append(tell(timeline(host.pressed, host.presses)))
        afresh = self._scaffold.fresh_context_after_failure
        kinds = Counter(tell(name_of(state)) for state in blocks.values()) if afresh else {}
        return Standing(
            len(blocks),
            tuple(host.popped),
            host.trials,
            tuple(line for line in lines if line),
            tuple(map(tell, host.failed)) if afresh else (),
            kinds,
        )

    def snapshot(self) -> Snapshot:
        """Return where the episode stands between two turns.

        Raises:
            InfrastructureError: the sandbox failed.
        """
        state = {
            "turn": self.turn,
            "silent": self._silent,
            "host": self.host.state(),
            "laid": [one.state() for one in self._laid],
        }
        return Snapshot(state, self._sandbox.state())

    def restore(self, snapshot: Snapshot) -> None:
        """Stand where ``snapshot`` was taken (trusted: it came from ``snapshot``).

        An intervention that the snapshot does not know joins here.

        Raises:
            InfrastructureError: the sandbox failed.
        """
        state = snapshot.state
        self.turn, self._silent = state["turn"], state["silent"]
        self.host.resume(state["host"])
        known = {one["name"]: one for one in state["laid"]}
        for one in self._laid:
            if one.name in known:
                one.resume(known[one.name])
        self._sandbox.resume(snapshot.sandbox)

    def judged(self) -> Judged:
        """Return the verdict that ended the episode; without one, judge the device as it stands."""
        return self.host.passed or self.host.judge_standing()


def _spoken(laid: Sequence[Laid]) -> tuple[list[str], list[str]]:
    """Return what interventions say at first, and a line per function that they grant."""
    openings = [one.opening for one in laid if one.opening]
    return openings, [line for one in laid for line in one.helps]
