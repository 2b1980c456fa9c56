"""The words for the things of this world, and a translation of them that can be undone.

A block is spoken of by its name (``redstone_lamp``), its noun (``redstone lamp``) or a short noun
(``lamp``), each also in the plural. A text of the host is translated as a whole; what it repeats of
a subject's own words stands between marks (``quoted``) and stays as it was, or an error message
would tell a subject what a word it tried means.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: no text of ours holds them
_QUOTED = re.compile(f"({_OPEN}[^{_CLOSE}]*{_CLOSE})")
_SPLIT = str.maketrans("", "", _OPEN + _CLOSE)
REDSTONE = "redstone"
UNHEARD = "nosuchthing"  # what a word of another world is heard as; no question is about it

NOUNS: Mapping[str, tuple[str, str]] = {
    "stone": ("stone", "stone"),
    "glass": ("glass", "glass"),
    "redstone_wire": ("redstone dust", "dust"),
    "repeater": ("repeater", "repeater"),
    "comparator": ("comparator", "comparator"),
    "redstone_torch": ("redstone torch", "torch"),
    "redstone_wall_torch": ("redstone wall torch", "wall torch"),
    "redstone_block": ("redstone block", "redstone block"),
    "observer": ("observer", "observer"),
    "target": ("target", "target"),
    "stone_button": ("stone button", "button"),
    "redstone_lamp": ("redstone lamp", "lamp"),
}
# Words for properties, by the forms in which texts of the host use them: what comes before the
# word, the word, and what follows it. "Compare a lamp with ..." is no comparator's mode.
PROPERTY_WORDS: tuple[tuple[str, str, str], ...] = (
    ("", "delay", r"(?= settings?\b|=)"),
    ("at ", "delay", r"(?= \d)"),
    (r"\+ ", "delay", ""),
    ("", "mode", ""),
    ("", "subtract", ""),
    ("", "compare", r"(?= mode\b)"),
    ("mode=", "compare", ""),
)


def quoted(text: str) -> str:
    """Mark a subject's own words inside a text of the host: they are not translated."""
    return f"{_OPEN}{text.translate(_SPLIT)}{_CLOSE}"


def unmarked(text: str) -> str:
    """Return a text without the marks of ``quoted``."""
    return text.translate(_SPLIT)


def plural(noun: str) -> str:
    """Return the plural of one of our nouns."""
    return noun + ("es" if noun.endswith(("ch", "ss")) else "s")


@dataclass(frozen=True)
class Terms:
    """How the things are called: block name -> (name, noun, short noun); and other words.

    ``words`` maps ``redstone`` and the words of ``PROPERTY_WORDS`` to what stands in their place;
    a word that is missing stays.
    """

    names: Mapping[str, tuple[str, str, str]]
    words: Mapping[str, str]

    def tell(self, text: str) -> str:
        """Return a text of the host in these terms; quotations lose their marks only."""
        parts = _QUOTED.split(text)
        told = [
            unmarked(part) if part.startswith(_OPEN) else self._told(unmarked(part))
            for part in parts
        ]
        return "".join(told)

    def hear(self, text: str) -> str:
        """Return a text in these terms in plain ones, by short nouns.

        ``hear(tell(text)) == plain(text)``. A plain word that is no term here is ``UNHEARD``.
        """
        pattern, table = self._hearing
        return pattern.sub(lambda found: _worded(found, table[found["term"].lower()]), text)

    def _told(self, text: str) -> str:
        pattern, table = self._telling

        def told(found: re.Match[str]) -> str:
            word, (start, end) = found["term"], found.span("term")
            in_code = text[max(start - 1, 0) : start] in ("'", '"') or text[end : end + 1] == "["
            if in_code and word in self.names:
                return _worded(found, self.names[word][0])
            return _worded(found, table[word.lower()])

        return pattern.sub(told, text)

    @cached_property
    def _telling(self) -> tuple[re.Pattern[str], Mapping[str, str]]:
        table: dict[str, str] = {}
        for block, (name, noun, short) in self.names.items():
            own_noun, own_short = NOUNS[block]
            table |= {own_short: short, plural(own_short): plural(short)}
            table |= {own_noun: noun, plural(own_noun): plural(noun)}
            if "_" in block:
                table[block] = name
        table[REDSTONE] = self.words.get(REDSTONE, REDSTONE)
        forms = [_whole(form) for form in _longest_first(table)]
        for before, word, after in PROPERTY_WORDS:
            if word in self.words:
                behind = f"(?<={before})" if before else r"(?<![A-Za-z_])"
                forms.append(f"{behind}{word}s?(?![A-Za-z_]){after}")
                table |= {word: self.words[word], word + "s": plural(self.words[word])}
        return _compiled(forms), table

    @cached_property
    def _hearing(self) -> tuple[re.Pattern[str], Mapping[str, str]]:
        unheard = [form for block, nouns in NOUNS.items() for form in (block, *nouns)]
        table = dict.fromkeys((*unheard, *map(plural, unheard), REDSTONE), UNHEARD)
        table |= {said: word for word, said in self.words.items()}
        table |= {plural(said): plural(word) for word, said in self.words.items()}
        for block, (name, noun, short) in self.names.items():
            own = NOUNS[block][1]
            table |= {name: own, noun: own, short: own}
            table |= {plural(noun): plural(own), plural(short): plural(own)}
        if REDSTONE not in self.words:
            table[REDSTONE] = REDSTONE
        return _compiled(map(_whole, _longest_first(table))), table


PLAIN = Terms({block: (block, *nouns) for block, nouns in NOUNS.items()}, {})


def plain(text: str) -> str:
    """Return a text of ours with every thing called by its short noun, as ``hear`` gives it."""
    return PLAIN.hear(unmarked(text))


def _longest_first(forms: Mapping[str, str]) -> list[str]:
    return sorted(forms, key=len, reverse=True)


def _whole(form: str) -> str:
    return rf"(?<![A-Za-z_]){re.escape(form)}(?![A-Za-z_])"


def _compiled(forms: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of any of the forms, with the article before it if there is one."""
    any_of = "|".join(forms)
    return re.compile(rf"(?:(?<![A-Za-z_])(?P<article>an?) )?(?P<term>{any_of})", re.IGNORECASE)


def _worded(found: re.Match[str], wanted: str) -> str:
    """Return the word in place of the one found, with its capital and its article."""
    word = wanted[:1].upper() + wanted[1:] if found["term"][0].isupper() else wanted
    if not found["article"]:
        return word
    return f"{found['article'][0]}{'n' if wanted[0] in 'aeiou' else ''} {word}"
