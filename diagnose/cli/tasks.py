"""``diagnose tasks``: what there is to build."""

import argparse

from diagnose.cli.main import OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("task", nargs="?", help="for example C-L3")
    parser.add_argument("--all", action="store_true", help="also the levels past the paper's")


def main(given: argparse.Namespace) -> int:
    """List the tasks, or print the text of one.

    Raises:
        InputError: no such task.
    """
    from diagnose.tasks import all_tasks, family_of, task
    from diagnose.tasks.base import LEVELS, PUBLISHED_LEVELS

    if given.task is not None:
        chosen = task(given.task)
        print(family_of(chosen).text(chosen))
        return OK
    for one in all_tasks(LEVELS if given.all else PUBLISHED_LEVELS):
        params = ", ".join(f"{key} {_brief(value)}" for key, value in one.params.items())
        print(f"{one.id}  {one.lamps:3d} lamps  {family_of(one).title:28s} {params}")
    return OK


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:36]}...]"
