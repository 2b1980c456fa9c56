"""Keys and values: what a model has read, held so that no answer can depend on its neighbours.

Every computation has a shape that follows from one answer alone. A prompt is read by itself, a
fixed number of tokens at a time, so a beginning that prompts share is read once and is bit by bit
what each would have read. Answers are written side by side, a fixed number of rows at a time, each
row at its own place in a room whose length follows from its own; free rows are dummies.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

CHUNK = 64  # tokens of a prompt read at once
SHORTEST_ROOM = 256  # places; rooms double from here

Tensor = Any  # torch.Tensor; torch is untyped where it is not installed
Pairs = list[tuple[Tensor, Tensor]]  # keys and values of each layer. Shape: rows, heads, places, d


def room_of(places: int) -> int:
    """Return the length of the room that holds so many places."""
    room = SHORTEST_ROOM
    while room < places:
        room *= 2
    return room


class _Layer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values as a model's attention asks for them."""

    def __init__(self, memory: "Memory", number: int) -> None:
        super().__init__()
        self._memory, self._number = memory, number

    def lazy_initialization(self, *_: Any) -> None:
        """Nothing: the memory lies ready."""

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Keep what is new, and return all."""
        return self._memory.keep(self._number, keys, values)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return the length of what attention sees, and that it begins at 0."""
        return self._memory.length + query_length, 0

    def get_seq_length(self) -> int:
        """Return how much was read before."""
        return self._memory.length

    def get_max_length(self) -> int:
        """Return that there is no limit."""
        return -1


class Memory:
    """What a model reads from and writes to in one call; ``cache`` is its face to the model."""

    length = 0

    def __init__(self, layers: int) -> None:
        self.cache = Cache(layers=[_Layer(self, number) for number in range(layers)])

    def keep(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a layer's new keys and values, and return all that attention is to see."""
        raise NotImplementedError


class Prompt(Memory):
    """One prompt as far as it is read; ``new`` is what the last call added."""

    def __init__(self, layers: int, chunks: Sequence[Pairs]) -> None:
        super().__init__(layers)
        self.pairs: Pairs = []
        if chunks:
            self.pairs = [
                (torch.cat([k for k, _ in own], 2), torch.cat([v for _, v in own], 2))
                for own in zip(*chunks, strict=True)
            ]
        self.length = self.pairs[0][0].shape[2] if chunks else 0
        self.new: Pairs = []

    def keep(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Memory.keep``."""
        self.new.append((keys, values))
        if len(self.pairs) > layer:
            before = self.pairs[layer]
            self.pairs[layer] = torch.cat([before[0], keys], 2), torch.cat([before[1], values], 2)
        else:
            self.pairs.append((keys, values))
        return self.pairs[layer]

    def begin(self) -> None:
        """Begin a call: what is read so far was read before it."""
        self.length = self.pairs[0][0].shape[2] if self.pairs else 0
        self.new = []


class Room(Memory):
    """Rows of one length, each with an answer of its own or free."""

    def __init__(self, rows: int, length: int, like: Pairs) -> None:
        super().__init__(len(like))
        self.length = length
        self.places = torch.zeros(rows, dtype=torch.long, device=like[0][0].device)
        self._all = torch.arange(rows, device=self.places.device)
        self._pairs = [
            (
                keys.new_zeros(rows, keys.shape[1], length, keys.shape[3]),
                values.new_zeros(rows, values.shape[1], length, values.shape[3]),
            )
            for keys, values in like
        ]

    def put(self, row: int, pairs: Pairs) -> None:
        """Lay what was read into a row; what lies beyond it is never seen."""
        for (own_keys, own_values), (keys, values) in zip(self._pairs, pairs, strict=True):
            own_keys[row, :, : keys.shape[2]] = keys[0]
            own_values[row, :, : values.shape[2]] = values[0]

    def taken(self, row: int, places: int) -> Pairs:
        """Return what a row holds."""
        return [
            (keys[row : row + 1, :, :places].clone(), values[row : row + 1, :, :places].clone())
            for keys, values in self._pairs
        ]

    def keep(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Memory.keep``: each row at its own place."""
        own_keys, own_values = self._pairs[layer]
        own_keys[self._all, :, self.places] = keys[:, :, 0]
        own_values[self._all, :, self.places] = values[:, :, 0]
        return own_keys, own_values


class Beginnings:
    """The chunks that prompts begin with, by the tokens up to their end; the latest used stay."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._chunks: OrderedDict[tuple[int, ...], Pairs] = OrderedDict()

    def of(self, ids: Sequence[int]) -> list[Pairs]:
        """Return the chunks known of a prompt, all but its last token at most."""
        found: list[Pairs] = []
        for end in range(CHUNK, len(ids), CHUNK):
            key = tuple(ids[:end])
            if key not in self._chunks:
                break
            self._chunks.move_to_end(key)
            found.append(self._chunks[key])
        return found

    def add(self, ids: Sequence[int], chunk: Pairs) -> None:
        """Keep the chunk that ends where ``ids`` do."""
        size = sum(k.nbytes + v.nbytes for k, v in chunk) + 36 * len(ids)
        if size > self._most or (key := tuple(ids)) in self._chunks:
            return
        self._chunks[key] = chunk
        self._held += size
        while self._held > self._most:
            old, gone = self._chunks.popitem(last=False)
            self._held -= sum(k.nbytes + v.nbytes for k, v in gone) + 36 * len(old)


def mask_of(at: Tensor, length: int, window: int, dtype: Any) -> Tensor:
    """Return what may be seen, added to attention's scores: 0 or the least number.

    Args:
        at: places of the queries. Shape: rows, queries.
        length: places of the keys.
        window: how many of the last places are seen, its own included; 0 = all.
        dtype: of the scores.

    Returns:
        Shape: rows, 1, queries, keys.
    """
    keys = torch.arange(length, device=at.device)[None, None, :]
    seen = keys <= at[:, :, None]
    if window:
        seen &= keys > at[:, :, None] - window
    zero = torch.zeros((), dtype=dtype, device=at.device)
    return torch.where(seen, zero, torch.finfo(dtype).min)[:, None]
