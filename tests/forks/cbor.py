"""A reader of the interpreter's state, to compare two of them: CBOR (RFC 8949) after a header.

The interpreter writes its maps in no order, so equal states may differ in their bytes.
"""

from typing import Any

HEADER = b"MONTY\x00"
VERSION_BYTES = 2
NULL, BREAK = 22, 0xFF


def read(data: bytes | None) -> Any:
    """Return what a state holds; equal for equal states."""
    if data is None:
        return None
    assert data.startswith(HEADER)
    value, end = _item(data, len(HEADER) + VERSION_BYTES)
    assert end == len(data)
    return value


def _item(data: bytes, at: int) -> tuple[Any, int]:
    kind, short = data[at] >> 5, data[at] & 31
    at += 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    number = int.from_bytes(data[at : at + size]) if size else short
    at += size
    assert short < 28, "no length is left open"
    if kind in {0, 1}:
        return (-1 - number if kind else number), at
    if kind in {2, 3}:
        return data[at : at + number], at + number
    if kind == 4:
        items = []
        for _ in range(number):
            value, at = _item(data, at)
            items.append(value)
        return items, at
    if kind == 5:
        pairs = []
        for _ in range(number):
            key, at = _item(data, at)
            value, at = _item(data, at)
            pairs.append((key, value))
        return ("map", sorted(pairs, key=repr)), at
    if kind == 6:
        value, at = _item(data, at)
        return ("tag", number, value), at
    return ("simple", short, number), at
