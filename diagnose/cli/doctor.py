"""``diagnose doctor``: whether a study's files are sound, and mending what loses nothing."""

import argparse
from pathlib import Path

from diagnose.cli.main import FAILED, OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("study", nargs="+", type=Path, help="studies' folders")
    parser.add_argument("--repair", action="store_true", help="mend what loses nothing")


def main(given: argparse.Namespace) -> int:
    """Print each fault with what mends it; return 1 while any is left.

    Raises:
        InputError: a folder is no study.
        StoreError: a study to be mended is running.
    """
    from diagnose.cli.examined import examine, repair

    left = 0
    for folder in given.study:
        faults = examine(folder)
        if given.repair and any(fault.mend for fault in faults):
            repair(folder, faults)
            for fault in faults:
                if fault.mend:
                    print(f"{fault.file}: {fault.what}: {fault.mend}")
            faults = examine(folder)
        for fault in faults:
            hint = " (--repair mends it)" if fault.mend else ""
            print(f"{fault.file}: {fault.what}{hint}")
        if not faults:
            print(f"{folder}: sound")
        left += len(faults)
    return FAILED if left else OK
