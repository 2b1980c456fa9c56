"""The reference subject's policy: notice, find out, keep, apply; then build once.

Every step of every law succeeds with its capacity's probability, unless the text in front of the
subject supplies it. The draws come from the episode's branch of the seed tree and are named by
step and law, so cells share them: an intervention can only turn a failing step into a success.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from diagnose.env.experiments import true_laws
from diagnose.errors import SubjectError
from diagnose.models import Call, CallUsage, Message, Reply
from diagnose.models.reference import reading, science, writing
from diagnose.models.reference.hands import by_tool, in_text
from diagnose.models.reference.profile import Profile
from diagnose.seeds import uniform
from diagnose.tasks import Task, build_device
from diagnose.tasks.needs import needed_laws


class Reference:
    """A ``Model`` with known capacities, without state: a reply is a function of the messages."""

    def __init__(self, profile: Profile, label: str = "reference") -> None:
        self.profile = profile
        self._name = label

    @property
    def name(self) -> str:
        """See ``Model.name``."""
        return self._name

    def reply(self, messages: Sequence[Message], call: Call) -> Reply:
        """See ``Model.reply``."""
        return by_tool(self._said(in_text(messages), call), call.tools, call.number)

    def _said(self, messages: Sequence[Message], call: Call) -> Reply:
        """Answer a conversation in text."""
        try:
            spoken = reading.language(messages[0].content, int(call.seed_path[0]))
            understood = [
                replace(message, content=reading.heard(message.content, spoken))
                for message in messages
            ]
            if science.asked(understood):
                reply = self._research(understood, call)
            else:
                reply = self._answer(understood, call, remembers=spoken.plain)
        except SubjectError as error:
            return _reply(messages, writing.fenced("done()", f"{error}."), {})
        return replace(reply, text=spoken.tell(reply.text))

    def _answer(self, messages: Sequence[Message], call: Call, *, remembers: bool) -> Reply:
        system, first = messages[0].content, messages[1].content
        task = reading.read_task(system, first)
        said = [message.content for message in messages if message.role == "user"]
        mine = [message.content for message in messages if message.role == "assistant"]
        late = reading.late(said[1:])
        offered = "\n".join([first, *late])
        noticed = self._noticed(task, offered, call)
        log: dict[str, object] = {"needed": list(needed_laws(task)), "noticed": noticed}
        found = reading.findings(said[1:])
        done = _Done(mine, afresh=bool(late))
        unasked = done.unasked(noticed, found)
        if unasked and reading.parameters(offered, "ask"):
            some = unasked[: reading.answers_at_once(offered)]
            text = writing.fenced(writing.asking(some), "There are things I should find out.")
            return _reply(messages, text, log)
        # What nobody has answered it tries to find out by itself, once.
        untried = done.untried([law for law in noticed if law not in found])
        if untried:
            sound = {law: self._succeeds(call, "discovery", law) for law in untried}
            code = writing.experimenting(sound)
            return _reply(messages, writing.fenced(code, "I experiment."), log)
        sections = reading.parameters(offered, "note")
        unnoted = done.unnoted(found) if sections else {}
        if unnoted:
            text = writing.fenced(writing.noting(unnoted, sections), "I write down what I found.")
            return _reply(messages, text, log)
        memory = self._remembered(task, call) if remembers else {}
        book = memory | reading.booked(said[-1])
        reply = self._build(task, offered, found, book, messages, call)
        return replace(reply, log={**log, **reply.log})

    def _research(self, messages: Sequence[Message], call: Call) -> Reply:
        """Answer as a scientist: by the draw that decides its experiments otherwise, too."""

        def sound(law: str) -> bool:
            draw = uniform(*call.seed_path, "subject", "discovery", law)
            return draw < self.profile.methodical(law)

        return _reply(messages, science.research(messages, sound), {})

    def _succeeds(self, call: Call, capacity: str, law: str) -> bool:
        draw = uniform(*call.seed_path, "subject", capacity, law)
        return draw < self.profile.probability(capacity, law)

    def _remembered(self, task: Task, call: Call) -> dict[str, int]:
        """Return the needed laws that it knows from before, by the names of things."""
        return {
            law: true_laws()[law]
            for law in needed_laws(task)
            if uniform(*call.seed_path, "subject", "recall", law) < self.profile.recall
        }

    def _noticed(self, task: Task, offered: str, call: Call) -> list[str]:
        named = reading.named_topics(offered)
        return [
            law
            for law in needed_laws(task)
            if law in named or self._succeeds(call, "identification", law)
        ]

    def _build(
        self,
        task: Task,
        offered: str,
        found: dict[str, int],
        book: dict[str, int],
        messages: Sequence[Message],
        call: Call,
    ) -> Reply:
        planned = reading.planned_laws(offered)
        kept = {
            law: value
            for law, value in found.items()
            if law not in book and self._succeeds(call, "consolidation", law)
        } | book
        applied = {
            law: value
            for law, value in kept.items()
            if law in planned or self._succeeds(call, "application", law)
        }
        slips = uniform(*call.seed_path, "subject", "slip") < self.profile.slip
        code = writing.building(build_device(task, applied), int(slips))
        log: dict[str, object] = {
            "found": sorted(found),
            "kept": sorted(kept),
            "applied": sorted(applied),
        }
        log["failed"] = {
            law: _stage(law, self._noticed(task, offered, call), found, kept)
            for law in needed_laws(task)
            if law not in applied
        }
        text = writing.fenced(code, "I build the device.")
        return _reply(messages, text, {**log, "slip": slips})


@dataclass(frozen=True)
class _Done:
    """What it has done so far, by its own messages.

    It asks, tries and notes everything at one go, unless something joins the episode on its way:
    then it goes through its list again (``afresh``) and does what it has not done.
    """

    mine: Sequence[str]
    afresh: bool

    def unasked(self, noticed: Sequence[str], found: Collection[str]) -> list[str]:
        """Return what it has noticed and not asked about yet."""
        if not self.afresh:
            return list(noticed[sum(text.count(writing.ASKED) for text in self.mine) :])
        return [law for law in noticed if law not in found and not self._any(writing.asks, law)]

    def untried(self, gaps: Sequence[str]) -> list[str]:
        """Return what it has made no experiment on yet."""
        if not self.afresh:
            tried = any(writing.EXPERIMENTED in text for text in self.mine)
            return [] if tried else list(gaps)
        return [law for law in gaps if not self._any(writing.tries, law)]

    def unnoted(self, found: Mapping[str, int]) -> dict[str, int]:
        """Return what it has found and not noted yet."""
        if not self.afresh:
            noted = any(writing.NOTED in text for text in self.mine)
            return {} if noted else dict(found)
        return {
            law: value
            for law, value in found.items()
            if not any(writing.notes(text, law, value) for text in self.mine)
        }

    def _any(self, did: Callable[[str, str], bool], law: str) -> bool:
        return any(did(text, law) for text in self.mine)


def _stage(
    law: str, noticed: Collection[str], found: Collection[str], kept: Collection[str]
) -> str:
    """Return the capacity in which a law that is not in the device was lost."""
    if law in kept:
        return "application"
    if law in found:
        return "consolidation"
    return "discovery" if law in noticed else "identification"


def _reply(messages: Sequence[Message], text: str, log: dict[str, object]) -> Reply:
    """Count four characters as a token, as a rule of thumb for a subject that has no tokeniser."""
    read = sum(len(message.content) for message in messages) // 4
    return Reply(text, CallUsage(read, len(text) // 4), log)
