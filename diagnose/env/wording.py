"""How messages name cells, lists of cells, and values that came from outside."""

from collections.abc import Sequence

from diagnose.env.blocks import Pos

NAMED = 3  # a message names at most this many items, then counts the rest
_PARTS = 4


def cell_text(pos: Pos) -> str:
    """Return ``[x, y, z]``."""
    return f"[{pos[0]}, {pos[1]}, {pos[2]}]"


def named(items: Sequence[str]) -> str:
    """Return the first few items and how many more there are."""
    more = len(items) - NAMED
    return ", ".join(items[:NAMED]) + (f" and {more} more" if more > 0 else "")


def presentable(value: object, depth: int = 0) -> object:
    """Return a stand-in for an untrusted value whose ``repr`` is short and cannot fail.

    ``repr`` itself raises on a list nested a thousand deep and on an integer of 5,000 digits.
    """
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else "a very large number"
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, str | bytes):
        return value[:100]
    if isinstance(value, list | tuple) and depth < 2:
        parts = [presentable(part, depth + 1) for part in value[:_PARTS]]
        return [*parts, "..."] if len(value) > _PARTS else parts
    return f"a {type(value).__name__}"
