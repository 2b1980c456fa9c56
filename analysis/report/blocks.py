"""What a report is made of, before it is a page: sections of sentences, tables, pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from analysis.report.table import Table


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    kind: ClassVar[str] = "words"
    text: str
    tone: str = ""  # lead, note or faint


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Facts:
    """Names with what they are."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    kind: ClassVar[str] = "commands"
    lines: Sequence[str]


@dataclass(frozen=True)
class Numbers:
    """A table that is shown when asked for."""

    kind: ClassVar[str] = "numbers"
    summary: str
    table: Table


@dataclass(frozen=True)
class Picture:
    """A picture with its caption; ``dark`` is the same for a dark screen, where there is one."""

    kind: ClassVar[str] = "picture"
    name: str  # of its file, without a suffix
    title: str
    caption: str
    data: bytes
    suffix: str = ".svg"
    dark: bytes = b""
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class TableBlock:
    """A table with its title and note."""

    kind: ClassVar[str] = "table"
    table: Table


Block = Words | Heading | Facts | Commands | Numbers | Picture | TableBlock


@dataclass(frozen=True)
class Section:
    """A titled part of a report."""

    key: str  # of links to it
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Report:
    """A report, to be written as a page or as Markdown."""

    title: str
    subtitle: str
    sections: Sequence[Section]

    def blocks(self) -> Iterator[Block]:
        """Yield what all sections hold."""
        for section in self.sections:
            yield from section.blocks

    @property
    def tables(self) -> list[Table]:
        """Every table, those of pictures included."""
        return [one.table for one in self.blocks() if isinstance(one, TableBlock | Numbers)]

    @property
    def pictures(self) -> list[Picture]:
        """Every picture."""
        return [one for one in self.blocks() if isinstance(one, Picture)]
