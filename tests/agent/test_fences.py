"""Fenced blocks: what is written is read back, whatever stands around and inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.subjects.fences import fenced, python_of

LINE = st.text(st.characters(blacklist_characters="\n\r", codec="utf-8"), max_size=30)
OUTSIDE = LINE.filter(lambda line: "```" not in line and "~~~" not in line)
LANGUAGE = st.sampled_from(["python", "py", "json", "bash", ""])


@st.composite
def documents(draw):
    """(text, blocks): Markdown with fences of either mark, any length and indent."""
    text, blocks = [], []
    for _ in range(draw(st.integers(0, 4))):
        text += draw(st.lists(OUTSIDE, max_size=3))
        mark = draw(st.sampled_from("`~"))
        length, indent = draw(st.integers(3, 6)), draw(st.integers(0, 9))
        body = draw(st.lists(LINE.filter(lambda s, m=mark, n=length: m * n not in s), max_size=4))
        language = draw(LANGUAGE)
        pad = " " * indent
        closing = mark * (length + draw(st.integers(0, 2))) + draw(st.sampled_from(["", "  "]))
        text += [pad + mark * length + language, *(pad + line for line in body), pad + closing]
        blocks.append((language, "\n".join(body)))
    text += draw(st.lists(OUTSIDE, max_size=3))
    return "\n".join(text), blocks


@given(documents())
def test_blocks_are_read_back(document):
    text, blocks = document
    assert fenced(text) == blocks


@given(documents())
def test_windows_line_ends_change_nothing(document):
    text, blocks = document
    assert fenced(text.replace("\n", "\r\n")) == blocks


@given(st.text(), documents())
def test_a_block_survives_any_text_before_it_that_opens_no_fence(before, document):
    before = before.replace("```", "").replace("~~~", "")
    text, blocks = document
    assert fenced(before) == []
    assert fenced(f"{before}\n{text}") == blocks


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        ("no code at all", ""),
        ("```python\nx = 1\n```", "x = 1"),
        ("```Python title='a'\nx = 1\n```", "x = 1"),
        ("a\n```py\nx = 1\n```\nb\n```python\ny = 2\n```", "x = 1\ny = 2"),
        ("```\nx = 1\n```\nthen\n```python\ny = 2\n```", "y = 2"),
        ("```\nx = 1\n```", "x = 1"),
        ("```json\n{}\n```", ""),
        ("```python\nx = 1", "x = 1"),
        ("```python\n\n```", ""),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''"),
        ("~~~python\nx = 1\n```\n~~~", "x = 1\n```"),
        ("  ```python\n  if x:\n      y()\n  ```", "if x:\n    y()"),
        ("1. do\n    ```python\n    x = 1\n    ```\n2. y", "x = 1"),
        ('```python\ns = """\n    ```\n"""\n```', 's = """\n    ```\n"""'),
        ("inline ```python x = 1``` code", ""),
        ("```python x = 1 ```", ""),
    ],
)
def test_program_of_a_reply(reply, program):
    assert python_of(reply) == program
