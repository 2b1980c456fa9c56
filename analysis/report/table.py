"""A table of a report, written as text, Markdown, LaTeX or HTML by tabulate."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tabulate import tabulate

Format = Literal["text", "markdown", "latex", "html"]
FORMATS: dict[Format, str] = {
    "text": "simple",
    "markdown": "pipe",
    "latex": "latex_booktabs",
    "html": "html",
}
WIDTH = 100  # of sentences, in characters


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
        """Return the table alone, in one of ``FORMATS``."""
        align = ["left"] * self.names + ["right"] * (len(self.head) - self.names)
        return str(
            tabulate(
                self.rows, list(self.head), tablefmt=FORMATS[form], colalign=align,
                disable_numparse=True, preserve_whitespace=form == "text",
            )
        )  # fmt: skip

    def text(self) -> str:
        """Return title, table and note for a terminal."""
        note = "\n".join(textwrap.wrap(self.note, WIDTH))
        return "\n".join(part for part in (self.title, "", self.written("text"), note) if part)
