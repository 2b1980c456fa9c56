"""``diagnose figures``: the figures of a study, a table or the published results."""

import argparse
from pathlib import Path
from typing import Any

from diagnose.cli.main import OK


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


def main(given: argparse.Namespace) -> int:
    """Draw the figures and print where they are."""
    from analysis import cli

    look: Any = {"formats": given.format.split(","), "theme": given.theme}
    if given.source == ["paper"]:
        paths = cli.figures("paper", given.out or Path("figures"), **look)
    else:
        sources = [Path(source) for source in given.source]
        out = given.out or _beside(sources)
        paths = cli.figures(sources[0] if len(sources) == 1 else sources, out, **look)
    for path in paths:
        print(path)
    return OK


def _beside(sources: list[Path]) -> Path:
    source = sources[0]
    if len(sources) > 1:
        return source.parent / "figures"
    return source / "figures" if source.is_dir() else source.with_suffix("") / "figures"
