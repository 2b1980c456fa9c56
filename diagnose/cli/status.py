"""``diagnose status``: how far studies are, what happened, why an episode is or is not current."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from diagnose.cli.addressed import places
from diagnose.cli.main import OK
from diagnose.errors import InputError
from diagnose.journal import LEVELS

SHOWN_JOBS = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    told = "studies' folders or addresses, an address of many, or a sweep's jobs; all in studies/"
    parser.add_argument("study", nargs="*", type=places, help=told)
    parser.add_argument("--log", action="store_true", help="what happened: the study's log.jsonl")
    parser.add_argument("--level", choices=LEVELS, default="info", help="of --log: from this on")
    parser.add_argument("--follow", action="store_true", help="of --log: and as it goes on")
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
    if given.log or given.follow:
        return _log(given, folders)
    if len(folders) == 1 and folders[0].is_file():
        print("\n".join(_sweep(folders[0])))
        return OK
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
        print("\n".join(_jobs(studies[0].folder)))
    else:
        print(_table(rows(studies)))
    return OK


def _log(given: argparse.Namespace, folders: list[Path]) -> int:
    from diagnose.cli.log_lines import follow, log_lines

    if len(folders) != 1:
        raise InputError("study", [str(one) for one in folders], "name one study")
    if given.follow:
        for line in follow(folders[0], given.level, given.episode):
            print(line, flush=True)
    print("\n".join(log_lines(folders[0], given.level, given.episode)))
    return OK


def _sweep(file: Path) -> Iterable[str]:
    """Yield a line for each job of a sweep: its study, and how it stands."""
    from diagnose.cli import jobs

    found = jobs.noted(file)
    if not found:
        raise InputError("study", str(file), "it is no study's folder and holds no jobs of a sweep")
    for job in sorted(found, key=lambda job: int(job.get("number", 0))):
        yield f"{job['study'] or '-'}\t{jobs.told(job)}"


def _jobs(folder: Path) -> Iterable[str]:
    """Yield the jobs that wrote to a study, the last ones."""
    from diagnose.cli import jobs

    found = jobs.noted(folder / jobs.NAME)
    if found:
        yield f"\nJobs ({len(found)}; all in {folder / jobs.NAME}):"
        yield from map(jobs.told, found[-SHOWN_JOBS:])


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
