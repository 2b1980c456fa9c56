"""``diagnose draw``: a circuit file as a picture."""

import argparse
from pathlib import Path

from diagnose.cli.main import OK
from diagnose.errors import InputError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="a .png file")
    parser.add_argument("--at", type=float, help="show the state at this many rt after the press")
    parser.add_argument("--task", default="A-L1", help="whose area to use")


def main(given: argparse.Namespace) -> int:
    """Draw a circuit file.

    Raises:
        InputError: no such task, no circuit file, or a name that is no picture's.
    """
    from diagnose.env.circuit import load_circuit
    from diagnose.env.painter import draw as paint
    from diagnose.tasks import task

    if given.out.suffix.lower() != ".png":
        raise InputError("out", str(given.out), "give a name that ends in .png")
    circuit = load_circuit(given.file, task(given.task).area_side)
    paint(circuit, given.out, trace_at_rt=given.at, title=given.file.stem)
    print(given.out)
    return OK
