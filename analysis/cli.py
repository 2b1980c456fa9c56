"""What the command line calls: analyse a source, or draw its figures."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from analysis import figures as drawing
from analysis import forks, published
from analysis.figures.catalogue import QUICK
from analysis.figures.forks import of_forks
from analysis.figures.paper import of_own, of_published
from analysis.figures.style import USUAL, save
from analysis.published import reading
from analysis.published.tables import written
from analysis.report.rescue import rescued, tables_of
from analysis.report.table import save as save_tables
from analysis.results import Estimates
from analysis.study import Study
from analysis.uncertainty import checked_target
from diagnose.errors import InputError

__all__ = ["QUICK", "analyze", "estimates_of", "explain", "figures", "write"]

SUFFIXES = (".csv", ".parquet")
Source = Path | Sequence[Path] | Estimates | Literal["paper"]


def analyze(
    source: Source,
    target: str,
    out: Path | None,
    print_fn: Callable[[str], None],
    tables: Path | None = None,
) -> pd.DataFrame:
    """Print the gap table of a study folder or table, and write every estimate.

    Args:
        source: a study folder, a CSV or a Parquet table, their estimates, or ``paper``: the
            published tables; several study folders are compared by the form of their notes.
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
    if isinstance(source, Path) and forks.holds(source):
        return _of_forks(forks.Forks.load(source), target, out, print_fn, tables)
    read, estimates = _read(source, target)
    frame = read.frame if estimates is None else estimates.frame
    made = read.tables() if tables is not None else []
    if estimates is not None:
        print_fn(estimates.summary())
        made = [*estimates.tables(), *made] if tables is not None else []
    if read.text:
        print_fn(read.text if estimates is None else f"\n{read.text}")
    if out is not None:
        write(frame, out)
        print_fn(f"{len(frame):,} estimates in {out}")
    if tables is not None:
        save_tables(made, tables)
        print_fn(f"{len(made):,} tables in {tables}")
    return frame


def _of_forks(
    study: forks.Forks,
    target: str,
    out: Path | None,
    print_fn: Callable[[str], None],
    tables: Path | None,
) -> pd.DataFrame:
    """Print the rescue table of forked episodes, and write every estimate."""
    frame = study.estimates(target)
    print_fn(rescued(study, frame))
    if out is not None:
        write(frame, out)
        print_fn(f"{len(frame):,} estimates in {out}")
    if tables is not None:
        made = tables_of(study, frame)
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


def estimates_of(source: Path | Estimates, target: str) -> Estimates:
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


def _read(source: Source, target: str) -> tuple[reading.Reading, Estimates | None]:
    """Return a source as the paper is read, and its estimates where it is one study or table."""
    if source == "paper":
        return reading.of_paper(), None
    if isinstance(source, Path | Estimates):
        estimates = estimates_of(source, target)
        folder = source if isinstance(source, Path) else None
        return reading.of_study(estimates, folder), estimates
    return reading.of_forms([Path(one) for one in source], target), None


def figures(
    source: Source,
    out_dir: Path,
    *,
    formats: Sequence[str] = USUAL,
    theme: str = "light",
    only: Collection[str] | None = None,
) -> list[Path]:
    """Draw the figures of a study, or of the published tables.

    Args:
        source: as ``analyze`` takes it.
        out_dir: where they go.
        formats: of ``png``, ``svg``, ``pdf``.
        theme: ``light`` or ``dark``.
        only: names of a study's figures; None = all.

    Of the paper, and of a study that runs the paper's cells, tables go beside them as Markdown,
    LaTeX and CSV. Several study folders are compared by the form of their notes.

    Raises:
        InputError: the source, a format or the theme cannot be used.
    """
    if isinstance(source, Path) and forks.holds(source):
        rescues = of_forks(forks.Forks.load(source))
        out_dir.mkdir(parents=True, exist_ok=True)
        named = ((one, out_dir / name) for name, one in rescues.items())
        return [path for one, stem in named for path in save(one, stem, formats, theme)]
    read, estimates = _read(source, "new")
    drawn = {} if estimates is None else drawing.of_study(estimates, only)
    drawn |= of_published(published.load_published()) if source == "paper" else of_own(read.frame)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = [
        path for name, one in drawn.items() for path in save(one, out_dir / name, formats, theme)
    ]
    return paths + written(read.tables(), out_dir)
