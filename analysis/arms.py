"""The arms of one factor, its doses and its sham, and the settings in which they are compared.

A design need not hold every dose in every setting of the other factors. Arms are compared only
where all of them are, each such setting with equal weight, and what those settings are is told. The
other factors stand at 0 or 1 there, as in every effect of the catalogue; only where no such setting
holds all the arms (a factor held at a further dose) do the rest count.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.layout import SHAM, Floats, Layout

VARIES = "?"  # the digit of the factor whose arms are compared
MOST_TOLD = 8  # settings named one by one
FEW = 2  # in a column


def has_doses(layout: Layout, factor: int) -> bool:
    """Whether the factor has a dose-response: two real doses, one of them beyond 1."""
    doses = layout.doses(factor)
    return len(doses) > 1 and max(doses) > 1


def settings(layout: Layout, factor: int, doses: Sequence[int]) -> tuple[str, ...]:
    """Return the settings that hold all the doses, as codes with ``?`` for the factor."""
    holding = [
        {_set(code, factor, VARIES) for code in layout.cells if code[factor] == str(dose)}
        for dose in doses
    ]
    common = set.intersection(*holding)
    standard = {code for code in common if set(code) <= {"0", "1", VARIES}}
    return tuple(sorted(standard or common))


def weights(
    layout: Layout, factor: int, by_dose: Mapping[int, float], within: Sequence[str]
) -> Floats:
    """Return a contrast of the factor's doses, averaged over settings; all zero without any.

    Shape: the layout's codes.
    """
    position = {code: place for place, code in enumerate(layout.codes)}
    out = np.zeros(len(layout.codes))
    for setting in within:
        for dose, weight in by_dose.items():
            out[position[_set(setting, factor, str(dose))]] += weight / len(within)
    return out


def slope(doses: Sequence[int]) -> dict[int, float]:
    """Return each dose's weight in the least-squares slope per dose step."""
    steps = np.array(doses, dtype=np.float64)
    centred = steps - steps.mean()
    return dict(zip(doses, (centred / (centred @ centred)).tolist(), strict=True))


def told(layout: Layout, within: Sequence[str]) -> str:
    """Return the settings in words: ``at ?000, ?111``."""
    if not within:
        return "no setting of the others holds all these doses"
    return settings_told(within, len(layout.factors))


def settings_told(within: Sequence[str], factors: int) -> str:
    """Return one setting or more in words."""
    standard = all(set(code) <= {"0", "1", VARIES} for code in within)
    if standard and len(within) == 2 ** (factors - 1):
        return f"at all {len(within)} settings of the others"
    if len(within) > MOST_TOLD:
        return f"at {len(within)} settings of the others"
    return f"at {', '.join(within)}"


def label(layout: Layout, within: Sequence[str]) -> str:
    """Return the settings in a column's width: ``?000, ?111`` or ``all 8``."""
    if not within:
        return "none"
    count = len(within)
    if told(layout, within).startswith("at all"):
        return f"all {count}"
    return ", ".join(within) if count <= FEW else f"{count} settings"


def compared(layout: Layout, factor: int) -> dict[tuple[str, ...], dict[str, str]]:
    """Return settings -> kind of effect -> its estimand: like beside like; empty without a sham.

    A design may hold the sham in other settings than those where nothing else is on. The effect
    against the sham then has a line for all its settings and one for those it shares.
    """
    if not layout.has_sham(factor):
        return {}
    name = layout.factors[factor]
    against_sham = settings(layout, factor, (1, SHAM))
    rows = {against_sham: {"placebo": f"placebo:{name}"}}
    nothing = settings(layout, factor, layout.doses(factor))
    rows.setdefault(nothing, {})["ame_dose"] = f"ame_dose:{name}@1"
    rows.setdefault(settings(layout, factor, (0, SHAM)), {})["sham"] = f"sham:{name}"
    for within, kinds in rows.items():
        if len(within) == 1 and within[0] in against_sham:
            kinds.setdefault("placebo", f"placebo_cell:{name}@{within[0]}")
    return rows


def _set(code: str, factor: int, digit: str) -> str:
    return code[:factor] + digit + code[factor + 1 :]
