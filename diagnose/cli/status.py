"""``diagnose status``: how far studies are, and why an episode is or is not current."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from diagnose.cli.addressed import places
from diagnose.cli.main import OK
from diagnose.errors import InputError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "study",
        nargs="*",
        type=places,
        help="studies' folders or addresses, or an address of studies; all in studies/",
    )
    parser.add_argument("--episode", help="why this episode is or is not current: its id")
    parser.add_argument("--task", help="the same, of this task: for example C-L3")
    parser.add_argument("--run", type=int, help="and this run, from 0")
    parser.add_argument("--cell", help="and this cell: for example 1010")


def main(given: argparse.Namespace) -> int:
    """Print a line for each study, one study by task and cell, or what is said of an episode.

    Raises:
        InputError: no study is there, or none of its episodes is asked for.
        StoreError: a file of records is broken.
    """
    from diagnose.cli.standing import rows, standing, told

    folders = [folder for named in given.study for folder in named] or _all()
    asked = [one for one in (given.episode, given.task, given.run, given.cell) if one is not None]
    if asked:
        if len(folders) != 1:
            raise InputError("study", [str(one) for one in folders], "name one study")
        print("\n".join(_explained(given, folders[0])))
        return OK
    studies = [standing(folder) for folder in folders]
    if not sys.stdout.isatty():  # for another program: no heading, nothing to look at
        print("\n".join("\t".join(row) for row in rows(studies)))
    elif len(studies) == 1:
        print("\n".join(told(studies[0])))
    else:
        print(_table(rows(studies)))
    return OK


def _all() -> list[Path]:
    found = sorted(path.parent for path in Path("studies").glob("*/study.json"))
    if not found:
        raise InputError("study", "studies", "no study is there; name a study's folder")
    return found


def _table(rows: list[list[str]]) -> str:
    from analysis.report.table import Table

    head = ["study", "done", "of", "left", "not observed", "$", "running"]
    return Table("status", "", head, rows).written("text")


def _explained(given: argparse.Namespace, folder: Path) -> Iterable[str]:
    from diagnose.cli.current import explained, recomposed
    from diagnose.index import places_in

    study = recomposed(folder)
    named = {
        (place.entry.task, place.entry.run, place.entry.cell)
        for place in (places_in(folder) if given.episode else ())
        if place.entry.episode_id == given.episode
    }
    plans = [
        plan
        for plan in study.plans
        if given.task in (None, plan.task)
        and given.run in (None, plan.run)
        and given.cell in (None, plan.cell)
        and (
            given.episode is None
            or study.identify(plan) == given.episode
            or (plan.task, plan.run, plan.cell) in named
        )
    ]
    if not plans:
        raise InputError("study", str(folder), "no episode of its plan is the one asked for")
    return [line for plan in plans for line in explained(study, folder, plan)]
