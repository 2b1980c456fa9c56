"""What may cross from model-written code to the host, and how a value is shown.

Neither walk is fooled by a list that contains itself, that shares one part a million times, or that
is a hundred thousand deep.
"""

import math

from diagnose.errors import SubjectError

MAX_PARTS = 200_000  # values inside one call's arguments: twice a full area of the largest task
MAX_TEXT = 100_000  # characters of one string
MAX_INT = 2**63 - 1
TEXT_COST = 100  # characters that cost as much to read as one value
SHOWN_ITEMS = 100
SHOWN_DEPTH = 5


def check_plain(*values: object) -> None:
    """Check that ``values`` are plain data of bounded size: what host functions may be given.

    Raises:
        SubjectError: a value is of another type, too large, or not finite.
    """
    _, fault = measured(*values)
    if fault:
        raise SubjectError(fault)


def measured(*values: object) -> tuple[int, str]:
    """Return what reading ``values`` costs, and what keeps them from being plain data, if any.

    Plain are None, bool, int within 64 bits, finite float, str, and lists, tuples and dicts of
    these. Shared parts count each time they occur, so the walk is bounded by what it counts. The
    cost is one for each value and each ``TEXT_COST`` characters, also of values that are refused.
    """
    waiting: list[object] = list(values)
    parts, characters, fault = len(waiting), 0, ""
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple | dict):
            parts += len(value) * (2 if isinstance(value, dict) else 1)
            if parts > MAX_PARTS:
                fault = fault or f"more than {MAX_PARTS} values in one call"
                break
            waiting.extend(value)
            if isinstance(value, dict):
                waiting.extend(value.values())
            continue
        if isinstance(value, str):
            characters += len(value)
        fault = fault or _fault(value)
    return parts + characters // TEXT_COST, fault


def _fault(value: object) -> str:
    """Return what keeps one value, no container, from being plain; empty for nothing."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            return f"a string of {len(value)} characters; at most {MAX_TEXT}"
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        if abs(value) > MAX_INT:
            return "an integer beyond 64 bits"
    elif isinstance(value, float):
        if not math.isfinite(value):
            return f"the number {value} is not finite"
    else:
        return (
            f"a value of type {type(value).__name__}; give None, bool, int, float, str, list, "
            "tuple or dict"
        )
    return ""


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
