"""Forks of recorded episodes: a turn is chosen, and the episode's state there is restored.

A record keeps what was said, not where the world stood on the way. That follows from the programs,
which are in the transcript: they are run again up to the turn, and every observation on the way
must be the recorded one to the letter, or there is no fork.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.errors import ConfigError, DiagnoseError
from diagnose.intervention import Intervention
from diagnose.models import Message
from diagnose.records import EpisodeRecord
from diagnose.replay import staged
from diagnose.subjects.fork import Fork
from diagnose.subjects.protocol import answers, asked
from diagnose.subjects.snapshot import Snapshot
from diagnose.subjects.stage import Stage

FIRST_FAILED_VERIFY = "first_failed_verify"
LAST_TURN = "last_turn"
RULES = (FIRST_FAILED_VERIFY, LAST_TURN)


class NoForkError(DiagnoseError):
    """An episode has no such turn, or cannot be restored. ``cause`` is a short stable word."""

    def __init__(self, cause: str, detail: str = "") -> None:
        self.cause = cause
        super().__init__(f"{cause}: {detail}" if detail else cause)


def checked_rule(at: object) -> str:
    """Return how turns are chosen, as text.

    Raises:
        ConfigError: it is none of ``RULES`` and no number of replies.
    """
    if at in RULES or (type(at) is int and at >= 0):
        return str(at)
    remedy = f"choose {' or '.join(RULES)}, or give a number of replies: 0 is the very start"
    raise ConfigError("fork.at", at, remedy)


def fork_of(
    record: EpisodeRecord, at: str, interventions: Mapping[str, Intervention] | None = None
) -> Fork:
    """Return the fork of a recorded episode.

    ``first_failed_verify`` is where the subject has just read its first failed verdict: before its
    next reply. Where there is none, because the very program that failed also ended the episode, it
    is before the reply with that program. ``last_turn`` is before the last reply, and a number
    before the reply of that number, from 0.

    Args:
        record: of an observed episode.
        at: one of ``RULES``, or a number of replies.
        interventions: those that were on in it, by name.

    Raises:
        NoForkError: there is no such turn, or the transcript does not play again to the letter.
    """
    places = [
        number
        for number, message in enumerate(record.transcript)
        if message.get("role") == "assistant"
    ]
    wanted = {FIRST_FAILED_VERIFY: len(places), LAST_TURN: len(places) - 1}
    turn = wanted[at] if at in wanted else int(at)
    if not places or (at not in wanted and turn >= len(places)):
        raise NoForkError("too_short", f"it has {len(places)} replies")
    try:
        stage, _ = staged(record, interventions or {})
        with stage:
            return _played(record, stage, places, turn, at)
    except NoForkError:
        raise
    except (DiagnoseError, TypeError, KeyError) as error:  # of another version
        raise NoForkError("not_replayed", str(error)) from error


def _played(record: EpisodeRecord, stage: Stage, places: Sequence[int], turn: int, at: str) -> Fork:
    """Play the programs up to ``turn``, or to the first failed verdict before it."""
    opening = [message.to_json() for message in stage.opening]
    if opening != _told(record, 0, places[0]):
        raise NoForkError("not_replayed", "its prompts are another version's")
    for number in range(turn):
        if stage.over():
            raise NoForkError("not_replayed", "it ends before the transcript does")
        snapshot = stage.snapshot() if at == FIRST_FAILED_VERIFY else None
        _play(record, stage, places, number)
        if snapshot is not None and _failed(stage, number):
            goes_on = number + 1 < len(places)
            if goes_on:
                return _fork(record, at, number + 1, stage.snapshot(), places[number + 1])
            return _fork(record, at, number, snapshot, places[number])
    if at == FIRST_FAILED_VERIFY:
        raise NoForkError("no_failed_verify", "no verdict was asked for")
    return _fork(record, at, turn, stage.snapshot(), places[turn])


def _play(record: EpisodeRecord, stage: Stage, places: Sequence[int], number: int) -> None:
    """Run the program of a reply, and check that it is answered as it was."""
    reply = Message.of(record.transcript[places[number]])
    request = asked(reply, _protocol(record))
    shown = stage.run(request.code)
    end = places[number + 1] if number + 1 < len(places) else len(record.transcript)
    said = [] if shown is None else [one.to_json() for one in answers(request, shown)]
    if said != _told(record, places[number] + 1, end):
        raise NoForkError("not_replayed", f"message {number + 1} is answered otherwise")


def _told(record: EpisodeRecord, start: int, end: int) -> list[Mapping[str, Any]]:
    return [dict(message) for message in record.transcript[start:end]]


def _protocol(record: EpisodeRecord) -> str:
    scaffold = record.config.get("scaffold")
    return str(scaffold.get("protocol", "text")) if isinstance(scaffold, Mapping) else "text"


def _failed(stage: Stage, turn: int) -> bool:
    """Whether a verdict failed in a turn: one that passes ends the episode."""
    judged = [call for call in stage.host.calls if call.name == "verify" and call.turn == turn]
    return any(call.ok for call in judged) and stage.host.passed is None


def _fork(record: EpisodeRecord, at: str, turn: int, snapshot: Snapshot, end: int) -> Fork:
    calls = (call for call in record.calls if call["agent"] == "subject" and call["number"] < turn)
    return Fork(
        record.episode_id,
        record.study,
        at,
        turn,
        snapshot,
        tuple(record.transcript[:end]),
        tuple(calls),
    )
