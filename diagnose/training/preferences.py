"""Preference pairs: one prompt, a program of the subject's own that passes and one that fails.

Both are last replies of episodes with the same prompt, in the same split, played alone on an empty
area: the chosen one passes there and the rejected one fails. Each program is in one pair at most.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from diagnose.records import EpisodeRecord
from diagnose.seeds import uniform
from diagnose.training.dataset import Pair, Split
from diagnose.training.messages import key_of
from diagnose.training.playing import Interventions, LeftOutError, chat, play
from diagnose.training.transcripts import (
    Candidate,
    conversation_of,
    last_program,
    readable,
    task_of,
    unrepeated,
)


@dataclass
class _Group:
    """The programs that answer one prompt, by what they say."""

    passed: dict[str, Candidate] = field(default_factory=dict)
    failed: dict[str, Candidate] = field(default_factory=dict)


def alone(record: EpisodeRecord, interventions: Interventions, distil: bool) -> Candidate:
    """Return an episode's last program as the one answer to its first message, judged so.

    Raises:
        LeftOutError: there is none, or played alone it ends otherwise than the episode did.
    """
    task_of(record)
    messages = conversation_of(record)
    reply = last_program(record, messages)
    on = {} if distil else interventions
    played = play(record, on, [reply])
    if played.passed is not record.success:
        raise LeftOutError("its last program alone ends otherwise than it did")
    if distil:
        replies = [message for message in messages if message.role == "assistant"]
        unrepeated(played.messages, play(record, interventions, replies).said)
    return Candidate(record, "own", readable(chat(played.messages)), (reply,), on, played.device)


def paired(candidates: Iterable[Candidate], per_task: int, seed: int) -> list[Pair]:
    """Return the pairs that can be made, in canonical order.

    Args:
        candidates: of ``alone``, each with its split.
        per_task: pairs of one task in one split; 0 = no limit.
        seed: which are paired with which, and which are kept.
    """
    groups: dict[tuple[str, str, Split], _Group] = {}
    for one in sorted(candidates, key=lambda one: one.place):
        place = (one.record.task, key_of(one.messages[:2]), one.split)
        group = groups.setdefault(place, _Group())
        programs = group.passed if one.record.success else group.failed
        programs.setdefault(key_of(one.messages[2:]), one)
    counts: dict[tuple[str, Split], int] = {}
    pairs = []
    for (task, _, split), group in groups.items():
        for chosen, rejected in zip(
            _drawn(group.passed, seed), _drawn(group.failed, seed), strict=False
        ):
            counts[task, split] = counts.get((task, split), 0) + 1
            if per_task and counts[task, split] > per_task:
                break
            pairs.append(_pair(chosen, rejected))
    return pairs


def _drawn(programs: Mapping[str, Candidate], seed: int) -> list[Candidate]:
    return sorted(programs.values(), key=lambda one: (uniform(seed, "pair", one.key), one.place))


def _pair(chosen: Candidate, rejected: Candidate) -> Pair:
    source = replace(chosen.source, rejected_episode_id=rejected.record.episode_id)
    return Pair(
        chosen.messages[:2], chosen.messages[2:], rejected.messages[2:], chosen.split, source
    )
