"""A stranger's text on a page is text: nothing of it is markup, and all of it can be seen."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from diagnose.logs.text import MOST_TEXT, coloured, parts_of, plain, visible
from tests.logs.reading import Page

HOSTILE = (
    "</pre></script><img src=x onerror=alert(1)><style>*{display:none}</style>&lt;b&gt; \" ' "
    "\x1b[31mred\x1b[0m \u202egnp.exe\u202c \ue000 \U000f1234 \u200b\ud800\x00\x85"
)


def unframed(text: str) -> str:
    """The text of a page with each framed code turned back into its character."""
    return re.sub(
        r"⟦(?:U\+([0-9A-F]{4,6})|\\x([0-9a-f]{2}))⟧",
        lambda match: chr(int(match[1] or match[2], 16)),
        text,
    )


def framed(html: Markup) -> str:
    """Mark the frames so that their text is told apart from the same letters in the text."""
    return re.sub(r'<span class="odd">([^<]*)</span>', r"⟦\1⟧", str(html))


@given(st.text(st.characters(codec=None, exclude_characters="⟦⟧\r"), max_size=300))
def test_every_character_is_there_once_and_nothing_is_markup(text):
    page = Page(framed(visible(text)))
    assert page.tags == []
    assert unframed(page.text) == text


@given(st.text(st.sampled_from("'\"#\\\n abrf0_.<>&;\x1b\u202e`"), max_size=200))
def test_colours_add_nothing_and_take_nothing_away(code):
    page = Page(framed(coloured(code)))
    assert page.names <= {"span"}
    assert {attrs["class"] for _, attrs in page.tags} <= {"c", "s", "n", "k", "t"}
    assert unframed(page.text) == code


def test_what_is_coloured():
    html = str(coloured('for x in "for":  # press\n    press(1, pressed)'))
    assert html == (
        '<span class="k">for</span> x <span class="k">in</span> '
        '<span class="s">&#34;for&#34;</span>:  <span class="c"># press</span>\n'
        '    <span class="t">press</span>(<span class="n">1</span>, pressed)'
    )


def test_direction_controls_and_escapes_are_shown_by_their_codes():
    html = str(visible(HOSTILE))
    for code in ("\\x1b", "U+202E", "U+E000", "U+F1234", "U+200B", "U+D800", "\\x00", "U+0085"):
        assert f'<span class="odd">{code}</span>' in html
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b\u202a-\u202e\ud800-\udfff\ue000]", html)
    html.encode()  # no half of a pair is left
    assert plain("\u202e<a>\ud800") == "\ufffd&lt;a&gt;\ufffd"


def test_a_long_text_is_cut_and_says_so():
    html = str(visible("x" * (MOST_TEXT + 1234)))
    assert (
        html == "x" * MOST_TEXT + '<span class="cut">1,234 more characters are in the record</span>'
    )


@pytest.mark.parametrize("flood", ["\x1b", "<", '"""', "'", "# ", "`" * 3 + "\n", "\\"])
def test_a_flood_costs_no_more_than_its_length(flood):
    started_s = time.process_time()
    text = flood * (1_000_000 // len(flood))
    visible(text)
    coloured(text)
    coloured(text[:39_000])
    list(parts_of(text))
    assert time.process_time() - started_s < 5


def test_prose_and_code_are_told_apart():
    reply = "First.\n```python\na = '```'\n```\nThen `b`.\n~~~\nc\n```\n~~~\nLast."
    assert list(parts_of(reply)) == [
        ("prose", "First."),
        ("code", "a = '```'"),
        ("prose", "Then `b`."),
        ("code", "c\n```"),
        ("prose", "Last."),
    ]
    assert list(parts_of("```python\nopen")) == [("prose", ""), ("code", "open")]
