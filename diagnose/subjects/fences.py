"""Find the code in a reply: fenced blocks, read line by line as CommonMark does."""

import re

_FENCE = re.compile(r"( *)(`{3,}|~{3,})([^\n]*)")
_PYTHON = frozenset({"python", "py", "python3"})


def fenced(text: str) -> list[tuple[str, str]]:
    """Return every fenced block as (language, code), in order.

    The language is the info string's first word, in lower case. A fence closes with a line of at
    least as many of the same mark and nothing else; one left open runs to the end, because a model
    stopped by its stop sequence or length leaves it so.

    Source: CommonMark 0.31.2, 4.5 Fenced code blocks. One difference: a fence may be indented by
    any number of spaces, since models indent the code of a list item as they please.
    """
    blocks: list[tuple[str, str]] = []
    lines: list[str] = []
    mark, indent, language = "", 0, ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        match = _FENCE.fullmatch(line)
        if not mark:
            if match and not (match[2][0] == "`" and "`" in match[3]):
                indent, mark = len(match[1]), match[2]
                language = (match[3].split() or [""])[0].lower()
                lines = []
        elif (
            match
            and match[2].startswith(mark)
            and not match[3].strip(" \t")
            and len(match[1]) <= indent + 3
        ):
            blocks.append((language, "\n".join(lines)))
            mark = ""
        else:
            lead = len(line) - len(line.lstrip(" "))
            lines.append(line[min(indent, lead) :])
    if mark:
        blocks.append((language, "\n".join(lines)))
    return blocks


def python_of(reply: str) -> str:
    """Return the program in a reply: its Python blocks joined in order; empty for none.

    Blocks without a language count only where no block is marked as Python.
    """
    blocks = fenced(reply)
    chosen = [code for language, code in blocks if language in _PYTHON]
    chosen = chosen or [code for language, code in blocks if not language]
    program = "\n".join(chosen)
    return program if program.strip() else ""
