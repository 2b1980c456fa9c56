"""What the command line calls: analyse a source, or draw its figures."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from analysis import figures as drawing
from analysis import published
from analysis.figures.catalogue import QUICK
from analysis.figures.paper import of_published
from analysis.figures.style import USUAL, save
from analysis.report.table import save as save_tables
from analysis.report.terminal import published_report, published_table
from analysis.results import Estimates
from analysis.study import Study
from analysis.uncertainty import checked_target
from diagnose.errors import InputError

__all__ = ["QUICK", "analyze", "figures", "write"]

SUFFIXES = (".csv", ".parquet")


def analyze(
    source: Path | Estimates | Literal["paper"],
    target: str,
    out: Path | None,
    print_fn: Callable[[str], None],
    tables: Path | None = None,
) -> pd.DataFrame:
    """Print the gap table of a study folder or table, and write every estimate.

    Args:
        source: a study folder, a CSV or a Parquet table, their estimates, or ``paper``: the
            published tables.
        target: ``new`` or ``fixed``; the published tables allow ``fixed`` only.
        out: a .csv or .parquet file for the estimates; None = none.
        print_fn: where the table goes.
        tables: a folder for the tables as LaTeX and Markdown; None = none.

    Raises:
        InputError: source, target or out cannot be used.
    """
    checked_target(target)
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise InputError("out", str(out), f"give a name that ends in {' or '.join(SUFFIXES)}")
    if str(source) == "paper":
        frame = published.estimates()
        print_fn(published_report(frame))
        made = [published_table(frame)]
    else:
        estimates = estimates_of(source, target)
        frame = estimates.frame
        print_fn(estimates.summary())
        made = estimates.tables() if tables is not None else []
    if out is not None:
        write(frame, out)
        print_fn(f"{len(frame):,} estimates in {out}")
    if tables is not None:
        save_tables(made, tables)
        print_fn(f"{len(made):,} tables in {tables}")
    return frame


def explain(
    name: str,
    source: Path | Literal["paper"] | None,
    target: str,
    print_fn: Callable[[str], None],
) -> None:
    """Print what an estimand is, with the numbers of a source if one is given.

    Raises:
        InputError: no such estimand, or the source cannot be used.
    """
    from analysis.estimands.explained import explained

    if source is None:
        print_fn(explained(name))
    elif str(source) == "paper":
        print_fn(explained(name, published.estimates()))
    else:
        print_fn(Study.load(source).estimates(target).explain(name))


def estimates_of(source: Path | str | Estimates, target: str) -> Estimates:
    """Return the estimates of a source; those that are given already, as they are.

    Raises:
        InputError: source or target cannot be used.
    """
    return source if isinstance(source, Estimates) else Study.load(source).estimates(target)


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write estimates; the same estimates give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, float_format="%.12g", lineterminator="\n")


def figures(
    source: Path | Estimates | Literal["paper"],
    out_dir: Path,
    *,
    formats: Sequence[str] = USUAL,
    theme: str = "light",
    only: Collection[str] | None = None,
) -> list[Path]:
    """Draw the figures of a study, or of the published tables.

    Args:
        source: a study folder, a table, their estimates, or ``paper``.
        out_dir: where they go.
        formats: of ``png``, ``svg``, ``pdf``.
        theme: ``light`` or ``dark``.
        only: names of a study's figures; None = all.

    Raises:
        InputError: the source, a format or the theme cannot be used.
    """
    if str(source) == "paper":
        drawn = of_published(published.load_published())
    else:
        drawn = drawing.of_study(estimates_of(source, "new"), only)
    out_dir.mkdir(parents=True, exist_ok=True)
    return [
        path for name, one in drawn.items() for path in save(one, out_dir / name, formats, theme)
    ]
