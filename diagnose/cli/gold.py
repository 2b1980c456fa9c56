"""``diagnose gold``: the device that an agent knowing every law builds."""

import argparse
import json

from diagnose.cli.main import OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("task", help="for example C-L3")


def main(given: argparse.Namespace) -> int:
    """Print a task's full-knowledge device as a circuit file.

    Raises:
        InputError: no such task, or none is known.
    """
    from diagnose.env.experiments import true_laws
    from diagnose.tasks import build_device, task

    print(json.dumps(build_device(task(given.task), true_laws()).to_json()))
    return OK
