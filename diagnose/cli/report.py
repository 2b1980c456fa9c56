"""``diagnose report``: a study or a table as one web page, with Markdown and LaTeX beside it."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.cli.addressed import place
from diagnose.cli.factors import add_factors, with_factors
from diagnose.cli.main import OK
from diagnose.errors import InputError
from diagnose.remote.address import shown

if TYPE_CHECKING:
    from analysis.results import Estimates

_PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "matplotlib")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "source", type=place, help="a study's folder or address, or a .csv or .parquet table"
    )
    parser.add_argument("--target", choices=("new", "fixed"), default="new")
    parser.add_argument("--out", type=Path, help="folder for the page; else report/ of the study")
    parser.add_argument(
        "--quick", action="store_true", help="the main figures only, and no devices drawn"
    )
    add_factors(parser)


def main(given: argparse.Namespace) -> int:
    """Write the report and print where.

    Raises:
        InputError: the source cannot be used, or the place to write to is a file.
        StoreError: the study's file is broken.
    """
    from analysis.study import Study
    from diagnose.cli.chosen import folder_of

    source: Path = given.source
    of_table = source.suffix in {".csv", ".parquet"}
    out = given.out or (source.with_suffix("") if of_table else folder_of(source)) / "report"
    if out.exists() and not out.is_dir():
        raise InputError("out", str(out), "is a file; name a folder")
    own = with_factors(source, given.factors, given.target)
    estimates = own or Study.load(source).estimates(given.target)
    command = command_of(source, given.target, quick=given.quick, factors=given.factors)
    print(report(estimates, source, out, command, quick=given.quick))
    return OK


def command_of(source: Path, target: str, *, quick: bool, factors: str | None = None) -> str:
    """Return the command that makes a report, wherever it is written to."""
    words = ["diagnose", "report", shown(source)]
    words += [] if target == "new" else ["--target", target]
    words += ["--quick"] if quick else []
    words += ["--factors", factors] if factors else []
    return shlex.join(words)


def report(estimates: "Estimates", source: Path, out: Path, command: str, *, quick: bool) -> Path:
    """Write a report and return its page's path.

    Args:
        estimates: of the source.
        source: a study folder, its ``episodes.jsonl``, or a table.
        out: the folder to write into.
        command: that makes this report.
        quick: with the main figures only, and no devices drawn.

    Raises:
        StoreError: the study's file is broken.
    """
    from analysis.figures import QUICK
    from analysis.report.compose import built, write
    from analysis.report.recorded import Made
    from diagnose.cli.gathered import gathered

    of_study = source.is_dir() or source.suffix == ".jsonl"
    recorded = gathered(source, pictures=not quick) if of_study else None
    only = QUICK if quick else None
    return write(built(estimates, Made(command, _versions()), recorded, only), out)


def _versions() -> tuple[tuple[str, str], ...]:
    """Return what the numbers depend on besides the records."""
    import platform
    from importlib.metadata import version

    import diagnose

    own = (("diagnose", diagnose.__version__), ("python", platform.python_version()))
    return (*own, *((name, version(name)) for name in _PACKAGES))
