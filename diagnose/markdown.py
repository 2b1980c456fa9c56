"""Pages that commands write: tables and filled paragraphs in Markdown."""

import textwrap
from collections.abc import Sequence

WIDTH = 100  # characters of a line


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, without a newline at its end."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fill(text: str, bullet: str = "") -> str:
    """Return a paragraph in lines of at most ``WIDTH``; ``bullet`` leads the first."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
