"""``diagnose show``: an episode as a web page of one file: turns, devices, verdict, cost."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.cli.main import OK
from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.records import EpisodeRecord

_NAMED = 5  # episodes named where too many are meant


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    from diagnose.cli.chosen import add_choice

    add_choice(parser)
    parser.add_argument("episode", nargs="?", help="an episode's id, or how it begins")
    parser.add_argument("--all", action="store_true", help="a page each, and a list of them")
    parser.add_argument(
        "-o", "--out", type=Path, help="the file, with --all the folder; else pages/ of the study"
    )
    parser.add_argument("--no-pictures", action="store_true", help="draw no devices")


def main(given: argparse.Namespace) -> int:
    """Write the pages and print where.

    Raises:
        InputError: no such episode, or several without ``--all``.
        StoreError: no study is there, or its file is broken.
    """
    from diagnose.cli.chosen import chosen, folder_of
    from diagnose.logs.listing import index_page
    from diagnose.logs.told import file_name
    from diagnose.whole_file import write_whole

    records = _named(chosen(given), given.episode)
    folder = folder_of(given.study) / "pages"
    if not given.all:
        if len(records) > 1:
            raise InputError("episodes", len(records), _hint(records))
        out: Path = given.out or folder / file_name(records[0])
        if out.is_dir():
            raise InputError("out", str(out), "is a folder; name a file, or add --all")
        if given.out is None:
            folder.mkdir(exist_ok=True)
        write_whole(out, _page(records[0], given))
        print(out)
        return OK
    folder = given.out or folder
    if folder.exists() and not folder.is_dir():
        raise InputError("out", str(folder), "is a file; with --all name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    live = sys.stderr.isatty()
    for number, record in enumerate(records, 1):
        write_whole(folder / file_name(record), _page(record, given))
        if live:
            print(f"\r{number}/{len(records)} pages", end="", file=sys.stderr)
    if live:
        print(file=sys.stderr)
    write_whole(folder / "index.html", index_page(records))
    print(folder / "index.html")
    return OK


def _page(record: "EpisodeRecord", given: argparse.Namespace) -> bytes:
    from diagnose.cli.rebuilt import interventions_of
    from diagnose.logs.page import episode_page
    from diagnose.replay import replay

    replayed = replay(record, interventions_of(record))
    back = "index.html" if given.all else ""
    return episode_page(record, replayed, pictures=not given.no_pictures, back=back)


def _named(records: "Sequence[EpisodeRecord]", start: str | None) -> "list[EpisodeRecord]":
    found = [record for record in records if record.episode_id.startswith(start or "")]
    if not found:
        raise InputError("episode", start, "no episode's id begins so")
    return found


def _hint(records: "Sequence[EpisodeRecord]") -> str:
    named = "; ".join(
        f"--task {one.task} --run {one.run} --cell {one.cell}" for one in records[:_NAMED]
    )
    return f"choose one ({named}{'; ...' if len(records) > _NAMED else ''}), or add --all"
