"""Devices to the game and back, checked by readers and writers that are not ours."""

import base64
import gzip
import json
from pathlib import Path

import nucleation
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from diagnose.env.blocks import STONE, name_of, parse_block
from diagnose.env.circuit import Circuit, load_circuit
from diagnose.env.engine import press
from diagnose.env.exchange import FORMATS, export_device, import_device
from diagnose.env.exchange.litematic import _packed, _unpacked
from diagnose.env.exchange.sponge import _from_varints, _varints
from diagnose.env.experiments import true_laws
from diagnose.env.nbt import read_nbt, write_nbt
from diagnose.errors import InputError
from diagnose.fidelity.loops import feeds_itself
from diagnose.tasks import all_tasks, build_device, task, verdict_of
from tests.env.circuits import SIDE, circuit, line, random_circuit
from tests.env.tags import typed

FILES = Path(__file__).parent / "data" / "exchange"
TASKS = [one.id for one in all_tasks()]
BUTTON = parse_block("stone_button[face=floor]")


def gold(name: str) -> Circuit:
    return build_device(task(name), true_laws())


def foreign(raw: bytes) -> bytes:
    """Return the file without our own tag, as another program saves it again."""
    root = read_nbt(raw)
    (root.get("Metadata") or root).pop("scicrafter-diagnose")
    return write_nbt("Schematic" if "Palette" in root else "", typed(root))


def at_origin(circuit: Circuit) -> dict:
    """Return the blocks, shifted to where a file that says nothing puts them."""
    low = [min(pos[axis] for pos in circuit.blocks) for axis in (0, 2)]
    return {(x - low[0], y, z - low[1]): state for (x, y, z), state in circuit.blocks.items()}


@st.composite
def legal_circuits(draw):
    """Random circuits that stand, some of them with several buttons, anywhere in the area."""
    made = random_circuit(draw(st.integers(0, 10**6)), size=draw(st.integers(2, 6)))
    blocks = dict(made.blocks)
    for x, z in draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=3)):
        blocks.setdefault((x, 1, z), BUTTON)
    buttons = sorted(pos for pos, state in blocks.items() if name_of(state) == "stone_button")
    dx, dz = draw(st.integers(0, SIDE - 8)), draw(st.integers(0, SIDE - 8))
    x, y, z = draw(st.sampled_from(buttons))
    moved = {(a + dx, b, c + dz): state for (a, b, c), state in blocks.items()}
    return Circuit(moved, (x + dx, y, z + dz))


@pytest.mark.parametrize("name", [*TASKS, "B-L7", "D-L6"])
def test_every_gold_device_comes_back_and_passes(name):
    before = gold(name)
    for to in FORMATS:
        for floor in (True, False):
            after = import_device(export_device(before, to, floor=floor))
            assert after.notes == ()
            assert after.circuit.sha256 == before.sha256
        lone = import_device(foreign(export_device(before, to))).circuit
        assert dict(lone.blocks) == at_origin(before)  # the floor is known by its look alone
        shifted = Circuit.from_json(lone.to_json(), task(name).area_side)
        assert verdict_of(task(name), shifted).passed


@given(legal_circuits(), st.sampled_from(sorted(FORMATS)), st.booleans())
def test_every_legal_circuit_comes_back(before, to, floor):
    raw = export_device(before, to, floor=floor)
    assert raw == export_device(before, to, floor=floor)
    assert import_device(raw).circuit.sha256 == before.sha256


def by_nucleation(raw: bytes, to: str) -> dict:
    """Return the blocks that the package's own reader finds in a file."""
    read = {"litematic": "from_litematic", "schem": "from_schematic"}[to]
    schematic = getattr(nucleation.Schematic, read)(list(raw))
    found = json.loads(schematic.get_non_air_blocks_json())
    cells = [(block["x"], block["y"], block["z"]) for block in found]
    return {cell: schematic.get_block_string(*cell) for cell in cells}


@pytest.mark.parametrize("to", ["litematic", "schem"])
@pytest.mark.parametrize("name", ["A-L5", "D-L3", "E-L5"])
def test_another_reader_finds_the_same_blocks(name, to):
    device = gold(name)
    raw = export_device(device, to, name=name)
    found = by_nucleation(raw, to)
    low = [min(pos[axis] for pos in device.blocks) for axis in (0, 2)]
    high = [max(pos[axis] for pos in device.blocks) for axis in (0, 2)]
    floor = {(x, z) for x, y, z in found if y == 0}
    assert len(floor) == (high[0] - low[0] + 1) * (high[1] - low[1] + 1)
    assert {found[x, 0, z] for x, z in floor} == {STONE}
    standing = {pos: parse_block(state) for pos, state in found.items() if pos[1]}
    assert standing == at_origin(device)
    read = {"litematic": "from_litematic", "schem": "from_schematic"}[to]
    told = getattr(nucleation.Schematic, read)(list(raw))
    assert (told.name(), told.author()) == (name, "scicrafter-diagnose")
    assert told.source_data_version() == 3465


def structure_states(raw: bytes) -> dict:
    """Read a structure file as the format says, with nothing of ours but the tags."""
    root = read_nbt(raw)
    palette = [
        entry["Name"]
        + ("[" + ",".join(f"{k}={v}" for k, v in sorted(entry["Properties"].items())) + "]"
           if "Properties" in entry else "")
        for entry in root["palette"]
    ]  # fmt: skip
    listed = {tuple(block["pos"]): palette[block["state"]] for block in root["blocks"]}
    assert len(listed) == len(root["blocks"]) == np.prod(root["size"])
    return {pos: state for pos, state in listed.items() if state != "minecraft:air"}


@pytest.mark.parametrize("name", ["B-L2", "C-L4", "E-L3"])
def test_the_three_formats_say_the_same(name):
    device = gold(name)
    first, second = (by_nucleation(export_device(device, to), to) for to in ("litematic", "schem"))
    assert first == second == structure_states(export_device(device, "structure"))


def lamp_times(world, lamps, until_rt):
    """Press and return, per lamp, the redstone ticks at which it is lit."""
    lit = {lamp: [] for lamp in lamps}
    for at_rt in range(until_rt):
        states = json.loads(world.read_probes(json.dumps(lamps)))
        for lamp, state in zip(lamps, states, strict=True):
            if "lit=true" in state:
                lit[lamp].append(at_rt)
        world.run(2)
    return lit


@pytest.mark.parametrize("name", ["A-L3", "B-L3", "C-L3", "D-L2", "E-L1", "E-L5"])
def test_it_stands_right_when_nothing_is_updated(name):
    """Loaded as it is, without any update, the device rests, and its button does what it does."""
    device = gold(name)
    schematic = nucleation.Schematic.from_litematic(list(export_device(device, "litematic")))
    quiet = nucleation.TickSettleMode.Quiet
    world = nucleation.TickSimulation.from_schematic(schematic, quiet, 0, 0, 0, "")
    world.run(40)
    assert world.changes_count() == 0
    low = [min(pos[axis] for pos in device.blocks) for axis in (0, 2)]
    trace = press(device, task(name).area_side)
    lamps = [(x - low[0], y, z - low[1]) for x, y, z in device.cells("redstone_lamp")]
    world.use_block(device.press[0] - low[0], device.press[1], device.press[2] - low[1])
    seen = lamp_times(world, lamps, trace.end_rt + 2)
    for lamp, pos in zip(lamps, device.cells("redstone_lamp"), strict=True):
        (lit,) = trace.lamps[pos]
        assert seen[lamp] == list(range(lit.rise_rt, lit.fall_rt))


@given(st.integers(0, 10**6))
@example(248)  # a repeater that a comparator locks
def test_what_is_written_is_what_the_engine_settles_to(seed):
    """Placed block by block with every update, the file's states stay as the file has them."""
    device = random_circuit(seed, size=4)
    assume(press(device, SIDE).settled and not feeds_itself(device))
    raw = export_device(device, "litematic")
    schematic = nucleation.Schematic.from_litematic(list(raw))
    placed = nucleation.TickSettleMode.Placement
    world = nucleation.TickSimulation.from_schematic(schematic, placed, 0, 0, 0, "")
    world.run_until_quiescent(1200)
    blocks = by_nucleation(raw, "litematic")
    states = json.loads(world.read_probes(json.dumps(list(blocks))))
    assert dict(zip(blocks, states, strict=True)) == blocks


def kept_outputs(device: Circuit, to: str) -> dict:
    """Return what a file keeps of each comparator, by the tags of its format."""
    root = read_nbt(export_device(device, to))
    if to == "litematic":
        (region,) = root["Regions"].values()
        kept = [((one["x"], one["y"], one["z"]), one["id"], one) for one in region["TileEntities"]]
    elif to == "schem":
        kept = [(tuple(one["Pos"].tolist()), one["Id"], one) for one in root["BlockEntities"]]
    else:
        with_nbt = [block for block in root["blocks"] if "nbt" in block]
        kept = [(tuple(one["pos"]), one["nbt"]["id"], one["nbt"]) for one in with_nbt]
    assert {name for _, name, _ in kept} == {"minecraft:comparator"}
    return {pos: one["OutputSignal"] for pos, _, one in kept}


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_a_comparator_keeps_what_it_gives(to):
    """Back 15 less side 12 is 3; back 15 compared with side 12 is 15; nothing is nothing."""
    rows = []
    for z, mode in ((0, "subtract"), (8, "compare")):
        rows += [
            (0, 1, z + 1, "redstone_block"), (1, 1, z + 1, "redstone_wire"),
            (2, 1, z + 1, f"comparator[facing=west,mode={mode}]"), (3, 1, z + 1, "redstone_wire"),
            (0, 1, z + 4, "redstone_block"), (0, 1, z + 3, "redstone_wire"),
            (1, 1, z + 3, "redstone_wire"), (2, 1, z + 3, "redstone_wire"),
            (2, 1, z + 2, "redstone_wire"),
        ]  # fmt: skip
    device = circuit((9, 1, 9, BUTTON), *rows, (6, 1, 9, "comparator[facing=west]"))
    assert kept_outputs(device, to) == {(2, 1, 0): 3, (2, 1, 8): 15, (6, 1, 8): 0}


@pytest.mark.parametrize(
    "name", ["litemapy.litematic", "mcschematic.schem", "nbtlib.nbt", "nbtlib_two_palettes.nbt"]
)
def test_files_of_other_writers_are_read(name):
    """Negative sizes, regions far away, corners below zero, air left out, several palettes."""
    device = load_circuit(FILES / "c-l1.json", SIDE)
    imported = import_device((FILES / name).read_bytes())
    assert dict(imported.circuit.blocks) == at_origin(device)
    assert imported.circuit.blocks[imported.circuit.press].startswith("minecraft:stone_button")
    assert verdict_of(task("C-L1"), imported.circuit).passed


@pytest.mark.parametrize("to", ["to_litematic_b64", "to_schematic_b64"])
def test_files_of_the_engines_package_are_read(to):
    """It writes lower-case state tags, and schematics of version 3."""
    device = gold("D-L2")
    schematic = nucleation.Schematic.create("device")
    for (x, y, z), state in device.blocks.items():
        schematic.set_block_from_string(x, y, z, state)
        schematic.set_block_from_string(x, 0, z, STONE)
    raw = base64.b64decode(getattr(schematic, to)())
    assert dict(import_device(raw).circuit.blocks) == at_origin(device)


def test_palettes_that_differ_are_refused():
    with pytest.raises(InputError, match="2 that differ"):
        import_device((FILES / "nbtlib_two_floors.nbt").read_bytes())


def test_numbers_are_packed_as_the_formats_say():
    """Closed forms: varints as in protocol buffers' guide, indices end to end across longs."""
    assert _varints(np.array([1, 127, 128, 300])) == bytes([1, 127, 128, 1, 0xAC, 2])
    thirteen = np.arange(13, dtype=np.int64)
    number = sum(int(value) << (5 * place) for place, value in enumerate(thirteen))
    longs = [(number >> (64 * part)) & (2**64 - 1) for part in range(2)]
    assert _packed(thirteen, 5).astype(np.uint64).tolist() == longs


@given(st.integers(1, 12), st.lists(st.integers(0, 4095), min_size=1, max_size=200))
def test_packed_numbers_come_back(bits, values):
    indices = np.array(values, dtype=np.int64) % (1 << bits)
    assert _unpacked(_packed(indices, bits), bits, len(indices)).tolist() == indices.tolist()
    assert _from_varints(_varints(indices), len(indices)).tolist() == indices.tolist()


def two_buttons() -> Circuit:
    return circuit((3, 1, 3, BUTTON), (3, 1, 4, "redstone_lamp"), (3, 1, 5, BUTTON))


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_the_button_is_kept_or_asked_for(to):
    for cell in ((3, 1, 3), (3, 1, 5)):
        device = Circuit(two_buttons().blocks, cell)
        assert import_device(export_device(device, to)).circuit == device
    raw = foreign(export_device(two_buttons(), to))
    with pytest.raises(InputError, match=r"name one with --press x,y,z: 0,1,0, 0,1,2"):
        import_device(raw)
    assert import_device(raw, press=(0, 1, 2)).circuit.press == (0, 1, 2)
    with pytest.raises(InputError, match=r"its stone buttons stand at 0,1,0, 0,1,2"):
        import_device(raw, press=(0, 1, 1))


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_the_floor_is_stone_under_everything(to):
    """A layer of stone is a floor only where the whole device stands on it."""
    on_stone = circuit(
        (0, 2, 0, BUTTON), (0, 1, 0, "stone"), (1, 1, 0, "stone"), (1, 2, 0, "redstone_lamp")
    )
    raw = foreign(export_device(on_stone, to))  # a floor below the layer of stone
    assert dict(import_device(raw).circuit.blocks) == dict(on_stone.blocks)
    partly = circuit((0, 2, 0, BUTTON), (0, 1, 0, "stone"), (1, 2, 0, "redstone_lamp"))
    raw = foreign(export_device(partly, to, floor=False))
    assert dict(import_device(raw).circuit.blocks) == dict(partly.blocks)


def test_a_dot_of_dust_is_told():
    """The game lets a player turn lone dust into a dot; this world knows only the cross."""
    root = read_nbt(export_device(line("stone", "stone", "redstone_wire"), "structure"))
    for entry in root["palette"]:
        if entry["Name"] == "minecraft:redstone_wire":
            assert {entry["Properties"][side] for side in ("north", "east")} == {"side"}
            entry["Properties"] = {"power": "0"}
    assert "[0, 1, 3]" in import_device(write_nbt("", root)).notes[0]
    joined = read_nbt(export_device(line("redstone_wire", "redstone_wire"), "structure"))
    for entry in joined["palette"]:
        if entry["Name"] == "minecraft:redstone_wire":
            entry.pop("Properties")
    assert import_device(write_nbt("", joined)).notes == ()


def test_air_of_every_kind_is_nothing():
    device = gold("A-L1")
    root = read_nbt(export_device(device, "structure"))
    for kind in ("air", "cave_air", "void_air", "structure_void"):
        root["palette"][0] = {"Name": f"minecraft:{kind}"}
        assert import_device(write_nbt("", root)).circuit == device


def test_a_name_that_no_string_of_the_game_holds():
    raw = export_device(gold("A-L1"), "litematic", name="\udcff\x00\n" + "ü" * 500)
    assert read_nbt(raw)["Metadata"]["Name"] == "ü" * 64


def test_a_plain_file_is_read_too():
    raw = export_device(gold("A-L1"), "schem")
    assert import_device(gzip.decompress(raw)).circuit == gold("A-L1")
