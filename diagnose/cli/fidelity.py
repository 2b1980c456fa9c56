"""``diagnose fidelity``: is a verdict what the game would say?"""

import argparse
from pathlib import Path

from diagnose.cli.main import FAILED, OK
from diagnose.errors import InputError

MOST_CIRCUITS = 1_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--circuits", type=int, default=5000, help="random circuits to compare")
    parser.add_argument("--seed", type=int, default=0, help="of the random circuits")
    parser.add_argument("--out", type=Path, help="also write the whole page there (.md)")


def main(given: argparse.Namespace) -> int:
    """Run the conformance cases and the comparison; print the summary, or write the page.

    Fails when the judge does not do what the cases have on record.

    Raises:
        InputError: a number of circuits below 0 or beyond the most.
    """
    from diagnose.fidelity import conformance, page
    from diagnose.fidelity.cases import CASES
    from diagnose.fidelity.differential import compare

    if not 0 <= given.circuits <= MOST_CIRCUITS:
        raise InputError("circuits", given.circuits, f"use 0 to {MOST_CIRCUITS:,}")
    outcomes = conformance.run(CASES)
    difference = compare(given.seed, given.circuits)
    print(page.summary(outcomes, difference))
    print(f"\n{page.differential(difference)}\n\n{page.classes(difference)}")
    if given.out is not None:
        command = (
            f"diagnose fidelity --circuits {given.circuits} --seed {given.seed} "
            f"--out {given.out.as_posix()}"
        )
        text = page.page(outcomes, difference, command)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n", encoding="utf-8")
    surprising = [one.case.name for one in outcomes if not one.as_known]
    for name in surprising:
        print(f"the judge is not as on record: {name}")
    return FAILED if surprising else OK
