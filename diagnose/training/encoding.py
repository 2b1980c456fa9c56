"""Conversations as tokens, with what the assistant says as the targets.

A chat template that marks what the assistant says (``{% generation %}``) is taken at its word. For
another one, each of the assistant's messages is a completion of what stands before it: the
conversation so far, with the template's opening of an answer, is its prompt. That needs a template
whose text for the first messages does not change with those that follow; another is refused.
A tokeniser without any template gets a plain one if asked to (``template=plain``): it is saved with
the checkpoint, so that the treated model is asked in the form it was taught.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.errors import ConfigError, InputError
from diagnose.templates import lay_out

IGNORE_INDEX = -100  # of a label that is no target
_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")
Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Encoded:
    """A conversation's tokens, and its labels: the token where it is a target, else ignored."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def targets(self) -> int:
        """Return how many tokens are learnt: the first one of a sequence is never predicted."""
        return sum(label != IGNORE_INDEX for label in self.labels[1:])


def with_template(tokenizer: Any, template: str) -> None:
    """Give a tokeniser the chat template that a setting names.

    Args:
        tokenizer: of transformers; its padding token is set too where it has none.
        template: ``own``, ``plain``, or a file of Jinja.

    Raises:
        ConfigError: the tokeniser has none of its own, or the file cannot be read.
    """
    lay_out(tokenizer, "template", template)
    if tokenizer.eos_token is None:
        raise ConfigError("base", tokenizer.name_or_path, "its tokeniser has no end-of-text token")
    if tokenizer.pad_token is None:  # masked and ignored wherever it stands
        tokenizer.pad_token = tokenizer.eos_token


def encode(tokenizer: Any, messages: Messages, tools: Sequence[Any] = ()) -> Encoded:
    """Return a conversation's tokens and labels.

    Args:
        tokenizer: of transformers, with a chat template.
        messages: in the chat format; what the assistant says is the target.
        tools: that the template may announce.

    Raises:
        InputError: the template cannot take the conversation, or nothing of it is a target.
    """
    given = {"tools": list(tools) or None, "tokenize": False}
    chat = [dict(message) for message in messages]
    try:
        if _MARKED.search(tokenizer.chat_template):
            made = _marked(tokenizer, chat, given)
        else:
            made = _by_prefix(tokenizer, chat, given)
    except InputError:
        raise
    except Exception as error:  # a template is a program: it may raise anything
        remedy = f"the chat template refuses it: {error}"
        raise InputError("messages", [one["role"] for one in chat], remedy) from error
    if not made.targets:
        remedy = "the template leaves nothing that the assistant says; give another template"
        raise InputError("messages", [one["role"] for one in chat], remedy)
    return made


def _marked(tokenizer: Any, chat: list[dict[str, Any]], given: dict[str, Any]) -> Encoded:
    told = {**given, "tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}
    found = tokenizer.apply_chat_template(chat, **told)
    ids, mask = found["input_ids"], found["assistant_masks"]
    labels = (one if said else IGNORE_INDEX for one, said in zip(ids, mask, strict=True))
    return Encoded(tuple(ids), tuple(labels))


def _by_prefix(tokenizer: Any, chat: list[dict[str, Any]], given: dict[str, Any]) -> Encoded:
    whole = tokenizer.apply_chat_template(chat, **given)
    ids = _tokens(tokenizer, whole)
    labels = [IGNORE_INDEX] * len(ids)
    for n, message in enumerate(chat):
        if message["role"] != "assistant":
            continue
        prompt = tokenizer.apply_chat_template(chat[:n], add_generation_prompt=True, **given)
        said = tokenizer.apply_chat_template(chat[: n + 1], **given)
        if not (said.startswith(prompt) and whole.startswith(said)):
            remedy = "the chat template rewrites earlier messages; give one with generation tags"
            raise InputError("template", message["role"], remedy)
        first = _shared(_tokens(tokenizer, prompt), ids)
        last = _shared(_tokens(tokenizer, said), ids)
        labels[first:last] = ids[first:last]
    return Encoded(tuple(ids), tuple(labels))


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _shared(first: list[int], second: list[int]) -> int:
    """Return how many tokens two sequences begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(first), len(second)))


def fitted(encoded: Iterable[Encoded], most: int, overlong: str, where: str) -> list[Encoded]:
    """Return the conversations that a context of ``most`` tokens holds: see ``places_fitted``."""
    return list(places_fitted(encoded, most, overlong, where).values())


def places_fitted(
    encoded: Iterable[Encoded], most: int, overlong: str, where: str
) -> dict[int, Encoded]:
    """Return the conversations that a context of ``most`` tokens holds, by their places.

    Args:
        encoded: all of them.
        most: tokens.
        overlong: ``refuse`` any that is longer, ``drop`` it, or ``truncate`` it at its end.
        where: for the error.

    Raises:
        InputError: some are longer and are to be refused, or nothing is left.
    """
    every = list(encoded)
    long = [one for one in every if len(one.input_ids) > most]
    if long and overlong == "refuse":
        longest = max(len(one.input_ids) for one in long)
        told = f"{len(long)} of {len(every)} longer than {most} tokens, the longest {longest}"
        raise InputError(where, told, "give overlong=drop or truncate, or another max_tokens")
    cut = {
        n: Encoded(one.input_ids[:most], one.labels[:most])
        for n, one in enumerate(every)
        if len(one.input_ids) <= most or overlong == "truncate"
    }
    left = {n: one for n, one in cut.items() if one.targets}
    if every and not left:
        raise InputError(where, f"all longer than {most} tokens", "give shorter ones")
    return left
