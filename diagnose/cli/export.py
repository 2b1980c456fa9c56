"""``diagnose export``: a circuit file as a file that the game can paste."""

import argparse
import re
from pathlib import Path

from diagnose.cli.main import OK

FORMATS = ("litematic", "schem", "structure")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--to",
        choices=FORMATS,
        required=True,
        help="Litematica's .litematic, WorldEdit's .schem, or a structure block's .nbt",
    )
    parser.add_argument("-o", "--out", type=Path, help="default: beside the input, if free")
    parser.add_argument("--no-floor", action="store_true", help="leave out the stone floor")


def main(given: argparse.Namespace) -> int:
    """Write a device for the game and print where.

    Raises:
        InputError: no circuit file, or a default name that is taken.
    """
    from diagnose.cli.out_file import place
    from diagnose.env.circuit import load_circuit
    from diagnose.env.exchange import FORMATS as KNOWN
    from diagnose.env.exchange import WIDEST, export_device
    from diagnose.whole_file import write_whole

    circuit = load_circuit(given.file, WIDEST)
    name = given.file.stem
    if given.to == "structure":  # the game finds no structure whose name has any other sign
        name = re.sub(r"[^a-z0-9_.-]", "_", name.lower())
    out = place(given.out, given.file.with_name(name + KNOWN[given.to].suffix))
    write_whole(out, export_device(circuit, given.to, name=name, floor=not given.no_floor))
    print(out)
    return OK
