"""Write the files of this folder: the gold device of C-L1, saved by writers that are not ours.

Run once, in an environment of its own, and not by the tests:

    python -m diagnose gold C-L1 > c-l1.json
    pip install litemapy==0.11.0b0 mcschematic==11.4.4 nbtlib==2.0.4
    python make.py
"""

import json
from pathlib import Path

import litemapy
import mcschematic
from nbtlib import Compound, File, Int, List, String

HERE = Path(__file__).parent
DEVICE = json.loads((HERE / "c-l1.json").read_text())


def parts(text):
    name, _, inside = text.partition("[")
    return name, dict(part.split("=") for part in inside.rstrip("]").split(",") if part)


BLOCKS = {(x, y, z): parts(text) for x, y, z, text in DEVICE["blocks"]}
XS, _, ZS = zip(*BLOCKS, strict=True)
FLOOR = {
    (x, 0, z): ("minecraft:stone", {})
    for x in range(min(XS), max(XS) + 1)
    for z in range(min(ZS), max(ZS) + 1)
}


def litematic():
    """Two regions, far away, one with sizes that are all negative, one with its floor alone."""
    low, high = (min(XS), min(ZS)), (max(XS), max(ZS))
    far = (100, -60, -200)
    width, length = high[0] - low[0] + 1, high[1] - low[1] + 1
    device = litemapy.Region(
        far[0] + width - 1, far[1] + 1, far[2] + length - 1, -width, -1, -length
    )
    floor = litemapy.Region(far[0], far[1], far[2], width, 1, length)
    corner = (device.min_x(), device.min_y(), device.min_z())
    for (x, y, z), (name, props) in BLOCKS.items():
        at = (corner[0] + x - low[0], corner[1] + y - 1, corner[2] + z - low[1])
        device[at] = litemapy.BlockState(name, **props)
    for x in floor.range_x():
        for z in floor.range_z():
            floor[x, 0, z] = litemapy.BlockState("minecraft:stone")
    schematic = litemapy.Schematic(
        name="C-L1", author="somebody", regions={"device": device, "floor": floor}
    )
    schematic.save(str(HERE / "litemapy.litematic"))


def schem():
    """The device and its floor, around a corner below zero."""
    schematic = mcschematic.MCSchematic()
    for (x, y, z), (name, props) in {**FLOOR, **BLOCKS}.items():
        inside = ",".join(f"{key}={value}" for key, value in props.items())
        schematic.setBlock((x - 40, y - 3, z - 40), f"{name}[{inside}]" if inside else name)
    schematic.save(str(HERE), "mcschematic", mcschematic.Version.JE_1_20_1)


def structure(name, *orders):
    """Blocks alone, no air, and as many palettes as orders; the first entry differs if asked."""
    states = [*sorted({json.dumps(block) for block in BLOCKS.values()}), '["minecraft:stone", {}]']
    low = (min(XS), 0, min(ZS))
    file = File(
        {
            "DataVersion": Int(3955),
            "size": List[Int]([Int(max(XS) - low[0] + 1), Int(2), Int(max(ZS) - low[2] + 1)]),
            "entities": List[Compound]([]),
            "blocks": List[Compound](
                [
                    Compound(
                        {
                            "pos": List[Int]([Int(a - b) for a, b in zip(pos, low, strict=True)]),
                            "state": Int(states.index(json.dumps(block))),
                        }
                    )
                    for pos, block in {**FLOOR, **BLOCKS}.items()
                ]
            ),
        },
        gzipped=True,
    )
    palettes = []
    for last in orders:
        entries = [json.loads(state) for state in states[:-1]] + [[last, {}]]
        palettes.append(
            List[Compound](
                [
                    Compound({"Name": String(block)})
                    if not props
                    else Compound(
                        {
                            "Name": String(block),
                            "Properties": Compound({k: String(v) for k, v in props.items()}),
                        }
                    )
                    for block, props in entries
                ]
            )
        )
    if len(palettes) == 1:
        file["palette"] = palettes[0]
    else:
        file["palettes"] = List[List[Compound]](palettes)
    file.save(str(HERE / name))


litematic()
schem()
structure("nbtlib.nbt", "minecraft:stone")
structure("nbtlib_two_palettes.nbt", "minecraft:stone", "minecraft:stone")
structure("nbtlib_two_floors.nbt", "minecraft:stone", "minecraft:glass")
