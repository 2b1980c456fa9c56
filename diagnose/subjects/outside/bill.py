"""What an agent's own report of its run says it cost: numbers found by path in JSON."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diagnose.models import CallUsage

ANY = "*"


def documents(printed: str) -> list[Any]:
    """Return the JSON in what was printed: one document, or one per line; other lines are not."""
    whole = _parsed(printed)
    if whole is not None:
        return whole if isinstance(whole, list) else [whole]
    lines = (_parsed(line) for line in printed.splitlines() if line.startswith("{"))
    return [line for line in lines if line is not None]


def bill(found: Sequence[Any], paths: Mapping[str, Sequence[str]]) -> CallUsage:
    """Return tokens and dollars: for each, the sum of all numbers at its paths."""
    total = {
        name: math.fsum(number for path in paths.get(name, ()) for number in _numbers(found, path))
        for name in ("input_tokens", "output_tokens", "cost_usd")
    }
    return CallUsage(int(total["input_tokens"]), int(total["output_tokens"]), total["cost_usd"])


def text(found: Sequence[Any], path: str) -> str:
    """Return the last text at a path; empty for none."""
    texts = [
        value for one in found for value in _at(one, path.split(".")) if isinstance(value, str)
    ]
    return texts[-1] if texts else ""


def _numbers(found: Sequence[Any], path: str) -> Iterator[float]:
    for one in found:
        for value in _at(one, path.split(".")):
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            if plain and 0 <= value < 1e15:  # what is no count, NaN among it, is not counted
                yield value


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what lies at a path; ``*`` is every key."""
    if not path:
        yield value
    elif isinstance(value, dict):
        first, *rest = path
        for key in value if first == ANY else [first]:
            if key in value:
                yield from _at(value[key], rest)


def _parsed(printed: str) -> Any:
    try:
        return json.loads(printed)
    except (ValueError, RecursionError):
        return None
