"""The option that names the factors of a table which has others than the four interventions."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.errors import InputError

if TYPE_CHECKING:
    from analysis.results import Estimates


def add_factors(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--factors",
        metavar="NAMES",
        help="factor columns of a table besides those of the interventions, joined by commas",
    )


def with_factors(source: Path, names: str | None, target: str) -> "Estimates | None":
    """Return the estimates of a table with factors of its own; None where none are named.

    Raises:
        InputError: the table cannot be used, or the source is a study, whose records name them.
    """
    if names is None:
        return None
    if source.is_dir() or source.suffix == ".jsonl":
        raise InputError("--factors", names, "leave it out: a study's records name its factors")
    from analysis.study import Study

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    return Study.load(source, wanted).estimates(target)
