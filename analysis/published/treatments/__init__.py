"""What the papers of the two treatments print, a fact a row, and what follows from it."""

from analysis.published.treatments.facts import load_facts, load_gains, load_questions

__all__ = ["load_facts", "load_gains", "load_questions"]
