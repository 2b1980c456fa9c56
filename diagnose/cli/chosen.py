"""Which episodes of a study a command is about."""

import argparse
from pathlib import Path

from diagnose.cli.addressed import place
from diagnose.errors import InputError
from diagnose.ledger import read_records
from diagnose.records import EpisodeRecord, Outcome


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Declare the study and the options that choose among its episodes."""
    parser.add_argument(
        "study", type=place, help="a study's folder, address, or its episodes.jsonl"
    )
    parser.add_argument("--task", help="only this task: for example C-L3")
    parser.add_argument("--run", type=int, help="only this run, from 0")
    parser.add_argument("--cell", help="only this cell: for example 1010")
    parser.add_argument("--outcome", choices=("passed", "failed", "not_observed"))


def chosen(given: argparse.Namespace) -> list[EpisodeRecord]:
    """Return the chosen records in canonical order.

    Raises:
        InputError: there are none.
        StoreError: no study is there, or its file is broken.
    """
    outcome: Outcome | None = given.outcome
    found = [
        record
        for record in read_records(given.study)
        if given.task in (None, record.task)
        and given.run in (None, record.run)
        and given.cell in (None, record.cell)
        and outcome in (None, record.outcome)
    ]
    if not found:
        raise InputError("study", str(given.study), "no episode of it is the one asked for")
    return sorted(found, key=lambda record: record.sort_key)


def folder_of(study: Path) -> Path:
    """Return the study's folder, also where its file was named."""
    return study if study.is_dir() else study.parent
