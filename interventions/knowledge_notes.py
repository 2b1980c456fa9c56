"""Knowledge notes: what was found is entered as Claim-Proof-Constraints-Example and shown again.

Capacity: consolidation. Injected: the host function ``note``, and from then on the knowledge book
in every observation. The book holds only what this episode's subject entered. Used: an entry was
made and shown before blocks were placed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnose.errors import SubjectError
from diagnose.intervention import HostCall, HostFunction, Setting

OPENING = (
    "Keep a knowledge book: enter each thing you find out with note(). The book is shown to you "
    "again after every message."
)
HELP = (
    "note(claim, proof, constraints, example): enter one finding: the law as a general statement, "
    "the evidence behind it, where it may not hold, and one worked use."
)
MOST_ENTRIES = 50
MOST_CHARACTERS = 600  # of one section
BUILDING = frozenset({"place", "fill", "build"})


@dataclass(frozen=True)
class Entry:
    """One entry of the knowledge book."""

    claim: str
    proof: str
    constraints: str
    example: str

    def text(self, number: int) -> str:
        """Return the entry as the book shows it."""
        return (
            f"{number}. Claim: {self.claim}\n   Proof: {self.proof}\n"
            f"   Constraints: {self.constraints}\n   Example: {self.example}"
        )


class KnowledgeNotes:
    """See the module."""

    capacity = "consolidation"

    def open(self, setting: Setting, dose: int) -> "NotesSession":
        """See ``Intervention.open``."""
        return NotesSession()


class NotesSession:
    """One episode's knowledge book."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.first_shown_after: int | None = None  # the turn whose observation first showed it

    def note(self, claim: object, proof: object, constraints: object, example: object) -> str:
        """Enter a finding; a claim entered again replaces its earlier entry.

        Raises:
            SubjectError: a section is no text, empty or too long, or the book is full.
        """
        sections = {"claim": claim, "proof": proof, "constraints": constraints, "example": example}
        for name, text in sections.items():
            if not isinstance(text, str) or not text.strip():
                raise SubjectError(f"note: {name} must be a text that says something")
            if len(text) > MOST_CHARACTERS:
                raise SubjectError(
                    f"note: {name} has {len(text)} characters, at most {MOST_CHARACTERS} fit"
                )
        entry = Entry(*(" ".join(str(text).split()) for text in sections.values()))
        known = {old.claim: index for index, old in enumerate(self.entries)}
        if entry.claim in known:
            self.entries[known[entry.claim]] = entry
        elif len(self.entries) == MOST_ENTRIES:
            raise SubjectError(f"note: the book is full ({MOST_ENTRIES} entries)")
        else:
            self.entries.append(entry)
        return f"entered; the book has {len(self.entries)} entries"

    def opening(self) -> str:
        """See ``Session.opening``."""
        return OPENING

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {"note": (self.note, HELP)}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        if not self.entries:
            return ""
        if self.first_shown_after is None:
            self.first_shown_after = turn
        entries = (entry.text(number) for number, entry in enumerate(self.entries, start=1))
        return "\n".join(["# Knowledge book", *entries])

    def used(self, calls: Sequence[HostCall], replies: Sequence[str]) -> bool:
        """See ``Session.used``."""
        shown = self.first_shown_after
        return shown is not None and any(
            call.ok and call.name in BUILDING and call.turn > shown for call in calls
        )
