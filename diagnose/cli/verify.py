"""``diagnose verify``: what the judge says of a circuit file."""

import argparse
import json
from pathlib import Path

from diagnose.cli.main import FAILED, OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--task", required=True, help="for example C-L3")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")


def main(given: argparse.Namespace) -> int:
    """Judge a circuit file and print the verdict with its reasons.

    Raises:
        InputError: no such task, or no circuit file.
    """
    from diagnose.env.circuit import load_circuit
    from diagnose.env.engine import ENGINE, press
    from diagnose.tasks import family_of, judge, task

    chosen = task(given.task)
    family = family_of(chosen)
    circuit = load_circuit(given.file, chosen.area_side)
    trace = press(circuit, chosen.area_side, last_fall_rt=family.last_fall_rt(chosen))
    verdict = judge(family, chosen, circuit, trace)
    if given.json:
        shown = {"task": chosen.id, "engine": ENGINE, **verdict.to_json(), **trace.to_json()}
        print(json.dumps(shown))
    else:
        print(f"{chosen.id}: {'pass' if verdict.passed else 'fail'}")
        for reason in verdict.reasons:
            print(f"- {reason}")
    return OK if verdict.passed else FAILED
