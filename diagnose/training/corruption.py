"""Controlled noise: a share of the demonstrations is spoilt, in a way that the simulator confirms.

Of an example the last reply is spoilt, the one that passed. A kind says how; the replies are then
played, and only what no longer passes counts. Which examples are spoilt follows from the seed: a
larger share spoils those of a smaller one and others, and every kind tries them in one order.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from diagnose.env.terms import Terms
from diagnose.env.variant import variant
from diagnose.errors import InputError
from diagnose.models import Message, ToolCall
from diagnose.records import canonical_json
from diagnose.seeds import stream, uniform
from diagnose.subjects.fences import fenced
from diagnose.training.playing import LeftOutError, play
from diagnose.training.transcripts import Candidate, with_reply

TRIES = 12  # of one kind on one example
MIXED = "mixed"  # every example draws its kind
SHUFFLED = "shuffled"
LONGEST_RT = 4
Rng = np.random.Generator
Edit = Callable[[str, Terms, Rng], str | None]  # of a program; None where there is nothing to spoil
_TRIPLE = re.compile(r"(?<=[(\[])\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)")
_CALLS = {"build": "construct", "place": "set_block", "fill": "fill_box"}


def wrong_delay(code: str, terms: Terms, rng: Rng) -> str | None:
    """Give one setting of a repeater another delay."""
    name, word = re.escape(terms.names["repeater"][0]), terms.words.get("delay", "delay")
    found = list(re.finditer(rf"(?<![\w]){name}(?:\[([^\]\n]*)\])?", code))
    if not found:
        return None
    one = found[int(rng.integers(len(found)))]
    settings = dict(part.partition("=")[::2] for part in (one[1] or "").split(",") if part)
    now = settings.get(word, "1")
    others = [str(delay) for delay in range(1, LONGEST_RT + 1) if str(delay) != now]
    settings[word] = others[int(rng.integers(len(others)))]
    told = ",".join(f"{key}={value}" for key, value in settings.items())
    return f"{code[: one.start()]}{terms.names['repeater'][0]}[{told}]{code[one.end() :]}"


def missing_repeater(code: str, terms: Terms, rng: Rng) -> str | None:
    """Put dust where repeaters of one setting should be."""
    name, dust = re.escape(terms.names["repeater"][0]), terms.names["redstone_wire"][0]
    found = list(re.finditer(rf"(?<![\w]){name}(?:\[[^\]\n]*\])?", code))
    if not found:
        return None
    one = found[int(rng.integers(len(found)))]
    return f"{code[: one.start()]}{dust}{code[one.end() :]}"


def wrong_coordinate(code: str, terms: Terms, rng: Rng) -> str | None:
    """Move one cell by one along one axis."""
    del terms
    found = list(_TRIPLE.finditer(code))
    if not found:
        return None
    one = found[int(rng.integers(len(found)))]
    cell = [int(part) for part in one.groups()]
    cell[int(rng.integers(3))] += int(rng.choice((-1, 1)))
    return f"{code[: one.start()]}{', '.join(map(str, cell))}{code[one.end() :]}"


def wrong_api(code: str, terms: Terms, rng: Rng) -> str | None:
    """Call a function that builds by a name that it does not have."""
    del terms
    used = [name for name in _CALLS if re.search(rf"\b{name}\(", code)]
    if not used:
        return None
    name = used[int(rng.integers(len(used)))]
    return re.sub(rf"\b{name}\(", f"{_CALLS[name]}(", code)


EDITS: Mapping[str, Edit] = {
    one.__name__: one for one in (wrong_delay, missing_repeater, wrong_coordinate, wrong_api)
}
CORRUPTIONS = (*EDITS, SHUFFLED, MIXED)


def corrupted(
    candidates: Sequence[Candidate], share: float, kind: str, seed: int
) -> list[Candidate]:
    """Return the candidates with exactly ``share`` of them spoilt, in their order.

    Args:
        candidates: to be trained on.
        share: 0 to 1; of n examples ``share * n`` are spoilt, to the nearest whole.
        kind: one of ``CORRUPTIONS``.
        seed: of the draws.

    Raises:
        InputError: no such share or kind, or too few examples can be spoilt so.
    """
    if kind not in CORRUPTIONS:
        raise InputError("corruption", kind, f"choose one of {', '.join(CORRUPTIONS)}")
    if not 0 <= share <= 1:
        raise InputError("corrupt", share, "give a share from 0 to 1")
    wanted = int(share * len(candidates) + 0.5)
    order = sorted(candidates, key=lambda one: (uniform(seed, "corrupt", one.key), one.place))
    spoilt: dict[str, Candidate] = {}
    for one in order:
        if len(spoilt) == wanted:
            break
        if found := _spoilt(one, kind, candidates, seed):
            spoilt[one.key] = found
    if len(spoilt) < wanted:
        remedy = f"{len(spoilt)} of {len(candidates)} examples can be spoilt by {kind}"
        raise InputError("corrupt", share, f"{remedy}; give a smaller share or another kind")
    return [spoilt.get(one.key, one) for one in candidates]


def _spoilt(
    candidate: Candidate, kind: str, candidates: Sequence[Candidate], seed: int
) -> Candidate | None:
    """Return a candidate spoilt so that it fails; None where that does not succeed."""
    kinds = [kind]
    if kind == MIXED:
        kinds = [*EDITS, SHUFFLED]
        order = stream(seed, "corrupt", candidate.key, MIXED).permutation(len(kinds))
        kinds = [kinds[int(place)] for place in order]
    for one in kinds:
        for number in range(TRIES):
            rng = stream(seed, "corrupt", candidate.key, one, number)
            reply = _reply(candidate, one, candidates, rng)
            if reply is None:
                break
            if found := _failing(candidate, reply, one):
                return found
    return None


def _reply(
    candidate: Candidate, kind: str, candidates: Sequence[Candidate], rng: Rng
) -> Message | None:
    last = candidate.replies[-1]
    if kind == SHUFFLED:
        others = [one for one in candidates if one.record.task != candidate.record.task]
        other = others[int(rng.integers(len(others)))].replies[-1] if others else None
        return _answering(other, last) if other else None
    record = candidate.record
    terms = variant(record.variant, record.study_seed).terms
    return _edited(last, lambda code: EDITS[kind](code, terms, rng), rng)


def _answering(other: Message, last: Message) -> Message:
    """Return another episode's reply in the place of one: its calls bear that one's ids."""
    ids = [call.id for call in last.tool_calls]
    calls = (replace(call, id=own) for call, own in zip(other.tool_calls, ids, strict=False))
    return Message("assistant", other.content, tuple(calls))


def _edited(message: Message, edit: Callable[[str], str | None], rng: Rng) -> Message | None:
    """Return a message with one of its programs edited."""
    if message.tool_calls:
        number = int(rng.integers(len(message.tool_calls)))
        call = message.tool_calls[number]
        code = edit(call.code or "")
        if code is None:
            return None
        calls = list(message.tool_calls)
        calls[number] = ToolCall(call.id, call.name, canonical_json({"code": code}))
        return replace(message, tool_calls=tuple(calls))
    blocks = [code for _, code in fenced(message.content) if code.strip()]
    blocks = [code for code in blocks if message.content.count(code) == 1]
    if not blocks:
        return None
    block = blocks[int(rng.integers(len(blocks)))]
    code = edit(block)
    return None if code is None else replace(message, content=message.content.replace(block, code))


def _failing(candidate: Candidate, reply: Message, kind: str) -> Candidate | None:
    """Return a candidate with another last reply, if the simulator says that it fails."""
    try:
        found = with_reply(candidate, reply, kind)
        played = play(candidate.record, candidate.interventions, found.replies)
    except LeftOutError:
        return None
    return None if played.passed or found.messages == candidate.messages else found
