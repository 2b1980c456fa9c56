"""Circuits: the file format, its validation, and the content hash."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.env.blocks import CANONICAL_STATES, PALETTE, is_full, name_of, support_of
from diagnose.env.circuit import MAX_FILE_BYTES, Circuit, load_circuit
from diagnose.errors import InputError
from tests.env.circuits import BUTTON, SIDE, random_circuit

_BUTTON = [0, 1, 0, BUTTON]


def _data(*blocks: Any, press: Any = (0, 1, 0)) -> dict[str, Any]:
    return {"blocks": [_BUTTON, *blocks], "press": list(press)}


def test_a_circuit_survives_its_file(tmp_path: Path) -> None:
    for seed in range(20):
        circuit = random_circuit(seed)
        file = tmp_path / "circuit.json"
        file.write_text(json.dumps(circuit.to_json()))
        loaded = load_circuit(file, SIDE)
        assert loaded == circuit
        assert loaded.sha256 == circuit.sha256
        assert pickle.loads(pickle.dumps(circuit)) == circuit


def test_the_hash_is_of_content_alone() -> None:
    one = Circuit.from_json(_data([2, 1, 0, "stone"], [1, 1, 0, "redstone_wire"]), SIDE)
    other = Circuit.from_json(
        _data([1, 1, 0, "redstone_wire[power=4]"], [2, 1, 0, "minecraft:stone"]), SIDE
    )
    assert one == other
    assert hash(one) == hash(other)
    changed = Circuit.from_json(_data([2, 1, 0, "glass"], [1, 1, 0, "redstone_wire"]), SIDE)
    assert changed.sha256 != one.sha256


def test_floor_and_air_are_dropped_and_other_keys_ignored() -> None:
    data = _data([0, 0, 0, "stone"], [9, 0, 9, "stone"], [4, 2, 4, "air"]) | {"author": ["?"]}
    assert set(Circuit.from_json(data, SIDE).blocks) == {(0, 1, 0)}


@pytest.mark.parametrize(
    ("corner", "side", "moved_to"),
    [((0, 0), 5, (0, 0)), ((2, 1), 5, (2, 1)), ((-7, 100), 5, (0, 2)), ((3, 2), 5, (3, 2))],
)
def test_a_circuit_is_shifted_into_the_area_and_no_further(
    corner: tuple[int, int], side: int, moved_to: tuple[int, int]
) -> None:
    x, z = corner
    data = {
        "blocks": [[x, 1, z, BUTTON], [x + 1, 1, z + 2, "redstone_lamp"]],
        "press": [x, 1, z],
    }
    circuit = Circuit.from_json(data, side)
    assert circuit.press == (moved_to[0], 1, moved_to[1])
    assert circuit.cells("redstone_lamp") == ((moved_to[0] + 1, 1, moved_to[1] + 2),)


def test_a_footprint_wider_than_the_area_is_refused() -> None:
    with pytest.raises(InputError, match="footprint"):
        Circuit.from_json(_data([5, 1, 0, "stone"]), 5)
    assert len(Circuit.from_json(_data([4, 1, 0, "stone"]), 5).blocks) == 2


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ([1, 1, 1], "blocks"),
        ([1, 1, 1, "stone", 1], "blocks"),
        ("abcd", "blocks"),
        ([True, 1, 1, "stone"], "whole numbers"),
        ([1.0, 1, 1, "stone"], "whole numbers"),
        ([float("nan"), 1, 1, "stone"], "whole numbers"),
        ([2_000_000_000, 1, 1, "stone"], "footprint"),
        ([10**5000, 1, 1, "stone"], "whole numbers"),
        (["1", 1, 1, "stone"], "whole numbers"),
        ([1, 5, 1, "stone"], "use 1 to 4"),
        ([1, -1, 1, "stone"], "use 1 to 4"),
        ([1, 0, 1, "glass"], "use 1 to 4"),
        ([1, 1, 1, "repeater[delay=9]"], "repeater.delay"),
        ([1, 1, 1, "tnt"], "palette"),
        ([1, 1, 1, None], "block"),
        ([1, 2, 1, "redstone_wire"], "full block at [1, 1, 1]"),
        ([1, 1, 1, "redstone_wall_torch[facing=north]"], "full block at [1, 1, 2]"),
        ([0, 1, 0, "stone"], "once"),
        ([[[1]], 1, 1, "stone"], "whole numbers"),
    ],
)
def test_a_bad_block_is_refused_by_name(entry: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        Circuit.from_json(_data(entry), SIDE)
    assert told in str(caught.value)


def _nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "circuit",
        {"blocks": []},
        {"press": [0, 1, 0]},
        {"blocks": {}, "press": [0, 1, 0]},
        {"blocks": [], "press": [0, 1, 0]},
        _data(press=(1, 1, 1)),
        _data(press=(0, 1)),
        _data(press=(0, True, 0)),
        {"blocks": [[0, 1, 0, "stone"]], "press": [0, 1, 0]},
        {"blocks": _nested(100_000), "press": [0, 1, 0]},
        {"blocks": [_nested(100_000)], "press": [0, 1, 0]},
        {"blocks": [_BUTTON] * 1_000_000, "press": [0, 1, 0]},
        {10**5000: 1},
    ],
)
def test_what_is_no_circuit_is_refused(data: object) -> None:
    with pytest.raises(InputError):
        Circuit.from_json(data, SIDE)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"blocks": [], "press": ' + b"9" * 9_000 + b"}"],
)
def test_a_file_that_is_no_circuit_is_refused(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "circuit.json"
    file.write_bytes(raw)
    with pytest.raises(InputError):
        load_circuit(file, SIDE)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path, "circuit\x00.json"):
        with pytest.raises(InputError, match="cannot be read"):
            load_circuit(path, SIDE)
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(InputError, match="at most"):
        load_circuit(huge, SIDE)


_entries = st.tuples(
    st.integers(-2, 7),
    st.integers(0, 4),
    st.integers(-2, 7),
    st.sampled_from([*sorted(CANONICAL_STATES), *PALETTE, "stone", "stone"]),
)


@given(st.lists(_entries, max_size=25), st.integers(0, 3))
def test_every_accepted_circuit_stands_in_the_area(blocks: list[Any], which: int) -> None:
    presses = [entry[:3] for entry in blocks if "button" in entry[3]] or [(0, 1, 0)]
    data = {"blocks": [list(entry) for entry in blocks], "press": presses[which % len(presses)]}
    try:
        circuit = Circuit.from_json(data, 8)
    except InputError:
        return
    for pos, state in circuit.blocks.items():
        x, y, z = pos
        assert 0 <= x < 8
        assert 1 <= y <= 4
        assert 0 <= z < 8
        support = support_of(pos, state)
        assert support is None or support[1] == 0 or is_full(circuit.blocks[support])
    assert name_of(circuit.blocks[circuit.press]) == "stone_button"


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@given(_junk, _junk)
def test_junk_is_refused_and_never_crashes(blocks: object, press: object) -> None:
    with pytest.raises(InputError):
        Circuit.from_json({"blocks": blocks, "press": press}, SIDE)
