"""A stranger's text as HTML: escaped, what would not show made visible; and Python in colour."""

import keyword
import re
from collections.abc import Iterator

from markupsafe import Markup, escape

MOST_TEXT = 60_000  # characters of one text on a page; the record has the rest
_MOST_COLOURED = 40_000

# Controls (a terminal's colours among them), marks that turn the direction of writing, what takes
# no room, halves of surrogate pairs, and private use, which every font shows as it likes.
_ODD = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff])"
)
_FENCE = re.compile(r" *(`{3,}|~{3,})([^\n]*)")
_TOKEN = re.compile(
    r"""(?P<c>\#[^\n]*)"""
    r"""|(?P<s>[rbfuRBFU]{0,2}(?:\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}"""
    r"""|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?P<n>\b\d[\d_.]*\b)"""
    r"""|(?P<w>[A-Za-z_]\w*)"""
)
_TRIALS = frozenset({"press", "verify", "done"})


def visible(text: str) -> Markup:
    """Return a text escaped, each character that would not show as its code in a frame."""
    cut = text[:MOST_TEXT].replace("\r\n", "\n")
    # str.join keeps this linear: a flood of odd characters must not cost its square.
    said = "".join(
        _framed(part) if number % 2 else str(escape(part))
        for number, part in enumerate(_ODD.split(cut))
    )
    if len(text) > MOST_TEXT:
        more = f"{len(text) - MOST_TEXT:,} more characters are in the record"
        said += f'<span class="cut">{more}</span>'
    return Markup(said)


def plain(text: str) -> Markup:
    """Return a short text escaped, for where no frame can stand: an attribute, a window's title."""
    return escape(_ODD.sub("\N{REPLACEMENT CHARACTER}", text[:MOST_TEXT]))


def _framed(character: str) -> str:
    code = ord(character)
    name = f"\\x{code:02x}" if code < 0x20 else f"U+{code:04X}"
    return f'<span class="odd">{name}</span>'


def parts_of(content: str) -> Iterator[tuple[str, str]]:
    """Yield a message as (kind, text), in order; kind is ``prose`` or ``code``.

    For reading only: what runs is found by ``diagnose.subjects.fences``.
    """
    lines: list[str] = []
    mark = ""
    for line in content.replace("\r\n", "\n").split("\n"):
        fence = _FENCE.fullmatch(line)
        closes = fence and mark and fence[1].startswith(mark) and not fence[2].strip()
        if fence and (closes or not mark):
            yield ("code" if mark else "prose", "\n".join(lines))
            lines, mark = [], "" if mark else fence[1]
        else:
            lines.append(line)
    yield ("code" if mark else "prose", "\n".join(lines))


def coloured(code: str) -> Markup:
    """Return Python with its comments, strings, numbers, keywords and trials marked."""
    if len(code) > _MOST_COLOURED:
        return visible(code)
    said, end = [], 0
    for match in _TOKEN.finditer(code):
        kind, word = str(match.lastgroup), match[0]
        if kind == "w":
            kind = "k" if keyword.iskeyword(word) else "t" if word in _TRIALS else ""
        if kind:
            between = str(visible(code[end : match.start()]))
            said += [between, f'<span class="{kind}">', str(visible(word)), "</span>"]
            end = match.end()
    return Markup("".join([*said, str(visible(code[end:]))]))
