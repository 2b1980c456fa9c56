"""The part of a page that a benchmark makes, between two markers."""

from collections.abc import Sequence
from pathlib import Path

from diagnose.markdown import fill

END = "<!-- end -->"


def begin(name: str) -> str:
    """Return the line that the part of a benchmark stands after."""
    return f"<!-- begin: made by benchmarks.{name} -->"


def written(name: str, studies: int, seed: int, page: str, parts: Sequence[str]) -> str:
    """Return what a benchmark of coverage says, with the command that makes it.

    Args:
        name: of the benchmark.
        studies: on each line.
        seed: of all of them.
        page: the file that the command of the README names.
        parts: the tables.
    """
    command = f"python -m benchmarks.{name} --studies {studies} --seed {seed}"
    error = 100 * (0.95 * 0.05 / studies) ** 0.5
    said = fill(
        f"Made by `{command} --out {page}`: {studies} studies a line, so a "
        f"coverage of 95 % has a Monte Carlo error of {error:.1f} points for one estimand."
    )
    return "\n".join([said, "", *parts])


def put(name: str, text: str, out: Path | None) -> None:
    """Print a text, or write it into a page between the benchmark's markers."""
    if out is None:
        print(text)
        return
    first = begin(name)
    page = out.read_text(encoding="utf-8")
    before, after = page[: page.index(first)], page[page.index(END) :]
    out.write_text(f"{before}{first}\n\n{text}\n\n{after}", encoding="utf-8")


def put_or_begin(name: str, text: str, page: Path, frame: str) -> None:
    """Write a text into a page, and the page first where there is none.

    Args:
        name: of the benchmark.
        text: what goes between its markers.
        page: the file.
        frame: the page around the part, with ``{begin}`` and ``{end}`` for the markers.
    """
    if not page.exists():
        page.write_text(frame.format(begin=begin(name), end=END), encoding="utf-8")
    put(name, text, page)
