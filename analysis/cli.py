"""What the command line calls: analyse a source, or draw its figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd

from analysis import figures as drawing
from analysis import forks, published
from analysis.figures.forks import of_forks
from analysis.figures.paper import of_published
from analysis.figures.style import save
from analysis.report.rescue import rescued
from analysis.report.terminal import published_report
from analysis.study import Study
from analysis.uncertainty import checked_target
from diagnose.errors import InputError

SUFFIXES = (".csv", ".parquet")


def analyze(
    source: Path | Literal["paper"],
    target: str,
    out: Path | None,
    print_fn: Callable[[str], None],
) -> pd.DataFrame:
    """Print the gap table of a study folder or table, and write every estimate.

    Args:
        source: a study folder, a CSV or a Parquet table, or ``paper``: the published tables.
        target: ``new`` or ``fixed``; the published tables allow ``fixed`` only.
        out: a .csv or .parquet file for the estimates; None = none.
        print_fn: where the table goes.

    Raises:
        InputError: source, target or out cannot be used.
    """
    checked_target(target)
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise InputError("out", str(out), f"give a name that ends in {' or '.join(SUFFIXES)}")
    if str(source) == "paper":
        frame = published.estimates()
        print_fn(published_report(frame))
    elif forks.holds(source):
        study = forks.Forks.load(source)
        frame = study.estimates(target)
        print_fn(rescued(study, frame))
    else:
        estimates = Study.load(source).estimates(target)
        frame = estimates.frame
        print_fn(estimates.summary())
    if out is not None:
        write(frame, out)
        print_fn(f"{len(frame):,} estimates in {out}")
    return frame


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write estimates; the same estimates give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, float_format="%.12g", lineterminator="\n")


def figures(source: Path | Literal["paper"], out_dir: Path) -> list[Path]:
    """Draw the figures of a study, or of the published tables, as PNG and SVG.

    Raises:
        InputError: the source cannot be used.
    """
    if str(source) == "paper":
        drawn = of_published(published.load_published())
    elif forks.holds(source):
        drawn = of_forks(forks.Forks.load(source))
    else:
        drawn = drawing.of_study(Study.load(source).estimates("new"))
    out_dir.mkdir(parents=True, exist_ok=True)
    return [path for name, one in drawn.items() for path in save(one, out_dir / name)]
