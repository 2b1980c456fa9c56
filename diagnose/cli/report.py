"""``diagnose report``: a study or a table as one web page, with Markdown and LaTeX beside it."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.cli.main import OK
from diagnose.errors import InputError

if TYPE_CHECKING:
    from analysis.results import Estimates

_PACKAGES = ("numpy", "pandas", "scipy", "statsmodels", "matplotlib")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("source", type=Path, help="a study folder, or a .csv or .parquet table")
    parser.add_argument("--target", choices=("new", "fixed"), default="new")
    parser.add_argument("--out", type=Path, help="folder for the page; else report/ of the study")
    parser.add_argument("--no-pictures", action="store_true", help="draw no devices")


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
    estimates = Study.load(source).estimates(given.target)
    pictures = not given.no_pictures
    command = command_of(source, given.target, pictures=pictures)
    print(report(estimates, source, out, command, pictures=pictures))
    return OK


def command_of(source: Path, target: str, *, pictures: bool) -> str:
    """Return the command that makes a report, wherever it is written to."""
    words = ["diagnose", "report", str(source)]
    words += [] if target == "new" else ["--target", target]
    words += [] if pictures else ["--no-pictures"]
    return shlex.join(words)


def report(
    estimates: "Estimates", source: Path, out: Path, command: str, *, pictures: bool
) -> Path:
    """Write a report and return its page's path.

    Args:
        estimates: of the source.
        source: a study folder, its ``episodes.jsonl``, or a table.
        out: the folder to write into.
        command: that makes this report.
        pictures: whether devices are drawn.

    Raises:
        StoreError: the study's file is broken.
    """
    from analysis.report.compose import built, write
    from analysis.report.recorded import Made
    from diagnose.cli.gathered import gathered

    of_study = source.is_dir() or source.suffix == ".jsonl"
    recorded = gathered(source, pictures=pictures) if of_study else None
    return write(built(estimates, Made(command, _versions()), recorded), out)


def _versions() -> tuple[tuple[str, str], ...]:
    """Return what the numbers depend on besides the records."""
    import platform
    from importlib.metadata import version

    import diagnose

    own = (("diagnose", diagnose.__version__), ("python", platform.python_version()))
    return (*own, *((name, version(name)) for name in _PACKAGES))
