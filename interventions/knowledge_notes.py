"""Knowledge notes: what was found is entered in a fixed form and shown again before every turn.

Capacity: consolidation. Injected: the host function ``note``, and from then on the knowledge book
in every observation. The book holds only what this episode's subject entered; with
``keeper: editor`` tidied, with nothing added. Doses: dose d shows the last ``entries[d - 1]``
entries (0 = all); 9 is the sham, whose book shows as many words about other things. Used: an entry
was shown before blocks were placed. In a curriculum the book of one level opens the next.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.env.terms import quoted
from diagnose.errors import ConfigError, SubjectError
from diagnose.intervention import SHAM, Evidence, HostFunction, Setting, checked_dose
from diagnose.phrasing import pick, sham_clauses, tokens

OPENINGS = (
    (
        "Keep a knowledge book: enter each thing you find out with note(). The "
        "book is shown to you again after every message."
    ),
    (
        "Use note() to enter each finding into a knowledge book, which you "
        "will be shown again after every message."
    ),
    (
        "There is a knowledge book for what you find out: note() enters a finding, and after every "
        "message you see the book again."
    ),
)
Enter = Callable[[Sequence[object]], str]


def _claim_note(enter: Enter) -> HostFunction:
    def note(claim: object, proof: object, constraints: object, example: object) -> str:
        return enter((claim, proof, constraints, example))

    return note


def _finding_note(enter: Enter) -> HostFunction:
    def note(finding: object, explanation: object, example: object) -> str:
        return enter((finding, explanation, example))

    return note


def _free_note(enter: Enter) -> HostFunction:
    def note(text: object) -> str:
        return enter((text,))

    return note


@dataclass(frozen=True)
class Format:
    """A form of entries: its sections with what each is for, and ``note`` with those parameters."""

    sections: Mapping[str, str]
    taking: Callable[[Enter], HostFunction]


FORMATS: Mapping[str, Format] = {
    "claim_proof_constraints_example": Format(
        {
            "claim": "the law as a general statement",
            "proof": "the evidence behind it",
            "constraints": "where it may not hold",
            "example": "one worked use",
        },
        _claim_note,
    ),
    "finding_explanation_example": Format(
        {
            "finding": "what was found",
            "explanation": "why it is so",
            "example": "one worked use",
        },
        _finding_note,
    ),
    "self_determined": Format({"text": "in whatever form you like"}, _free_note),
}
KEEPERS = ("own", "editor")
STATEMENTS = frozenset({"claim", "finding"})  # what must be a sentence
LEAST_WORDS = 3
_WORD = re.compile(
    r"[\u2e80-\U0003ffff]|[^\W\d_]+"
)  # a letter of a script without spaces, or a word
MOST_ENTRIES = 50
BEFORE = -1  # the turn after which a book is shown that opens the first message
MOST_CHARACTERS = 600  # of one section
BUILDING = frozenset({"place", "fill", "build"})


class KnowledgeNotes:
    """See the module.

    Args:
        format: one of ``FORMATS``.
        keeper: ``own`` stores what the subject wrote, ``editor`` a tidied version of it.
        entries: how many of the last entries are shown at dose 1, 2, ...; 0 = all.

    Raises:
        ConfigError: an unknown format or keeper, or a negative number of entries.
    """

    capacity = "consolidation"
    carries = True  # a curriculum hands the book on to the next level

    def __init__(
        self,
        format: str = "claim_proof_constraints_example",  # noqa: A002  the field's name in conf/
        keeper: str = "own",
        entries: Sequence[int] = (0,),
    ) -> None:
        where = "interventions.knowledge_notes"
        if format not in FORMATS:
            raise ConfigError(f"{where}.format", format, f"choose one of {', '.join(FORMATS)}")
        if keeper not in KEEPERS:
            raise ConfigError(f"{where}.keeper", keeper, f"choose one of {', '.join(KEEPERS)}")
        for number in entries:
            if type(number) is not int or number < 0:
                raise ConfigError(f"{where}.entries", number, "give whole numbers, 0 for all")
        self._format = FORMATS[format]
        self._edits = keeper == "editor"
        self._entries = tuple(entries)

    def open(self, setting: Setting, dose: int) -> "NotesSession":
        """See ``Intervention.open``."""
        doses = range(1, len(self._entries) + 1)
        checked_dose("knowledge_notes", dose, (*doses, SHAM))
        opening = pick(setting, OPENINGS, "knowledge_notes", "opening")
        shown = 0 if dose == SHAM else self._entries[dose - 1]
        session = NotesSession(opening, self._format, shown, edits=self._edits, sham=dose == SHAM)
        session.carry(carried_entries(setting.carried, self._format))
        return session


class NotesSession:
    """One episode's knowledge book."""

    def __init__(
        self,
        opening: str,
        form: Format,
        shown: int = 0,
        *,
        edits: bool = False,
        sham: bool = False,
    ) -> None:
        self._opening = opening
        self._form = form
        self._sections = form.sections
        self._shown = shown
        self._edits = edits
        self._sham = sham
        self.entries: list[tuple[str, ...]] = []
        self.first_shown_after: int | None = None  # the turn whose observation first showed it

    def carry(self, entries: Sequence[tuple[str, ...]]) -> None:
        """Begin with the entries of an earlier book, which are shown from the start."""
        self.entries = list(entries)
        if self.entries:
            self.first_shown_after = BEFORE

    def enter(self, texts: Sequence[object]) -> str:
        """Enter a finding; one that begins with the same section again replaces its entry.

        Raises:
            SubjectError: a section fails a check (``fault_of``), which is named; or the book is
                full.
        """
        faults = [
            fault
            for name, text in zip(self._sections, texts, strict=True)
            if (fault := fault_of(name, text))
        ]
        if faults:
            raise SubjectError(f"note: {'; '.join(faults)}")
        lines = [" ".join(str(text).split()) for text in texts]
        entry = tuple(map(tidied, lines)) if self._edits else tuple(lines)
        heads = [old[0] for old in self.entries]
        if entry[0] in heads:
            self.entries[heads.index(entry[0])] = entry
        elif len(self.entries) == MOST_ENTRIES:
            raise SubjectError(f"note: the book is full ({MOST_ENTRIES} entries)")
        else:
            self.entries.append(entry)
        return f"entered; the book has {len(self.entries)} entries"

    def opening(self) -> str:
        """See ``Session.opening``: with the book, where one was carried along."""
        return f"{self._opening}\n\n{self._told()}" if self.entries else self._opening

    def book(self) -> tuple[Mapping[str, str], ...]:
        """See ``BookKeeping.book``."""
        return tuple(dict(zip(self._sections, entry, strict=True)) for entry in self.entries)

    def state(self) -> Mapping[str, Any]:
        """See ``Remembering.state``."""
        entries = [list(entry) for entry in self.entries]
        return {"entries": entries, "first_shown_after": self.first_shown_after}

    def resume(self, state: Mapping[str, Any]) -> None:
        """See ``Remembering.resume``."""
        self.entries = [tuple(entry) for entry in state["entries"]]
        self.first_shown_after = state["first_shown_after"]

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``: ``note`` takes one text for each section of the format."""
        purposes = "; ".join(f"{name}: {what}" for name, what in self._sections.items())
        return {"note": (self._form.taking(self.enter), f"enter one finding. {purposes}.")}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        if not self.entries:
            return ""
        if self.first_shown_after is None:
            self.first_shown_after = turn
        return self._told()

    def _told(self) -> str:
        lines = ["# Knowledge book"]
        for number, entry in enumerate(self.entries[-self._shown :], start=1):
            said = (
                sham_clauses([tokens(text) for text in entry]) if self._sham else map(quoted, entry)
            )
            for index, (name, text) in enumerate(zip(self._sections, said, strict=True)):
                lead = f"{number}. " if index == 0 else "   "
                lines.append(f"{lead}{name.capitalize()}: {text}")
        return "\n".join(lines)

    def used(self, evidence: Evidence) -> bool:
        """See ``Session.used``."""
        shown = self.first_shown_after
        return shown is not None and any(
            call.ok and call.name in BUILDING and call.turn > shown for call in evidence.calls
        )


def fault_of(section: str, text: object) -> str:
    """Return which check a section fails, in words; empty where it passes them all."""
    if not isinstance(text, str) or not text.strip():
        return f"{section} must be a text that says something"
    if len(text) > MOST_CHARACTERS:
        return f"{section} has {len(text)} characters, at most {MOST_CHARACTERS} fit"
    if section in STATEMENTS and len(_WORD.findall(text)) < LEAST_WORDS:
        return f"{section} must be a sentence, of at least {LEAST_WORDS} words"
    return ""


def carried_entries(carried: Sequence[Mapping[str, str]], form: Format) -> list[tuple[str, ...]]:
    """Return the entries of a book that was carried along.

    Raises:
        ConfigError: it is of another form, or longer than a book can be.
    """
    entries = []
    for entry in carried[:MOST_ENTRIES]:
        # An editor may add a full stop.
        short = all(len(text) <= MOST_CHARACTERS + 1 for text in entry.values())
        if entry.keys() != form.sections.keys() or not short:
            remedy = f"its entries have other sections than {', '.join(form.sections)}, or longer"
            raise ConfigError("the book carried along", str(dict(entry))[:80], remedy)
        entries.append(tuple(" ".join(entry[name].split()) for name in form.sections))
    return entries


def tidied(text: str) -> str:
    """Return a section as an editor leaves it: its first two sentences, without hedging words.

    Nothing is added, and every number stays as it was.
    """
    plain = re.sub(r"\b(?:I think|I believe|maybe|perhaps|probably|somehow),? ?", "", text)
    plain = plain or text
    sentences = re.split(r"(?<=[.!?]) +", plain)
    kept = " ".join(sentences[:2]).strip()
    return kept[:1].upper() + kept[1:] + ("" if kept.endswith((".", "!", "?")) else ".")
