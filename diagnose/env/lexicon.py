"""The words of questions about redstone, gathered into concepts.

A concept stands for every way of saying it, so that a question in other words has the same
features. Words, and words joined by ``_``, stand in ``data/concepts.txt``; words that say nothing
of a world in ``data/neutral.txt``; words of other worlds in ``data/foreign.txt``.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

_DATA = Path(__file__).with_name("data")
_LONGEST_ENTRY = 5  # words
_ENDINGS = ("ations", "ation", "ings", "ing", "edly", "ed", "ies", "es", "ly", "s", "e")


def words(text: str) -> list[str]:
    """Return the words of a text, lower case."""
    return re.findall(r"[a-z]+", text.lower())


def table(name: str) -> Mapping[str, str]:
    """Return the rows ``key: text`` of a data file; an indented line goes on with its row."""
    rows: dict[str, str] = {}
    key = ""
    for row in _rows(name):
        if row.startswith(" "):
            rows[key] += " " + row.strip()
        else:
            key, _, text = row.partition(":")
            rows[key] = text.strip()
    return rows


def concepts_in(asked: Sequence[str]) -> set[str]:
    """Return the concepts that some words, in their order, stand for."""
    found = {concept for word in asked for concept in _concepts_of(word)}
    for phrase in _phrases(asked, _starts()):
        found.update(_concepts_of(phrase))
    return found


def is_known(word: str) -> bool:
    """Return whether a word is one of this world's, or of none."""
    return _known(word)


def is_foreign(asked: Sequence[str]) -> bool:
    """Return whether a word, or words in a row, belong to another world."""
    whole, begun, starts = _foreign()
    if any(word in whole or word.startswith(begun) for word in asked):
        return True
    return any(phrase in whole for phrase in _phrases(asked, starts))


def _rows(name: str) -> list[str]:
    lines = (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _phrases(asked: Sequence[str], starts: Collection[str]) -> Iterator[str]:
    """Yield the runs of words, joined, that may be an entry: its first word is in ``starts``."""
    for first, word in enumerate(asked):
        if word in starts:
            for end in range(first + 2, min(first + _LONGEST_ENTRY, len(asked)) + 1):
                yield "_".join(asked[first:end])


def _firsts(entries: Collection[str]) -> frozenset[str]:
    return frozenset(entry.partition("_")[0] for entry in entries if "_" in entry)


@cache
def _entries() -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
    """Return the concepts by whole entry and by the beginning of one."""
    exact: dict[str, tuple[str, ...]] = {}
    begun: dict[str, tuple[str, ...]] = {}
    for concept, entries in table("concepts").items():
        for entry in entries.split():
            rows, key = (begun, entry[:-1]) if entry.endswith("*") else (exact, entry)
            rows[key] = (*rows.get(key, ()), concept)
    return exact, begun


@cache
def _starts() -> frozenset[str]:
    return frozenset().union(*map(_firsts, _entries()))


@lru_cache(maxsize=8192)
def _concepts_of(entry: str) -> tuple[str, ...]:
    exact, begun = _entries()
    found = list(exact.get(entry, ()))
    for size in range(2, len(entry) + 1):
        found += begun.get(entry[:size], ())
    return tuple(found)


@lru_cache(maxsize=8192)
def _known(word: str) -> bool:
    return bool(_concepts_of(word)) or _stem(word) in _neutral()


@cache
def _neutral() -> frozenset[str]:
    return frozenset(_stem(word) for row in _rows("neutral") for word in row.split())


@cache
def _foreign() -> tuple[frozenset[str], tuple[str, ...], frozenset[str]]:
    """Return whole entries, beginnings of words, and the first words of entries of several."""
    entries = frozenset(entry for row in _rows("foreign") for entry in row.split())
    begun = frozenset(entry for entry in entries if entry.endswith("*"))
    return entries - begun, tuple(entry[:-1] for entry in begun), _firsts(entries)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
