"""Named binary tags (NBT), the game's file format: read within bounds, written byte for byte alike.

Source: the format as the game itself writes it (big-endian, gzip around one named compound). Our
own, because a file may be hostile: the libraries for it bound neither what a file unpacks to nor
how deep it nests.

| tag | in Python | | tag | in Python |
|---|---|---|---|---|
| byte, short, int, long | int (written: Byte, Short, int, Long) | | byte array | bytes |
| float, double | float (read only) | | int array, long array | numpy int32, int64 |
| string | str | | list, compound | list, dict |
"""

import gzip
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from diagnose.errors import InputError

__all__ = ["MAX_FILE_BYTES", "Byte", "Long", "Short", "read_nbt", "write_nbt"]

MAX_FILE_BYTES = 4 * 1024 * 1024  # the largest device of the tasks takes 3 kB
MAX_BYTES = 16 * 1024 * 1024  # unpacked
MAX_TAGS = 1_000_000
MAX_DEPTH = 64
_GZIP = b"\x1f\x8b"

END, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE, BYTES, STRING, LIST, COMPOUND, INTS, LONGS = range(13)
_NUMBERS = {
    BYTE: struct.Struct(">b"),
    SHORT: struct.Struct(">h"),
    INT: struct.Struct(">i"),
    LONG: struct.Struct(">q"),
    FLOAT: struct.Struct(">f"),
    DOUBLE: struct.Struct(">d"),
}
_ARRAYS: dict[int, np.dtype[Any]] = {INTS: np.dtype(">i4"), LONGS: np.dtype(">i8")}
_LENGTH = struct.Struct(">H")


class Byte(int):
    """An int to be written as a byte."""


class Short(int):
    """An int to be written as a short."""


class Long(int):
    """An int to be written as a long."""


def read_nbt(raw: bytes) -> dict[str, Any]:
    """Return the root compound of an NBT file, gzipped or not.

    Raises:
        InputError: too large, packed or unpacked; not NBT; torn; nested too deep; too many tags.
    """
    if len(raw) > MAX_FILE_BYTES:
        raise InputError("file", f"{len(raw)} bytes", f"give at most {MAX_FILE_BYTES}")
    data = _unpacked(raw) if raw.startswith(_GZIP) else raw
    if len(data) > MAX_BYTES:
        raise InputError("file", f"over {MAX_BYTES} bytes unpacked", "select less of the world")
    if not data.startswith(b"\x0a"):
        raise InputError(
            "file", bytes(data[:8]), "give a .litematic, .schem or structure .nbt file"
        )
    reader = _Reader(data)
    try:
        reader.at = 1
        reader.string()
        root = reader.value(COMPOUND, 0)
    except (struct.error, _TornError) as error:
        raise InputError("file", f"ends at byte {len(data)}", "give the whole file") from error
    return dict(root)


def _unpacked(raw: bytes) -> bytes:
    """Unpack at most one byte more than is allowed, whatever the file claims."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(raw, MAX_BYTES + 1)
    except zlib.error as error:
        raise InputError("file", f"broken gzip ({error})", "give the whole file") from error
    if not unpacker.eof and len(data) <= MAX_BYTES:
        raise InputError("file", f"gzip that ends after {len(raw)} bytes", "give the whole file")
    return data


class _TornError(Exception):
    """A tag reaches past the end of the file."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.tags = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise _TornError
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, kind: int) -> Any:
        """Return the next number of a kind."""
        form = _NUMBERS[kind]
        (value,) = form.unpack_from(self.data, self.at)
        self.at += form.size
        return value

    def string(self) -> str:
        """Return the next string. Signs that are not plain UTF-8 are marked, not refused."""
        (size,) = _LENGTH.unpack_from(self.data, self.at)
        self.at += _LENGTH.size
        return self.take(size).decode("utf-8", errors="replace")

    def value(self, kind: int, depth: int) -> Any:
        """Return the next value of a kind."""
        self.tags += 1
        if self.tags > MAX_TAGS:
            raise InputError("file", f"over {MAX_TAGS} tags", "select less of the world")
        if kind in _NUMBERS:
            return self.number(kind)
        if kind == STRING:
            return self.string()
        if kind == BYTES:
            return self.take(self.number(INT))
        if kind in _ARRAYS:
            count = self.number(INT)
            return np.frombuffer(self.take(count * _ARRAYS[kind].itemsize), _ARRAYS[kind])
        if depth >= MAX_DEPTH:
            raise InputError(
                "file", f"tags nested over {MAX_DEPTH} deep", "leave out what it holds"
            )
        if kind == COMPOUND:
            return self.compound(depth)
        if kind == LIST:
            return self.listed(depth)
        raise InputError("file", f"a tag of kind {kind}", "give a file that the game can read")

    def compound(self, depth: int) -> dict[str, Any]:
        """Return the next compound."""
        held: dict[str, Any] = {}
        while kind := self.take(1)[0]:
            name = self.string()
            held[name] = self.value(kind, depth + 1)
        return held

    def listed(self, depth: int) -> list[Any]:
        """Return the next list. A list of nothing has no items, whatever it claims."""
        kind = self.take(1)[0]
        count = self.number(INT)
        if kind == END:
            return []
        return [self.value(kind, depth + 1) for _ in range(count)]


def write_nbt(name: str, root: Mapping[str, Any]) -> bytes:
    """Return a gzipped NBT file. Equal tags give equal bytes."""
    out = bytearray((COMPOUND,))
    _put_string(out, name)
    _put(out, root)
    return gzip.compress(bytes(out), mtime=0)


def _kind(value: object) -> int:
    for kind, types in (
        (BYTE, Byte), (SHORT, Short), (LONG, Long), (INT, int), (STRING, str), (BYTES, bytes),
        (LIST, list), (COMPOUND, Mapping),
    ):  # fmt: skip
        if isinstance(value, types):
            return kind
    if isinstance(value, np.ndarray):
        return {np.dtype(np.int32): INTS, np.dtype(np.int64): LONGS}[value.dtype]
    raise TypeError(f"no tag holds a {type(value).__name__}")


def _put(out: bytearray, value: Any) -> None:
    kind = _kind(value)
    if kind in _NUMBERS:
        out += _NUMBERS[kind].pack(value)
    elif kind == STRING:
        _put_string(out, value)
    elif kind == LIST:
        out.append(_kind(value[0]) if value else END)
        out += _NUMBERS[INT].pack(len(value))
        for item in value:
            _put(out, item)
    elif kind == COMPOUND:
        for key, item in value.items():
            out.append(_kind(item))
            _put_string(out, key)
            _put(out, item)
        out.append(END)
    else:
        out += _NUMBERS[INT].pack(len(value))
        out += value if kind == BYTES else value.astype(_ARRAYS[kind]).tobytes()


def _put_string(out: bytearray, text: str) -> None:
    raw = text.encode("utf-8")
    out += _LENGTH.pack(len(raw)) + raw
