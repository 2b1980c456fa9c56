"""``diagnose import``: a device saved in the game as a circuit file."""

import argparse
import json
import sys
from pathlib import Path

from diagnose.cli.main import OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path, help="a .litematic, .schem or structure .nbt file")
    parser.add_argument("-o", "--out", type=Path, help="default: beside the input, if free")
    parser.add_argument("--press", metavar="x,y,z", help="the button, where the device has several")


def main(given: argparse.Namespace) -> int:
    """Write a circuit file and print where; what was read otherwise than shown goes to stderr.

    Raises:
        InputError: no such file, not a device, or a default name that is taken.
    """
    from diagnose.cli.out_file import place
    from diagnose.env.exchange import import_device, read_file
    from diagnose.whole_file import write_whole

    imported = import_device(read_file(given.file), given.press and _cell(given.press))
    out = place(given.out, given.file.with_suffix(".json"))
    write_whole(out, (json.dumps(imported.circuit.to_json()) + "\n").encode())
    for note in imported.notes:
        print(f"diagnose: note: {note}", file=sys.stderr)
    print(out)
    return OK


def _cell(text: str) -> tuple[int, int, int]:
    from diagnose.errors import InputError

    try:
        x, y, z = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError("press", text, "write x,y,z, for example 16,1,16") from error
    return (x, y, z)
