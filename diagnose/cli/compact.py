"""``diagnose compact``: a study's table as Parquet, which analysis reads instead of records."""

import argparse

from diagnose.cli.addressed import place, uploaded
from diagnose.cli.main import OK


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("study", nargs="+", type=place, help="studies' folders or addresses")


def main(given: argparse.Namespace) -> int:
    """Write each study's table and print where it is.

    Raises:
        InputError: a folder has no records, or a line of them is broken.
    """
    from analysis.compacted import compact

    for folder in given.study:
        path, count = compact(folder)
        print(f"{uploaded(path)}: {count:,} episodes")
    return OK
