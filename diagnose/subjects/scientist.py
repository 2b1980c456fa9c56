"""The scientist: a sub-agent that answers a question by experiment, in a world of its own.

It is the subject's own model, led through a template of eight sections. Its presses and messages
count against budgets of its own; its tokens and dollars are the episode's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from diagnose.env.report import Report, parse
from diagnose.env.terms import quoted
from diagnose.env.variant import Variant
from diagnose.errors import SubjectError
from diagnose.models import Call, Message, Model
from diagnose.sandbox import Limits, Sandbox
from diagnose.seeds import seed_of
from diagnose.subjects.briefing import Standing, observation, python, template, world
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.host import Host
from diagnose.subjects.loop import Conversation
from diagnose.subjects.protocol import answers, asked, tools_of
from diagnose.subjects.scaffold import Scaffold
from diagnose.subjects.timeline import changed
from diagnose.tasks import Family, Task

MOST_QUESTION = 1_000  # characters of a question that are passed on
LAST = "Your next message is the last one: write the report."


class Bench(Host):
    """A world to experiment in: nothing to judge, and a press too many is refused."""

    CORE = tuple(name for name in Host.CORE if name not in {"verify", "done"})

    def _spend_trial(self) -> None:
        if self.trials >= self._most_trials:
            raise SubjectError(f"the {self.trials} presses are used up; write the report")
        self.trials += 1


@dataclass(frozen=True)
class Place:
    """Where a scientist works: what it shares with the episode that asks."""

    model: Model
    task: Task  # its area and its watch, not its goal
    family: Family
    limits: Limits
    variant: Variant
    scaffold: Scaffold
    first: Call  # of the episode


@dataclass
class Scientists:
    """The consultations of one episode, in order."""

    place: Place
    asking: Conversation  # whose usage includes theirs
    budgets: Budgets  # of the episode
    reports: list[Mapping[str, Any]] = field(default_factory=list)  # as the record keeps them

    def consult(self, question: str, trials: int, turns: int) -> str:
        """Have a question answered by experiment; return the report as whoever asked reads it.

        Args:
            question: in the subject's words.
            trials: presses that the experiment may use.
            turns: messages that it may take, the report included.

        Raises:
            InfrastructureError: the provider, the sandbox or the engine failed.
        """
        said = " ".join(question.encode("utf-8", "replace").decode().split())[:MOST_QUESTION]
        conversation = Conversation(self._opening(said, trials, turns))
        self.asking.helpers.append(conversation)
        number = len(self.reports)
        place = self.place
        bench = Bench(place.task, place.family, trials, variant=place.variant)
        seed = seed_of(*place.first.seed_path, "scientist", number)
        with Sandbox(place.limits, seed) as sandbox:
            report = self._work(conversation, bench, sandbox, Budgets(trials, turns), number)
        self.reports.append(
            {
                "agent": f"scientist/{number}",
                "question": said,
                "sections": asdict(report),
                "complete": report.complete,
                "missing": list(report.missing),
                "usage": asdict(conversation.usage(bench)),
                "log": conversation.log,
                "transcript": [message.to_json() for message in conversation.messages],
            }
        )
        return report.told()

    def _opening(self, question: str, trials: int, turns: int) -> list[Message]:
        place = self.place
        printed = place.limits.printed
        system = template("scientist").format(
            world=world(place.task, place.variant),
            answer=template(f"scientist_{place.scaffold.protocol}").format(printed=printed),
            python=python(place.limits),
            trials=trials,
            turns=turns,
        )
        asked_for = template("scientist_question").format(question=quoted(question)).rstrip()
        tell = place.variant.tell
        return [Message("system", tell(system)), Message("user", tell(asked_for))]

    def _work(
        self,
        conversation: Conversation,
        bench: Bench,
        sandbox: Sandbox,
        budgets: Budgets,
        number: int,
    ) -> Report:
        """Let the model experiment until it hands in a report; remind it once of what it lacks."""
        protocol, reminded = self.place.scaffold.protocol, False
        first = self.place.first
        while not self.asking.spent(self.budgets):
            turn = len(conversation.replies)
            call = Call(
                first.seed_path,
                turn,
                first.episode_id,
                f"scientist/{number}",
                tools_of(protocol),
            )
            try:
                reply = self.place.model.reply(tuple(conversation.messages), call)
            except SubjectError as error:
                conversation.unanswered(error)
                return Report()
            message = conversation.take(reply)
            request = asked(message, protocol)
            conversation.count(request.faults)
            if request.code and turn + 1 < budgets.turns:
                shown = _run(request.code, bench, sandbox, budgets, turn, protocol)
            else:
                report = parse(message.content)
                if report.complete or reminded:
                    return report
                reminded = True
                missing = ", ".join(report.missing)
                shown = template("scientist_reminder").format(missing=missing).rstrip()
            conversation.messages.extend(answers(request, shown))
        return Report()


def _run(
    code: str, bench: Bench, sandbox: Sandbox, budgets: Budgets, turn: int, protocol: str
) -> str:
    """Run a program on the bench and return what the scientist is shown of it."""
    before = dict(bench.world.blocks)
    bench.begin(turn)
    ran = sandbox.run(code, bench.functions, bench.refused)
    change = changed(before, bench.world.blocks)
    standing = Standing(
        len(bench.world.blocks),
        tuple(bench.popped),
        bench.trials,
        (change,) if change else (),
    )
    notes = [LAST] if turn + 2 >= budgets.turns else []
    return observation(turn, ran, standing, budgets, notes, protocol)
