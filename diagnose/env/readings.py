"""Readings: what the outcomes of an experiment's arms together reveal about its law.

A reading returns None whenever an arm that it compares is missing or shows something else than the
law foresees; so no arm alone ever reveals a law.
"""

from collections.abc import Callable, Mapping

from diagnose.env.experiments import Outcome

Infer = Callable[[Mapping[str, Outcome]], int | None]


def lit_and_dark(lit: tuple[str, ...], dark: tuple[str, ...]) -> Infer:
    """Return a reading that holds (value 1) when these arms light and those stay dark."""

    def infer(results: Mapping[str, Outcome]) -> int | None:
        if not all(label in results for label in (*lit, *dark)):
            return None
        holds = all(results[label] for label in lit) and not any(results[label] for label in dark)
        return 1 if holds else None

    return infer


def last_lit(unit: str) -> Infer:
    """Return a reading: the largest number of ``unit`` that lights, given that one more fails."""

    def infer(results: Mapping[str, Outcome]) -> int | None:
        amounts = {
            int(label.split()[0]): bool(lit) for label, lit in results.items() if unit in label
        }
        lit = [amount for amount, light in amounts.items() if light]
        dark = [amount for amount, light in amounts.items() if not light]
        # The edge is found only when the next larger amount was tried and failed.
        return max(lit) if lit and dark and min(dark) == max(lit) + 1 else None

    return infer


def rise_per(*labels: str, counts: tuple[int, ...]) -> Infer:
    """Return a reading: the rt by which each further part delays the lamp, where all agree.

    Args:
        labels: at least three arms, so that the agreement is a finding.
        counts: how many parts stand in each of them, rising.
    """

    def infer(results: Mapping[str, Outcome]) -> int | None:
        if not all(results.get(label) for label in labels):
            return None
        rises = [results[label][0][0] for label in labels]
        (first, start), *others = zip(counts, rises, strict=True)
        slopes = {(rise - start) / (count - first) for count, rise in others}
        return round(slopes.pop()) if len(slopes) == 1 else None

    return infer
