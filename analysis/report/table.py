"""A table of a report, written as text, Markdown, LaTeX or HTML."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tabulate import LATEX_ESCAPE_RULES, tabulate

Format = Literal["text", "markdown", "latex", "html"]
FORMATS: dict[Format, str] = {"markdown": "pipe", "latex": "latex_booktabs", "html": "html"}
WIDTH = 100  # of sentences, in characters
# Controls, marks that turn the direction of writing, what takes no room, halves of surrogate pairs.
ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_MARKED = re.compile(r"([\\`*\[\]<>|&])")  # what Markdown, or HTML within it, would take as a sign


@dataclass(frozen=True)
class Table:
    """Rows of cells that are text already: every number is rounded where it is chosen.

    Source: tabulate escapes LaTeX and HTML in the formats used here.
    """

    name: str  # of its file
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""  # target, n, interval, what is missing
    names: int = 1  # columns of names, at the left; the others are figures

    def written(self, form: Format) -> str:
        """Return the table alone: as ``text``, or in one of ``FORMATS``."""
        head, rows = list(map(plain, self.head)), [list(map(plain, row)) for row in self.rows]
        if form == "text":
            return "\n".join(aligned(head, rows, self.names))
        if form == "markdown":
            head, rows = list(map(marked, head)), [list(map(marked, row)) for row in rows]
        align = ["left"] * self.names + ["right"] * (len(head) - self.names)
        made = tabulate(rows, head, tablefmt=FORMATS[form], colalign=align, disable_numparse=True)
        # To LaTeX a line that begins so would be an argument of the line break before it.
        return re.sub(r"^ (?=[\[*])", " {}", made, flags=re.MULTILINE) if form == "latex" else made

    def text(self) -> str:
        """Return title, table and note for a terminal."""
        note = "\n".join(textwrap.wrap(self.note, WIDTH))
        return "\n".join(part for part in (self.title, "", self.written("text"), note) if part)

    def markdown(self) -> str:
        """Return title, table and note as a part of a page."""
        parts = (f"**{marked(self.title)}**", self.written("markdown"), marked(self.note))
        return "\n\n".join(part for part in parts if part)

    def latex(self) -> str:
        r"""Return the table as a float with its caption and label, for ``\\input``."""
        caption = ". ".join(part for part in (self.title, self.note) if part)
        return "\n".join(
            [
                "% needs \\usepackage{booktabs}",
                "\\begin{table}",
                "\\centering",
                f"\\caption{{{escaped(caption)}}}",
                f"\\label{{tab:{self.name}}}",
                self.written("latex"),
                "\\end{table}",
            ]
        )


def save(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write every table as ``NAME.tex`` and ``NAME.md``; equal tables give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        for suffix, text in ((".tex", table.latex()), (".md", table.markdown())):
            path = folder / f"{table.name}{suffix}"
            path.write_text(text + "\n", encoding="utf-8", newline="\n")
            written.append(path)
    return written


def aligned(head: Sequence[str], body: Sequence[Sequence[str]], names: int = 2) -> list[str]:
    """Return lines with columns of names at the left and figures at the right."""
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        texts = [
            cell.ljust(width) if i < names else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(texts).rstrip()

    return [line(head), "─" * (sum(widths) + 2 * (len(widths) - 1)), *map(line, body)]


def plain(text: str) -> str:
    """Return a text on one line, what would not show replaced: names come from anywhere."""
    return ODD.sub("\N{REPLACEMENT CHARACTER}", text.replace("\n", " "))


def marked(text: str) -> str:
    """Return a text as Markdown shows it, letter by letter."""
    return _MARKED.sub(r"\\\1", plain(text))


def escaped(text: str) -> str:
    """Return a text as LaTeX shows it, letter by letter."""
    return "".join(LATEX_ESCAPE_RULES.get(letter, letter) for letter in plain(text))
