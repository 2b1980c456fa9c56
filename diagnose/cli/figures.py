"""``diagnose figures``: the figures of a study, a table or the published results."""

import argparse
from pathlib import Path
from typing import Any

from diagnose.cli.addressed import place
from diagnose.cli.factors import add_factors, with_factors
from diagnose.cli.main import OK
from diagnose.errors import InputError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "source",
        nargs="+",
        help="a study folder, a table, or the word paper; several study folders: by form of notes",
    )
    parser.add_argument("--out", type=Path, help="folder for the figures")
    parser.add_argument("--theme", default="light", help="light or dark")
    parser.add_argument(
        "--format", default="png,svg", help="of png, svg and pdf, joined by commas (png,svg)"
    )
    add_factors(parser)


def main(given: argparse.Namespace) -> int:
    """Draw the figures and print where they are."""
    from analysis import cli

    look: Any = {"formats": given.format.split(","), "theme": given.theme}
    if given.factors is not None and (given.source == ["paper"] or len(given.source) > 1):
        raise InputError("--factors", given.factors, "name one table with it")
    if given.source == ["paper"]:
        paths = cli.figures("paper", given.out or Path("figures"), **look)
    else:
        sources = [place(source) for source in given.source]
        out = given.out or _beside(sources)
        own = with_factors(sources[0], given.factors, "new")
        paths = cli.figures(own or (sources[0] if len(sources) == 1 else sources), out, **look)
    for path in paths:
        print(path)
    return OK


def _beside(sources: list[Path]) -> Path:
    source = sources[0]
    if len(sources) > 1:
        return source.parent / "figures"
    return source / "figures" if source.is_dir() else source.with_suffix("") / "figures"
