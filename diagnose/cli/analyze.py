"""``diagnose analyze``: the estimates of a study, a table or the published results."""

import argparse
from pathlib import Path

from diagnose.cli.main import OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "source",
        nargs="+",
        help="a study folder, a .csv or .parquet table, or paper; several: by form of notes",
    )
    parser.add_argument("--target", choices=("new", "fixed"), default="new")
    parser.add_argument("--out", type=Path, help="write the estimates: .csv or .parquet")


def main(given: argparse.Namespace) -> int:
    """Print and write the estimates."""
    from analysis import cli

    sources = [Path(source) for source in given.source]
    source = sources[0] if len(sources) == 1 else sources
    cli.analyze("paper" if given.source == ["paper"] else source, given.target, given.out, print)
    return OK
