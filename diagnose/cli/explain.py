"""``diagnose explain``: why a circuit file fails a task."""

import argparse
import json
from pathlib import Path

from diagnose.cli.main import FAILED, OK

_MOST_PRESSES = 20  # each is a pressed device, some milliseconds

_SURE = {
    True: "a repair confirms it",
    False: "its repair alone does not help",
    None: "told from the trace",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--task", required=True, help="for example C-L3")
    parser.add_argument("--json", action="store_true", help="print the causes as JSON")


def main(given: argparse.Namespace) -> int:
    """Print the causes of a failure, the one that weighs most first; exit 0 if the device passes.

    Raises:
        InputError: no such task, or no circuit file.
    """
    from diagnose.env.circuit import load_circuit
    from diagnose.tasks import task, verdict_of
    from diagnose.tasks.failing import causes_of

    chosen = task(given.task)
    circuit = load_circuit(given.file, chosen.area_side)
    passed = verdict_of(chosen, circuit).passed
    causes = causes_of(chosen, circuit, _MOST_PRESSES)
    if given.json:
        shown = {"task": chosen.id, "passed": passed, "causes": [one.to_json() for one in causes]}
        print(json.dumps(shown))
    else:
        print(f"{chosen.id}: {'pass' if passed else 'fail'}")
        for one in causes:
            law = f"law: {one.law}; " if one.law else ""
            told = _SURE[one.confirmed] if one.lamps else "seen as it is"
            print(f"- {one.cause}: {one.sentence}")
            print(f"  {law}by convention: {one.capacity_by_convention}; {told}")
    return OK if passed else FAILED
