"""Draw the pictures of docs/figures.md, and the README's, from studies of reference subjects.

    .venv/bin/python tools/gallery.py studies

Runs what is missing of the studies into the folder given (a few minutes on two cores), and writes
``docs/figures/*.png`` and ``docs/capacity_gaps.png``. Pictures have a palette, so that they are
small.
"""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image

from analysis import Estimates, Study
from analysis.figures.catalogue import available
from analysis.figures.style import Drawn

DOCS = Path(__file__).resolve().parents[1] / "docs"
DPI, COLOURS = 144, 96
RUNS = 4  # of each task and cell, where several subjects stand side by side
PROFILES = (
    "frontier", "strong", "flat", "null", "bottleneck_identification", "bottleneck_discovery",
    "bottleneck_consolidation", "bottleneck_application",
)  # fmt: skip
OF_ONE = (
    "waterfall", "forest", "ratios", "estimation", "interactions", "levels", "level_effects",
    "failures",
)  # fmt: skip
OF_EIGHT = ("capacity_gaps", "waterfall", "forest", "estimation", "failures")
DARK = ("waterfall", "forest")


def main() -> None:
    """Run the studies, draw, and print what was written."""
    folder = Path(sys.argv[1])
    one = study(folder, "study")
    write(available(one)["capacity_gaps"](), DOCS / "capacity_gaps.png")
    for name in OF_ONE:
        write(available(one)[name](), DOCS / "figures" / f"{name}.png")
    for name in DARK:
        write(available(one)[name]().themed("dark"), DOCS / "figures" / f"{name}_dark.png")
    both = study(
        folder, "placebo", "interventions/gap_hints=placebo", "design=placebo_controlled",
        "interventions/solution_sketches=placebo", f"study.runs={RUNS}",
    )  # fmt: skip
    write(available(both)["placebo"](), DOCS / "figures" / "placebo.png")
    doses = study(
        folder, "doses", "interventions/gap_hints=doses", "design=dose_response",
        f"study.runs={RUNS}",
    )  # fmt: skip
    write(available(doses)["dose_response"](), DOCS / "figures" / "dose_response.png")
    several = eight(folder)
    for name in OF_EIGHT:
        write(available(several)[name](), DOCS / "figures" / f"eight_{name}.png")


def study(folder: Path, name: str, *changes: str) -> Estimates:
    """Run a study, or what is missing of it, and return its estimates."""
    command = [sys.executable, "-m", "diagnose", "run", f"study.folder={folder}"]
    subprocess.run([*command, f"study.name={name}", *changes], check=True, capture_output=True)
    (own,) = folder.glob(f"{name}-*")
    return Study.load(own).estimates()


def eight(folder: Path) -> Estimates:
    """Return the estimates of eight subjects in one table."""
    tables = [
        study(
            folder, f"one_{profile}", f"subject=reference/{profile}", f"study.runs={RUNS}"
        ).study.episodes
        for profile in PROFILES
    ]
    table = folder / "eight.parquet"
    pd.concat(tables).to_parquet(table, index=False)
    return Study.load(table).estimates()


def write(drawn: Drawn, path: Path) -> None:
    """Write a figure as a PNG with a palette."""
    picture = BytesIO()
    drawn.figure.savefig(picture, format="png", dpi=DPI)
    path.parent.mkdir(exist_ok=True)
    # The other methods give a colour by its share of the page, and marks have little.
    image = (
        Image.open(picture)
        .convert("RGB")
        .quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    image.save(path, optimize=True)
    print(f"{path.stat().st_size / 1000:5.0f} kB  {path.relative_to(DOCS)}")


if __name__ == "__main__":
    main()
