"""What the command line calls: analyse a source, or draw its figures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from analysis import figures as drawing
from analysis import published
from analysis.figures.paper import of_own, of_published
from analysis.figures.style import save
from analysis.published import claims, forms, own, report, tables, verdicts
from analysis.report.table import Table
from analysis.results import Estimates
from analysis.study import Study
from analysis.uncertainty import checked_target
from diagnose.errors import InputError

SUFFIXES = (".csv", ".parquet")


def analyze(
    source: Path | Sequence[Path] | Literal["paper"],
    target: str,
    out: Path | None,
    print_fn: Callable[[str], None],
) -> pd.DataFrame:
    """Print the gap table of a study folder or table, and write every estimate.

    Args:
        source: a study folder, a CSV or a Parquet table, or ``paper``: the published tables;
            several study folders are compared by the form of their notes.
        target: ``new`` or ``fixed``; the published tables allow ``fixed`` only.
        out: a .csv or .parquet file for the estimates; None = none.
        print_fn: where the table goes.

    Raises:
        InputError: source, target or out cannot be used.
    """
    checked_target(target)
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise InputError("out", str(out), f"give a name that ends in {' or '.join(SUFFIXES)}")
    if source == "paper":
        frame = published.estimates()
        print_fn(report.published_text(frame))
    elif isinstance(source, Path):
        estimates = Study.load(source).estimates(target)
        frame = estimates.frame
        print_fn(estimates.summary())
        if text := report.own_text(papers_frame(source, estimates)):
            print_fn(f"\n{text}")
    else:
        frame = forms.form_estimates(list(source), target)
        print_fn(report.own_text(frame))
    if out is not None:
        write(frame, out)
        print_fn(f"{len(frame):,} estimates in {out}")
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


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write estimates; the same estimates give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, float_format="%.12g", lineterminator="\n")


def papers_frame(source: Path, estimates: Estimates) -> pd.DataFrame:
    """Return a study's estimates under the published names; no rows if it is not the paper's."""
    if source.is_dir() and forms.compares_forms(estimates.study):
        return forms.form_estimates([source], estimates.target)
    return own.own_estimates(estimates)


def figures(source: Path | Sequence[Path] | Literal["paper"], out_dir: Path) -> list[Path]:
    """Draw the figures of a study, or of the published tables, as PNG and SVG.

    Of the paper, and of a study that runs the paper's cells, tables go beside them as Markdown,
    LaTeX and CSV. Several study folders are compared by the form of their notes.

    Raises:
        InputError: the source cannot be used.
    """
    extra: list[Table] = []
    if source == "paper":
        frame, prefix = published.estimates(), "published_"
        drawn, stated = of_published(published.load_published()), claims.published_claims()
        extra.append(tables.failures())
    else:
        drawn, prefix = {}, "paper_"
        if isinstance(source, Path):
            estimates = Study.load(source).estimates("new")
            drawn = drawing.of_study(estimates)
            frame = papers_frame(source, estimates)
        else:
            frame = forms.form_estimates(list(source), "new")
        stated = claims.of_study(frame)
        drawn |= of_own(frame)
    made = [*tables.tables(frame), *extra]
    if found := verdicts.verdicts(frame, stated):
        made.append(verdicts.verdict_table(found, tables.about(frame)))
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = [path for name, one in drawn.items() for path in save(one, out_dir / name)]
    return paths + tables.written(made, out_dir, prefix)
