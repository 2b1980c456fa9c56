"""The host's side of an episode: the world, the trials, and a record of every call.

Only what happens here counts. The subject's code may redefine ``verify`` or print that it passed;
it cannot reach the world, the count of trials or the verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

from diagnose.env.blocks import name_of
from diagnose.env.circuit import LAYERS, Circuit
from diagnose.env.engine import press as press_button
from diagnose.env.trace import Trace, Verdict
from diagnose.env.variant import VANILLA, Variant
from diagnose.env.world import Edit, World
from diagnose.errors import ConfigError, SubjectError
from diagnose.intervention import HostCall, HostFunction
from diagnose.records import StopReason
from diagnose.sandbox import Halt, shown
from diagnose.tasks import Family, Task, judge

KEPT_CALLS = 20_000  # of an episode, with their arguments; of later ones only that they were made
KEPT_TEXT = 1_000  # characters of a text argument
MOST_WORK = 20_000_000  # cells that one program's calls may touch: some seconds of the host
LOOK_WORK = 5  # a map costs as much per standing block as an edit of so many


@dataclass(frozen=True)
class Judged:
    """One judging of the device as it stood."""

    verdict: Verdict
    circuit: Circuit | None = None  # None: there was nothing to press
    trace: Trace | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the verdict and each lamp's times: a row per lit interval, one per dark lamp."""
        lamps = [
            {"pos": list(pos), "rise_rt": interval.rise_rt, "fall_rt": interval.fall_rt}
            if interval
            else {"pos": list(pos), "rise_rt": None, "fall_rt": None}
            for pos, intervals in (sorted(self.trace.lamps.items()) if self.trace else ())
            for interval in intervals or (None,)
        ]
        return {**self.verdict.to_json(), "lamps": lamps}


class Host:
    """One episode's world and host functions.

    Attributes:
        turn: the running turn, set by the loop.
        calls: every call so far; long texts are cut, and lists and dicts kept as text, so that no
            program can fill the host's memory.
        trials: presses and verdicts so far.
        ended: why the episode is over, as far as the host can tell; None while it goes on.
        passed: the verdict that ended it, if one passed.
        popped: blocks that lost their support and fell, as told to the subject.
        presses: of the running turn.
        pressed: what the lamps did after the running turn's last press.
        failed: the reasons of the running turn's last failed verdict.
    """

    CORE: ClassVar[tuple[str, ...]] = (
        *("place", "fill", "build", "remove", "clear", "look"),
        *("press", "verify", "done"),
    )

    def __init__(
        self,
        task: Task,
        family: Family,
        trials: int,
        granted: Mapping[str, HostFunction] | None = None,
        variant: Variant = VANILLA,
    ) -> None:
        """Begin with an empty area.

        Args:
            task: what to judge by.
            family: the task's family.
            trials: how many presses and verdicts are allowed.
            granted: further functions, from interventions; they say what they say.
            variant: how things are called; all else here speaks in their own names.

        Raises:
            ConfigError: a granted function has the name of another.
        """
        self.world = World(task.area_side)
        self.turn = 0
        self.calls: list[HostCall] = []
        self.trials = 0
        self.ended: StopReason | None = None
        self.passed: Judged | None = None
        self.popped: list[str] = []
        self.presses = 0
        self.pressed: Trace | None = None
        self.failed: tuple[str, ...] = ()
        self._task = task
        self._family = family
        self._variant = variant
        self._most_trials = trials
        self._worked_turn = 0
        self._work = 0
        core: dict[str, HostFunction] = {name: getattr(self, name) for name in self.CORE}
        for name in granted or ():
            if name in core:
                raise ConfigError("intervention function", name, "choose another name")
        self.functions: Mapping[str, HostFunction] = {
            name: self._recorded(name, function)
            for name, function in {**self._translated(core), **(granted or {})}.items()
        }

    def _translated(self, core: Mapping[str, HostFunction]) -> dict[str, HostFunction]:
        """Return our own functions with what they answer told in the variant's names."""

        def told_by(function: HostFunction) -> HostFunction:
            @wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                try:
                    return self._told(function(*args, **kwargs))
                except SubjectError as error:
                    raise SubjectError(self._variant.tell(str(error))) from error

            return call

        return {name: told_by(function) for name, function in core.items()}

    def _told(self, answer: Any) -> Any:
        if isinstance(answer, str):
            return self._variant.tell(answer)
        if isinstance(answer, dict):
            return {**answer, "notes": [self._variant.tell(note) for note in answer["notes"]]}
        return answer

    def _recorded(self, name: str, function: HostFunction) -> HostFunction:
        """Return ``function`` with each call recorded, and refused once the episode is over."""

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.ended:
                raise Halt
            ok = False
            try:
                result = function(*args, **kwargs)
                ok = True
            except Halt:
                ok = self.ended in {"verified", "stopped"}
                raise
            finally:
                given = (*args, *kwargs.values()) if len(self.calls) < KEPT_CALLS else ()
                self.calls.append(HostCall(self.turn, name, tuple(map(_kept, given)), ok))
            return result

        return call

    def begin(self, turn: int) -> None:
        """Begin a turn: what is told of a turn's end is counted from here."""
        self.turn = turn
        self.presses, self.pressed, self.failed = 0, None, ()
        self.popped.clear()

    def state(self) -> dict[str, Any]:
        """Return where it stands between two turns, as JSON knows values; see ``resume``.

        What ``begin`` sets anew is left out.
        """
        return {
            "blocks": [[*pos, state] for pos, state in sorted(self.world.blocks.items())],
            "trials": self.trials,
            "ended": self.ended,
            "calls": [[call.turn, call.name, list(call.args), call.ok] for call in self.calls],
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Stand where ``state`` was taken, in an episode that goes on (trusted)."""
        self.world.restore({(x, y, z): block for x, y, z, block in state["blocks"]})
        self.trials, self.ended, self.passed = state["trials"], state["ended"], None
        self.calls = [
            HostCall(turn, name, tuple(args), ok) for turn, name, args, ok in state["calls"]
        ]

    def refused(self, name: str) -> None:
        """Record a call whose arguments kept it from being made."""
        self.calls.append(HostCall(self.turn, name, (), ok=False))

    def place(self, x: int, y: int, z: int, block: str) -> str:
        """Put one block."""
        self._spend_work(1)
        return self._edited(self.world.place((x, y, z), self._variant.block(block)))

    def fill(self, x1: int, y1: int, z1: int, x2: int, y2: int, z2: int, block: str) -> str:
        """Put a block in every cell of a box, ends included."""
        self._spend_work(LAYERS * self._task.area_side**2)
        own = self._variant.block(block)
        return self._edited(self.world.fill((x1, y1, z1), (x2, y2, z2), own))

    def build(self, blocks: object) -> str:
        """Put many blocks."""
        self._spend_work(len(blocks) if isinstance(blocks, list | tuple) else 1)
        return self._edited(self.world.build(self._own(blocks)))

    def remove(self, x: int, y: int, z: int) -> str:
        """Empty one cell."""
        self._spend_work(1)
        return self._edited(self.world.remove((x, y, z)))

    def clear(self) -> str:
        """Empty the area."""
        self.world.clear()
        return "the area is empty"

    def look(self, y: int) -> str:
        """Return a map of layer y."""
        self._spend_work((LOOK_WORK - 1) * len(self.world.blocks), "maps in one program; look once")
        return self.world.look(y, self._variant.letters)

    def press(
        self, x: int | None = None, y: int | None = None, z: int | None = None
    ) -> dict[str, Any]:
        """Press the button and tell what each lamp did: a trial."""
        self._spend_trial()
        trace = self._trace(self.world.circuit(None if x is y is z is None else (x, y, z)))
        self.presses, self.pressed = self.presses + 1, trace
        return told(trace)

    def verify(self) -> str:
        """Judge the device: a trial; passing ends the episode."""
        self._spend_trial()
        judged = self.judge_standing()
        if judged.verdict.passed:
            self.passed = judged
            self.ended = "verified"
            raise Halt
        self.failed = judged.verdict.reasons
        return "FAILED\n" + "\n".join(f"- {reason}" for reason in judged.verdict.reasons)

    def done(self) -> None:
        """Stop."""
        self.ended = "stopped"
        raise Halt

    def standing(self) -> Circuit | None:
        """Return the device as it stands; None where there is no button to press."""
        blocks = self.world.blocks
        button = min((p for p in blocks if name_of(blocks[p]) == "stone_button"), default=None)
        # A second button is the judge's to refuse.
        return None if button is None else self.world.circuit(button)

    def judge_standing(self) -> Judged:
        """Judge the device as it stands, at no cost; without a button it fails."""
        circuit = self.standing()
        if circuit is None:
            return Judged(Verdict(passed=False, reasons=("no stone button stands",)))
        trace = self._trace(circuit)
        return Judged(judge(self._family, self._task, circuit, trace), circuit, trace)

    def _trace(self, circuit: Circuit) -> Trace:
        last_fall_rt = self._family.last_fall_rt(self._task)
        return press_button(circuit, self._task.area_side, last_fall_rt=last_fall_rt)

    def _own(self, blocks: object) -> object:
        """Return a build list with blocks by their own names; what is none passes as it is."""
        if self._variant.plain or not isinstance(blocks, list | tuple):
            return blocks
        return [
            [*entry[:3], self._variant.block(entry[3])]
            if isinstance(entry, list | tuple) and len(entry) == 4
            else entry
            for entry in blocks
        ]

    def _edited(self, edit: Edit) -> str:
        self.popped.extend(
            self._variant.tell(f"{name} at {list(pos)}") for pos, name in edit.popped
        )
        return str(edit)

    def _spend_work(
        self, cells: int, told: str = "edits in one program; put many blocks in one build call"
    ) -> None:
        """Bound a program's calls: each costs the host the cells it names and those that stand."""
        if self._worked_turn != self.turn:
            self._worked_turn, self._work = self.turn, 0
        self._work += cells + len(self.world.blocks)
        if self._work > MOST_WORK:
            raise SubjectError(f"too many {told}")

    def _spend_trial(self) -> None:
        if self.trials >= self._most_trials:
            self.ended = "trials"
            raise Halt
        self.trials += 1


def told(trace: Trace) -> dict[str, Any]:
    """Return what a press tells the subject; times in rt."""
    lit = [
        [*pos, interval.rise_rt, interval.fall_rt]
        for pos, intervals in sorted(trace.lamps.items())
        for interval in intervals
    ]
    notes = []
    if not trace.lamps:
        notes.append("there is no lamp")
    if not trace.settled:
        notes.append("something was already moving before the press")
    if trace.lit_before:
        notes.append("lit before the press: " + ", ".join(map(str, trace.lit_before)))
    if not trace.quiet:
        notes.append(f"still moving when the watch ended at {trace.end_rt} rt")
    dark = [list(pos) for pos, intervals in sorted(trace.lamps.items()) if not intervals]
    return {"lit": lit, "dark": dark, "notes": notes}


def _kept(value: object) -> object:
    """Return what a call's record keeps of an argument."""
    if isinstance(value, str):
        return value[:KEPT_TEXT]
    return shown(value, KEPT_TEXT) if isinstance(value, list | tuple | dict) else value
