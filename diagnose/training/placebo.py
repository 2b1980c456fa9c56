"""Shams of a treatment: the same examples and as many steps, with nothing in them to be learnt.

Of examples the replies are permuted: each stands under another's prompt, none is lost and none is
given twice. What is left to learn is how replies look and how often each is given, not which
belongs to which prompt. Of preferences every second pair is turned round, so that in an even number
of pairs neither answer is preferred.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from diagnose.errors import InputError
from diagnose.seeds import stream
from diagnose.training.dataset import Example, Pair
from diagnose.training.messages import Chat

Slot = tuple[int, int]  # which example, which of its messages


def permuted(examples: Sequence[Example], seed: int) -> list[Example]:
    """Return the examples with each reply in the place of another, in their order.

    Replies that call functions change places with those that make as many calls, so that the
    answers to calls still follow calls.

    Args:
        examples: that are trained on.
        seed: of the draws.

    Raises:
        InputError: a reply has no other to change places with, or all say the same.
    """
    slots: dict[int, list[Slot]] = {}
    for n, one in enumerate(examples):
        for at, calls in _replies(one.messages):
            slots.setdefault(calls, []).append((n, at))
    alone = sum(len(own) for own in slots.values() if len(own) < 2)
    if alone:
        told = f"{alone} of {sum(map(len, slots.values()))} replies with no other to change with"
        remedy = "give more examples, or replies of one kind: diagnose collect --keep program"
        raise InputError("placebo", told, remedy)
    chats = [list(one.messages) for one in examples]
    moved = False
    for calls, own in sorted(slots.items()):
        order = [int(n) for n in stream("train", seed, "placebo", calls).permutation(len(own))]
        # One cycle through all of them: no reply stays where it was.
        for here, there in zip(order, order[1:] + order[:1], strict=True):
            (n, at), (m, place) = own[here], own[there]
            taken = examples[m].messages[place]
            moved |= taken["content"] != examples[n].messages[at]["content"] or bool(calls)
            chats[n][at] = _in_place(taken, examples[n].messages[at])
    if not moved:
        remedy = "with every reply the same there is no sham of them; give placebo=untrained"
        raise InputError("placebo", "replies that all say the same", remedy)
    return [replace(one, messages=tuple(c)) for one, c in zip(examples, chats, strict=True)]


def _replies(messages: Chat) -> Iterator[tuple[int, int]]:
    """Yield where an example's replies are, and how many calls each makes."""
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            yield at, len(message.get("tool_calls", ()))


def _in_place(taken: Mapping[str, Any], of: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a reply in another's place: its calls bear that one's ids."""
    if not taken.get("tool_calls"):
        return taken
    both = zip(taken["tool_calls"], of["tool_calls"], strict=True)
    return {**taken, "tool_calls": [{**call, "id": other["id"]} for call, other in both]}


def turned(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs with every second one the wrong way round, in their order.

    Raises:
        InputError: one pair alone has no second.
    """
    if len(pairs) < 2:
        raise InputError("placebo", f"{len(pairs)} pairs", "give two or more")
    return [
        replace(one, chosen=one.rejected, rejected=one.chosen) if n % 2 else one
        for n, one in enumerate(pairs)
    ]
