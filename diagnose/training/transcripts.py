"""Records to candidates for examples: a subject's own successes, rejection-sampled.

Of a conversation is kept what the subject was shown when it gave its last reply, and that reply;
or its last program alone, as one answer to the first message. *Distilled*, the prompt loses what
interventions said: turns that used their functions go, the others are played again without them,
and only what still passes is kept. So a success under a hint is taught without the hint.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from diagnose.env.circuit import Circuit
from diagnose.episode import ENV
from diagnose.errors import InputError
from diagnose.models import Message
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.subjects.context import view
from diagnose.subjects.protocol import asked
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import Task, task, verdict_of
from diagnose.training.dataset import Example, Source, Split
from diagnose.training.messages import MOST_MESSAGES, Chat, alternates, checked, marked
from diagnose.training.playing import (
    Interventions,
    LeftOutError,
    chat,
    offered,
    play,
    record_protocol,
)

KEEPS = ("conversation", "program")
QUOTED = 24  # characters of a line of an intervention's that a reply may not repeat


@dataclass(frozen=True)
class Candidate:
    """What may become an example, and what it takes to play it again.

    Attributes:
        record: the episode it comes from.
        kind: own or gold.
        messages: as it is to be learnt.
        replies: from the start of the episode; the last one is the one that passes.
        interventions: that are on in it; none where it is distilled.
        device: the hash of the device that it ends with.
    """

    record: EpisodeRecord
    kind: str
    messages: Chat
    replies: tuple[Message, ...]
    interventions: Interventions
    device: str
    split: Split = "train"
    corrupted: str = ""

    @property
    def key(self) -> str:
        """The name of its branch of the seed tree."""
        return f"{self.record.episode_id}/{self.kind}"

    @property
    def place(self) -> tuple[Any, ...]:
        """The canonical order."""
        one = self.record
        return (one.task, one.study_seed, one.run, one.cell, one.model, self.kind, one.episode_id)

    @property
    def source(self) -> Source:
        """Where it comes from."""
        one = self.record
        return Source(
            one.episode_id,
            one.task,
            one.family,
            one.level,
            one.run,
            one.cell,
            self.kind,
            one.model,
            one.study_seed,
        )

    @property
    def example(self) -> Example:
        """The line it becomes."""
        tools = tuple(offered(self.record))
        return Example(self.messages, self.split, self.source, self.corrupted, tools)


def task_of(record: EpisodeRecord) -> Task:
    """Return a record's task.

    Raises:
        LeftOutError: there is none such here, or it is another one than the record's.
    """
    try:
        known = task(record.task)
    except InputError as error:
        raise LeftOutError("its task is unknown here") from error
    if (known.family, known.level) != (record.family, record.level):
        raise LeftOutError("its task is of another family or level than it says")
    own = hashlib.sha256(canonical_json(known.to_json()).encode()).hexdigest()
    if record.task_sha256 not in ("", own):
        raise LeftOutError("its task is of another version")
    return known


def conversation_of(record: EpisodeRecord) -> tuple[Message, ...]:
    """Return a record's conversation up to its last reply, checked.

    Raises:
        LeftOutError: it is none that a chat template takes.
    """
    if record_protocol(record) not in ("text", "tools"):
        raise LeftOutError("it is an outside agent's, whose calls are no chat")
    if not record.transcript:
        raise LeftOutError("it has no transcript")
    if len(record.transcript) > MOST_MESSAGES:
        raise LeftOutError(f"it has more than {MOST_MESSAGES} messages")
    try:
        messages = [Message.of(one) for one in record.transcript]
    except InputError as error:
        raise LeftOutError("its transcript is no conversation") from error
    while messages and messages[-1].role != "assistant":
        messages.pop()
    said = [message.role for message in messages]
    if said[:2] != ["system", "user"] or "system" in said[1:] or "assistant" not in said:
        raise LeftOutError("its transcript is no conversation")
    return tuple(messages)


def judged_again(record: EpisodeRecord, known: Task) -> Circuit:
    """Have the simulator judge a recorded success, and return its device.

    Raises:
        LeftOutError: its device is none, or it does not pass.
    """
    try:
        circuit = Circuit.from_json(record.circuit, known.area_side)
    except InputError as error:
        raise LeftOutError("its device cannot be read") from error
    if not verdict_of(known, circuit).passed:
        raise LeftOutError("its device does not pass here")
    return circuit


def own(
    record: EpisodeRecord,
    interventions: Interventions,
    keep: str = "conversation",
    *,
    distil: bool = False,
    again: bool = False,
) -> Candidate:
    """Return what an episode's success teaches.

    Args:
        record: of a success.
        interventions: of the record, by name.
        keep: one of ``KEEPS``.
        distil: take what interventions said out of the prompt.
        again: play a whole conversation again; it must go as it is recorded.

    Raises:
        LeftOutError: nothing, and why.
    """
    known = task_of(record)
    messages = conversation_of(record)
    device = judged_again(record, known)
    replies = [message for message in messages if message.role == "assistant"]
    on = interventions
    if distil and _helped(record):
        messages, replies = _without(record, on, messages, replies, keep)
        on = {}
    elif again and keep == "conversation":
        played = play(record, on, replies)
        if played.messages != messages or played.device != device.sha256 or not played.passed:
            raise LeftOutError("played again it goes otherwise")
    if keep == "program":
        replies = replies[-1:]
        played = play(record, on, replies)
        if not played.passed:
            raise LeftOutError("its last program does not pass alone")
        messages = (*messages[:2], *replies)
    shown = view(messages[:-1], _scaffold(record), str(record.fork.get("injected", "")))
    taught = readable(chat((*shown, messages[-1])))
    return Candidate(record, "own", taught, tuple(replies), on, device.sha256)


def readable(messages: Sequence[Mapping[str, Any]]) -> Chat:
    """Return messages that can be learnt from.

    Raises:
        LeftOutError: they cannot, and why.
    """
    try:
        fit = checked(messages, "messages")
    except InputError as error:
        raise LeftOutError(f"its messages cannot be used: {error.remedy}") from error
    if not alternates(fit):
        raise LeftOutError("its messages do not go to and fro")
    if marked(fit):
        raise LeftOutError("it holds a mark of a chat template")
    return fit


def _without(
    record: EpisodeRecord,
    on: Interventions,
    messages: tuple[Message, ...],
    replies: list[Message],
    keep: str,
) -> tuple[tuple[Message, ...], list[Message]]:
    """Return a conversation and its replies as they go without interventions."""
    led = play(record, on, replies)
    if led.messages[:2] != messages[:2]:
        raise LeftOutError("its prompt is not the one that this version writes")
    alone = [reply for reply, helped in zip(replies, led.helped, strict=True) if not helped]
    if not alone or alone[-1] is not replies[-1]:
        raise LeftOutError("its last program uses an intervention's function")
    alone = alone[-1:] if keep == "program" else alone
    plain = play(record, {}, alone)
    if not plain.passed:
        raise LeftOutError("it does not pass without the interventions")
    unrepeated(plain.messages, led.said)
    return plain.messages, alone


def unrepeated(messages: Sequence[Message], said: Sequence[str]) -> None:
    """Refuse a conversation in which a line stands that an intervention said elsewhere.

    Raises:
        LeftOutError: one does.
    """
    prompt = "\n".join(message.content for message in messages[:2])
    lines = {line.lstrip("-0123456789. ").strip() for text in said for line in text.splitlines()}
    lines = {line for line in lines if len(line) >= QUOTED and line not in prompt}
    told = "\n".join(
        text
        for message in messages[2:]
        for text in (message.content, *(call.code or "" for call in message.tool_calls))
    )
    if any(line in told for line in lines):
        raise LeftOutError("its replies repeat what an intervention said")


def last_program(record: EpisodeRecord, messages: Sequence[Message]) -> Message:
    """Return the last reply, where it has a program.

    Raises:
        LeftOutError: it has none.
    """
    last = messages[-1]
    if not asked(last, record_protocol(record)).code:
        raise LeftOutError("its last reply has no program")
    return last


def _helped(record: EpisodeRecord) -> bool:
    """Whether an intervention is on in an episode."""
    return any(
        dose != "0" and name != ENV for name, dose in zip(record.factors, record.cell, strict=True)
    )


def _scaffold(record: EpisodeRecord) -> Scaffold:
    try:
        return Scaffold(**record.config.get("scaffold", {}))
    except (InputError, TypeError) as error:
        raise LeftOutError("its configuration is of another version") from error


def with_reply(candidate: Candidate, reply: Message, corrupted: str) -> Candidate:
    """Return a candidate with another last reply.

    Raises:
        LeftOutError: the reply cannot be learnt from.
    """
    messages = readable([*candidate.messages[:-1], *chat([reply])])
    replies = (*candidate.replies[:-1], reply)
    return replace(candidate, messages=messages, replies=replies, corrupted=corrupted)
