"""What may cross from model-written code to the host, and how a value is shown.

Neither walk is fooled by a list that contains itself, that shares one part a million times, or that
is a hundred thousand deep.
"""

import math

from diagnose.errors import SubjectError

MAX_PARTS = 200_000  # values inside one call's arguments: twice a full area of the largest task
MAX_TEXT = 100_000  # characters of one string
MAX_INT = 2**63 - 1
SHOWN_ITEMS = 100
SHOWN_DEPTH = 5


def check_plain(*values: object) -> None:
    """Check that ``values`` are plain data of bounded size: what host functions may be given.

    Plain are None, bool, int within 64 bits, finite float, str, and lists, tuples and dicts of
    these. Shared parts count each time they occur, so the walk is bounded by what it counts.

    Raises:
        SubjectError: a value is of another type, too large, or not finite.
    """
    waiting: list[object] = list(values)
    parts = len(waiting)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise SubjectError(f"a string of {len(value)} characters; at most {MAX_TEXT}")
        elif isinstance(value, bool) or value is None:
            pass
        elif isinstance(value, int):
            if abs(value) > MAX_INT:
                raise SubjectError("an integer beyond 64 bits")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise SubjectError(f"the number {value} is not finite")
        elif isinstance(value, list | tuple | dict):
            parts += len(value)
            if parts > MAX_PARTS:
                raise SubjectError(f"more than {MAX_PARTS} values in one call")
            waiting.extend(value)
            if isinstance(value, dict):
                parts += len(value)
                waiting.extend(value.values())
        else:
            raise SubjectError(
                f"a value of type {type(value).__name__}; give None, bool, int, float, str, list, "
                "tuple or dict"
            )


def shown(value: object, most: int) -> str:
    """Return ``value`` as Python would write it, cut to about ``most`` characters.

    Anything but plain data is shown as its type: its text might hold an address.
    """
    text, _ = _shown(value, most, SHOWN_DEPTH)
    return text if len(text) <= most else text[:most] + "..."


def _shown(value: object, left: int, depth: int) -> tuple[str, int]:
    """Return the text and what is left of the allowance after it."""
    if isinstance(value, str):
        text = repr(value[: max(left, 0)])
        text += "..." if len(value) > left else ""
    elif value is None or isinstance(value, bool | float):
        text = repr(value)
    elif isinstance(value, int):
        text = repr(value) if abs(value) <= MAX_INT else "<a huge int>"
    elif isinstance(value, list | tuple | dict):
        return _shown_items(value, left, depth)
    else:
        text = f"<{type(value).__name__}>"
    return text, left - len(text)


def _shown_items(
    value: list[object] | tuple[object, ...] | dict[object, object], left: int, depth: int
) -> tuple[str, int]:
    start, end = ("[", "]") if isinstance(value, list) else ("(", ")")
    if isinstance(value, dict):
        start, end = "{", "}"
    texts: list[str] = []
    left -= 2
    for index, item in enumerate(value):
        if depth == 0 or index == SHOWN_ITEMS or left <= 0:
            texts.append("...")
            break
        text, left = _shown(item, left, depth - 1)
        if isinstance(value, dict):
            inner, left = _shown(value[item], left, depth - 1)
            text += f": {inner}"
        texts.append(text)
        left -= 2
    comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return start + ", ".join(texts) + comma + end, left
