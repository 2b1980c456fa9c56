"""Device files that somebody has tampered with: one clear message each, in bounded memory."""

import gzip
import random
import struct
import zlib

import numpy as np
import pytest

from diagnose.cli import main
from diagnose.env.exchange import FORMATS, export_device, import_device
from diagnose.env.nbt import MAX_BYTES, MAX_FILE_BYTES, Short, read_nbt, write_nbt
from diagnose.errors import InputError
from tests.env.circuits import circuit
from tests.env.tags import typed

DEVICE = circuit(
    (3, 1, 3, "stone_button[face=floor]"), (3, 1, 4, "redstone_wire"), (3, 1, 5, "redstone_lamp")
)
FILES = {to: export_device(DEVICE, to) for to in FORMATS}


def packed(payload: bytes) -> bytes:
    """Return a file whose root compound holds ``payload``, and is not closed."""
    return gzip.compress(b"\x0a\x00\x00" + payload)


def named(kind: int, name: str = "a") -> bytes:
    return bytes([kind]) + struct.pack(">H", len(name)) + name.encode()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "give a .litematic"),
        (b'{"blocks": []}', "give a .litematic"),
        (b"\x1f\x8b", "gzip"),
        (b"\x1f\x8b\x08\x00garbage", "gzip"),
        (FILES["schem"][:-30], "whole file"),
        (bytes(MAX_FILE_BYTES + 1), str(MAX_FILE_BYTES)),
        (gzip.compress(b"\x0a" + bytes(MAX_BYTES)), "unpacked"),
        (packed(b""), "whole file"),
        (packed(named(3)), "whole file"),
        (packed(named(13)), "kind 13"),
        (packed(named(7) + struct.pack(">i", 2**31 - 1)), "whole file"),
        (packed(named(7) + struct.pack(">i", -1)), "whole file"),
        (packed(named(12) + struct.pack(">i", 2**31 - 1)), "whole file"),
        (packed(named(9) + b"\x01" + struct.pack(">i", 2**31 - 1)), "whole file"),
        (packed(named(9) + b"\x01" + struct.pack(">i", 2_000_000) + bytes(2_000_000)), "tags"),
        (packed(named(9) + b"\x00" + struct.pack(">i", 2**31 - 1) + b"\x00"), "save a"),
        (packed(named(10) * 100_000), "deep"),
        (packed(named(9) + (b"\x09" + struct.pack(">i", 1)) * 100_000), "deep"),
        (packed(b"\x00"), "save a .litematic"),
    ],
    ids=range(19),
)
def test_what_is_no_device_file_is_one_message(raw, words):
    with pytest.raises(InputError) as caught:
        import_device(raw)
    assert words in str(caught.value)


def test_a_bomb_is_not_unpacked():
    """A hundred kilobytes that unpack to a hundred megabytes: 16 MB of them are looked at."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 200_000
    with pytest.raises(InputError, match="unpacked"):
        import_device(bomb)


def edited(to: str, path: str, value: object) -> bytes:
    """Return a good file with the tag at ``path`` replaced, or removed with None."""
    root = typed(read_nbt(FILES[to]))
    *way, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    holder = root
    for part in way:
        holder = holder[part]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return write_nbt("", root)


REGION = "Regions/device"
FAR = 2**31 - 1
PISTON = {"Name": "minecraft:piston", "Properties": {"facing": "up"}}
NINE = {"Name": "minecraft:repeater", "Properties": {"delay": "9"}}


@pytest.mark.parametrize(
    ("to", "path", "value", "words"),
    [
        ("litematic", f"{REGION}/Size/x", FAR, "inside the world"),
        ("litematic", f"{REGION}/Size/x", 1 << 24, "1048576 cells"),
        ("litematic", f"{REGION}/Size/x", 0, "1048576 cells"),
        ("litematic", f"{REGION}/Size/y", -30, "BlockStates"),
        ("litematic", f"{REGION}/Size/y", "2", "y: received '2'"),
        ("litematic", f"{REGION}/Position/z", -FAR, "inside the world"),
        ("litematic", f"{REGION}/Position", None, "Position: received 'nothing'"),
        ("litematic", f"{REGION}/BlockStates", np.zeros(0, np.int64), "BlockStates"),
        ("litematic", f"{REGION}/BlockStates", np.zeros(9, np.int32), "BlockStates"),
        ("litematic", f"{REGION}/BlockStates", np.full(9, -1, np.int64), "an index outside"),
        ("litematic", f"{REGION}/BlockStates", np.zeros(9, np.int64), "no blocks"),
        ("litematic", f"{REGION}/BlockStatePalette", [], "palette"),
        ("litematic", f"{REGION}/BlockStatePalette", [{"Name": "a"}] * 5000, "5000 entries"),
        ("litematic", f"{REGION}/BlockStatePalette/2", PISTON, "minecraft:piston[facing=up]"),
        ("litematic", f"{REGION}/BlockStatePalette/2", NINE, "repeater.delay: received '9'"),
        ("litematic", f"{REGION}/BlockStatePalette/2", {"Name": "create:cog"}, "create:cog"),
        ("litematic", f"{REGION}/BlockStatePalette/2", {"Name": "\x1b[2J\n"}, "x1b"),
        ("litematic", f"{REGION}/BlockStatePalette/2", {"Name": 7}, "Name: received 7"),
        ("litematic", f"{REGION}/BlockStatePalette/2", {}, "id: received 'nothing'"),
        ("litematic", f"{REGION}/BlockStatePalette/2/Properties", {"power": 3}, "give texts"),
        ("litematic", "Regions", {}, "0 regions"),
        ("litematic", "Regions/device", 3, "Size"),
        ("litematic", "Metadata/scicrafter-diagnose/corner", [0, -1, 0], "scicrafter-diagnose tag"),
        ("litematic", "Metadata/scicrafter-diagnose/press", ["a"] * 3, "scicrafter-diagnose tag"),
        ("litematic", "Metadata/scicrafter-diagnose/corner", [0, 9, 0], "height"),
        ("schem", "Version", 1, "version 2 or 3"),
        ("schem", "Version", "3", "Version"),
        ("schem", "Width", Short(-1), "give one number for each"),
        ("schem", "Height", Short(-1), "give one number for each of 196605 cells"),
        ("schem", "Palette/minecraft:air", 7, "number it"),
        ("schem", "Palette/minecraft:stone", "x", "number it"),
        ("schem", "Palette", {}, "palette"),
        ("schem", "BlockData", b"", "0 bytes"),
        ("schem", "BlockData", b"\xff" * 6, "5 bytes"),
        ("schem", "BlockData", b"\x09" * 6, "an index outside"),
        ("schem", "BlockData", b"\x00\x00\x00\x00\x00\x80", "each of 6 cells"),
        ("schem", "BlockData", "zero", "a byte array"),
        ("structure", "size", [FAR, FAR, FAR], "1048576 cells"),
        ("structure", "size", [0, 1, 1], "1048576 cells"),
        ("structure", "size", [1, 1], "three whole numbers"),
        ("structure", "size", ["1", "1", "1"], "three whole numbers"),
        ("structure", "blocks/0/pos", [FAR, 0, 0], "stay inside the size"),
        ("structure", "blocks/0/pos", [0, -1, 0], "stay inside the size"),
        ("structure", "blocks/0/pos", [0, 1, 0], "overlaps"),
        ("structure", "blocks/0/state", -1, "entry of the palette"),
        ("structure", "blocks/0/state", 99, "entry of the palette"),
        ("structure", "blocks/0", 3, "blocks/0"),
        ("structure", "palettes", [], "palettes"),
        ("structure", "palettes", [[{"Name": "minecraft:stone"}]], "entry of the palette"),
        ("structure", "palettes", [3], "list of block states"),
        ("structure", "palette/2", {"Name": "minecraft:redstone_wire", "Properties": {"x": "y"}},
         "redstone_wire property: received 'x'"),
    ],
)  # fmt: skip
def test_a_tampered_tag_is_one_message(tmp_path, capsys, to, path, value, words):
    if path == "blocks/0":
        raw, words = edited(to, path, {"pos": [0, 0, 0]}), "state: received 'nothing'"
    else:
        raw = edited(to, path, value)
    (tmp_path / "device.nbt").write_bytes(raw)
    assert main(["import", str(tmp_path / "device.nbt")]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert words in shown.err
    assert [file.name for file in tmp_path.iterdir()] == ["device.nbt"]


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([(0, 0, 0, "stone_button"), (0, 5, 0, "stone")], "height: received '6 layers'"),
        ([(0, 0, 0, "stone_button[face=floor]"), (200, 0, 0, "stone")], "at most 128 columns"),
        ([(0, 0, 0, "stone_button")], "put a full block at [0, 1, 1]"),
        ([(0, 0, 0, "stone")], "give the device a button"),
        ([(0, 0, 0, "oak_button")], "replace it; a device is made of stone, glass"),
    ],
)
def test_a_device_that_cannot_stand_is_one_message(blocks, words):
    high = [max(block[axis] for block in blocks) + 1 for axis in range(3)]
    states = [{"Name": f"minecraft:{block[3].partition('[')[0]}"} for block in blocks]
    if "face" in blocks[0][3]:
        states[0]["Properties"] = {"face": "floor"}
    root = {
        "blocks": [{"pos": list(block[:3]), "state": at} for at, block in enumerate(blocks)],
        "palette": states,
        "size": high,
    }
    with pytest.raises(InputError) as caught:
        import_device(write_nbt("", root))
    assert words in str(caught.value)


def test_regions_that_lie_on_one_another_do_not_take_forever():
    """Two kilobytes that place six million blocks, all in the same cells."""
    region = {
        "BlockStatePalette": [{"Name": "minecraft:air"}, {"Name": "minecraft:stone"}],
        "BlockStates": np.full(3 << 10, 0x5555555555555555, np.int64),
        "Position": {"x": 0, "y": 0, "z": 0},
        "Size": {"x": 1 << 10, "y": 1, "z": 96},
    }
    raw = write_nbt("", {"Regions": {str(number): region for number in range(60)}})
    assert len(raw) < 3000
    with pytest.raises(InputError, match="over 100000 blocks"):
        import_device(raw)


def mutated(draw: random.Random) -> bytes:
    """Return a good file with something wrong: bytes, lengths, tags cut out, doubled or swapped."""
    raw = FILES[draw.choice(sorted(FILES))]
    if draw.random() < 0.2:  # the gzip itself
        data = bytearray(raw)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        return bytes(data)
    data = bytearray(gzip.decompress(raw))
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(data) - 8)
        way = draw.randrange(5)
        if way == 0:
            data[at] = draw.randrange(256)
        elif way == 1:
            data[at : at + 4] = struct.pack(
                ">i", draw.choice((-FAR - 1, -1, 0, 1, 255, 1 << 20, FAR))
            )
        elif way == 2:
            del data[at : at + draw.randint(1, 40)]
        elif way == 3:
            start = draw.randrange(len(data))
            data[at:at] = data[start : start + draw.randint(1, 200)]
        else:
            data[at] ^= 1 << draw.randrange(8)
        if len(data) < 16:
            break
    return gzip.compress(bytes(data), 1)


def test_mutated_files_are_read_or_refused_and_nothing_else():
    draw = random.Random(7)
    read, messages = 0, []
    for _ in range(3000):
        try:
            read += bool(import_device(mutated(draw)).circuit.blocks)
        except InputError as error:
            messages.append(str(error))
    assert read + len(messages) == 3000
    assert min(read, len(messages)) > 100  # the mutations do reach both ends
    assert not any("\n" in message or "\x1b" in message for message in messages)
