"""Write docs/published_treatments.md and its figure, light and dark."""

from pathlib import Path

from analysis.figures.published_treatments import treatments
from analysis.figures.style import save
from analysis.published.treatments import load_facts, load_questions
from analysis.published.treatments.page import page

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> None:
    """Write the page and the figure."""
    facts, questions = load_facts(), load_questions()
    text = page(facts, questions)
    (DOCS / "published_treatments.md").write_text(text, encoding="utf-8", newline="\n")
    drawn = treatments(facts, questions)
    for theme in ("light", "dark"):
        save(drawn, DOCS / "paper" / "treatments", ["png"], theme)


if __name__ == "__main__":
    main()
