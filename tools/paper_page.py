"""Write the generated parts of docs/paper.md: the verdict table between its marks, the figures."""

from pathlib import Path

from analysis import published
from analysis.figures.paper import of_published
from analysis.published.claims import published_claims
from analysis.published.verdicts import verdict_table, verdicts

PAGE = Path(__file__).parents[1] / "docs" / "paper.md"
FIGURES = ("capacity_gaps", "gap_forest", "two_by_two_gemini-3-pro", "formats_gemini-3-pro")
START, END = "<!-- verdicts -->\n", "<!-- end of verdicts -->\n"
DPI = 110


def page(text: str) -> str:
    """Return the page with the verdict table as the code has it now."""
    found = verdicts(published.estimates(), published_claims())
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}{verdict_table(found, '').written('markdown')}\n{END}{tail}"


def main() -> None:
    """Write the table and the figures."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    drawn = of_published(published.load_published())
    for name in FIGURES:
        path = PAGE.with_suffix("") / f"{name}.png"
        figure = drawn[f"published_{name}"].figure
        figure.savefig(path, dpi=DPI, metadata={"Software": None})


if __name__ == "__main__":
    main()
