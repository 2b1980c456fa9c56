"""``diagnose analyze``: the estimates of a study, a table or the published results."""

import argparse
from pathlib import Path

from diagnose.cli.main import OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("source", help="a study folder, a .csv or .parquet table, or paper")
    parser.add_argument("--target", choices=("new", "fixed"), default="new")
    parser.add_argument("--out", type=Path, help="write the estimates: .csv or .parquet")
    parser.add_argument("--tables", type=Path, help="a folder for the tables: LaTeX and Markdown")


def main(given: argparse.Namespace) -> int:
    """Print and write the estimates."""
    from analysis import cli

    cli.analyze(
        "paper" if given.source == "paper" else Path(given.source),
        given.target,
        given.out,
        print,
        given.tables,
    )
    return OK
