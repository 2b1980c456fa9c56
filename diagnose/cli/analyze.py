"""``diagnose analyze``: the estimates of a study, a table or the published results."""

import argparse
from pathlib import Path
from typing import Literal

from diagnose.cli.factors import add_factors, with_factors
from diagnose.cli.main import OK
from diagnose.errors import InputError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "source",
        nargs="*",
        help="a study folder, a .csv or .parquet table, or paper; several: by form of notes",
    )
    parser.add_argument("--target", choices=("new", "fixed"), default="new")
    parser.add_argument("--out", type=Path, help="write the estimates: .csv or .parquet")
    parser.add_argument(
        "--explain",
        metavar="ESTIMAND",
        help="say what an estimand is, shapley:gap_hints or shapley; with a source its numbers too",
    )
    parser.add_argument("--tables", type=Path, help="a folder for the tables: LaTeX and Markdown")
    add_factors(parser)


def main(given: argparse.Namespace) -> int:
    """Print and write the estimates, or explain one."""
    if not given.source and given.explain is None:
        raise InputError("source", "nothing", "name a study folder, a table or paper; or --explain")
    if given.explain is not None and given.out is not None:
        raise InputError("--out", str(given.out), "--explain writes nothing: leave one of them out")
    from analysis import cli
    from diagnose.cli.addressed import place

    source: Path | list[Path] | Literal["paper"] = "paper"
    if given.source != ["paper"]:
        sources = [place(source) for source in given.source]
        source = sources[0] if len(sources) == 1 else sources
    if given.factors is not None and (source == "paper" or isinstance(source, list)):
        raise InputError("--factors", given.factors, "name one table with it")
    own = with_factors(Path(str(source)), given.factors, given.target)
    if given.explain is None:
        cli.analyze(own or source, given.target, given.out, print, given.tables)
    elif own is not None:
        print(own.explain(given.explain))
    elif not isinstance(source, list):
        cli.explain(given.explain, source, given.target, print)
    elif source:
        raise InputError("source", given.source, "--explain takes one source or none")
    else:
        cli.explain(given.explain, None, given.target, print)
    return OK
