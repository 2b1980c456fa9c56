"""``diagnose doctor``: whether a study's files are sound, and mending what loses nothing."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.cli.main import FAILED, OK
from diagnose.remote.address import Address, is_address

if TYPE_CHECKING:
    from diagnose.cli.examined import Fault


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("study", nargs="+", help="studies' folders or addresses")
    parser.add_argument("--repair", action="store_true", help="mend what loses nothing")


def main(given: argparse.Namespace) -> int:
    """Print each fault with what mends it; return 1 while any is left.

    Raises:
        InputError: a folder is no study.
        StoreError: a study to be mended is running.
    """
    left = 0
    for name in given.study:
        if is_address(name):
            left += _of_address(Address.parse(name, "study"), mend=given.repair)
            continue
        faults = _of_folder(Path(name), mend=given.repair)
        if not faults:
            print(f"{Path(name)}: sound")
        left += len(faults)
    return FAILED if left else OK


def _of_folder(folder: Path, *, mend: bool) -> "list[Fault]":
    """Print the faults of a study's files, and return those that are left."""
    from diagnose.cli.examined import examine, repair

    faults = examine(folder)
    if mend and any(fault.mend for fault in faults):
        repair(folder, faults)
        for fault in faults:
            if fault.mend:
                print(f"{fault.file}: {fault.what}: {fault.mend}")
        faults = examine(folder)
    for fault in faults:
        hint = " (--repair mends it)" if fault.mend else ""
        print(f"{fault.file}: {fault.what}{hint}")
    return faults


def _of_address(address: Address, *, mend: bool) -> int:
    """Print the faults of a study's objects and of its files here; return how many are left."""
    from diagnose.remote.doctor import examine, repair

    folder, faults = examine(address)
    if mend and any(fault.mend for fault in faults):
        repair(address, faults)
        for fault in faults:
            if fault.mend:
                print(f"{address.text}: {fault.what}: {fault.mend}")
        folder, faults = examine(address)
    for fault in faults:
        hint = " (--repair mends it)" if fault.mend else ""
        print(f"{address.text}: {fault.what}{hint}")
    left = len(faults) + len(_of_folder(folder, mend=mend))
    if not left:
        print(f"{address.text}: sound")
    return left
