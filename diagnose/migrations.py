"""Records of older schemas, brought to this one step by step when they are read.

``STEPS[n]`` turns the JSON of a record of schema ``n`` into one of schema ``n + 1``. Files are
never rewritten. A field that only later records have needs no step: it has a default.
"""

from collections.abc import Callable, Mapping
from typing import Any

Step = Callable[[Mapping[str, Any]], Mapping[str, Any]]
STEPS: dict[int, Step] = {}


def migrated(data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
    """Return a record's JSON in schema ``version``; unchanged where no steps lead there."""
    found = data.get("schema_version")
    while type(found) is int and found < version and found in STEPS:
        data = {**STEPS[found](data), "schema_version": found + 1}
        found += 1
    return data
