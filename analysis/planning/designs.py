"""What a design's cells allow to be estimated, as weights over the cells.

Factors that the cells never vary are left out and factors that they only switch together are taken
as one, as in the analysis of a study.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from analysis import contrasts
from analysis.layout import MAX_FACTORS, Floats, join
from analysis.planning.fractional import Alias, aliases
from diagnose.errors import InputError

TITLES = {
    "shapley": "Shapley value",
    "ame": "average effect",
    "alias": "average effect, aliased",
    "seq": "gap in sequence",
    "add1": "effect alone",
    "loo": "effect last",
    "int": "interaction of two",
    "alias2": "interaction, aliased",
}


@dataclass(frozen=True)
class Estimand:
    """A linear estimand of a design: sum of weights times the cells' mean rates."""

    name: str  # as in the catalogue: ame:gap_hints; of a fraction alias:gap_hints
    weights: Mapping[str, float]  # cell -> weight, cells of weight 0 left out

    @property
    def kind(self) -> str:
        """One of ``TITLES``."""
        kind, _, of = self.name.partition(":")
        return "alias2" if kind == "alias" and "*" in of else kind


@dataclass(frozen=True)
class Cells:
    """A design as its cells.

    Raises:
        InputError: no cells, or a code without a digit per factor.
    """

    names: tuple[str, ...]  # of all factors, in the order of a code's digits
    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        wrong = [code for code in self.codes if len(code) != len(self.names)]
        if wrong or not self.codes:
            raise InputError("cells", wrong, f"give cells of {len(self.names)} digits")

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """Return what varies: names, those of factors that are only switched together joined."""
        return tuple("+".join(self.names[i] for i in group) for group in self._groups)

    @cached_property
    def _groups(self) -> list[list[int]]:
        found: dict[str, list[int]] = {}
        for index in range(len(self.names)):
            digits = "".join(code[index] for code in self._binary)
            if len(set(digits)) > 1:
                found.setdefault(digits, []).append(index)
        return sorted(found.values(), key=lambda group: len(group) > 1)  # as the analysis has them

    @cached_property
    def _binary(self) -> tuple[str, ...]:
        """The cells in which whatever varies is off or at the standard dose."""
        varied = [i for i in range(len(self.names)) if len({code[i] for code in self.codes}) > 1]
        return tuple(code for code in self.codes if all(code[i] in "01" for i in varied))

    @cached_property
    def reduced(self) -> dict[str, str]:
        """Return each on-or-off cell by its code over ``factors``."""
        return {"".join(code[group[0]] for group in self._groups): code for code in self._binary}

    @cached_property
    def aliases(self) -> tuple[Alias, ...]:
        """What the contrasts of a fraction are aliased with; nothing for other designs."""
        return aliases(self.factors, self.reduced)

    @cached_property
    def estimands(self) -> tuple[Estimand, ...]:
        """Every linear estimand that the cells allow, kind by kind.

        Raises:
            InputError: more factors vary than the analysis takes.
        """
        names, k = self.factors, len(self.factors)
        if k > MAX_FACTORS:
            raise InputError("factors", k, f"at most {MAX_FACTORS} may vary")
        found = []
        singles: Mapping[str, Callable[[int, Sequence[int]], Floats]] = {
            "shapley": contrasts.shapley,
            "ame": contrasts.banzhaf,
            "seq": lambda k, one: contrasts.step(k, range(one[0]), one),
            "add1": contrasts.moebius,
            "loo": lambda k, one: contrasts.leave_one_out(k, one[0]),
        }
        for kind, weigh in singles.items():
            found += [self._made(f"{kind}:{name}", weigh(k, [i])) for i, name in enumerate(names)]
        for pair in combinations(range(k), 2):
            name = join([names[i] for i in pair])
            found.append(self._made(f"int:{name}", contrasts.banzhaf(k, pair)))
        found += [
            Estimand(
                f"alias:{one.name}", {self.reduced[code]: w for code, w in one.weights.items()}
            )
            for one in self.aliases
            if len(one.effects[0]) <= 2
        ]
        return tuple(one for one in found if one is not None)

    def _made(self, name: str, weights: Floats) -> Estimand | None:
        k = len(self.factors)
        own = {f"{i:0{k}b}": float(w) for i, w in enumerate(weights) if abs(w) > 1e-12}
        if not own or not own.keys() <= self.reduced.keys():
            return None
        return Estimand(name, {self.reduced[code]: weight for code, weight in own.items()})

    def estimand(self, name: str) -> Estimand:
        """Return one by its name.

        Raises:
            InputError: the cells do not allow it.
        """
        for one in self.estimands:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.estimands) or "none: one cell compares nothing"
        raise InputError("estimand", name, f"these cells allow {known}")

    @property
    def leading(self) -> tuple[Estimand, ...]:
        """The estimands of the kind that answers the study's question; empty for a single cell."""
        for kind in ("shapley", "alias", "seq", "add1"):
            own = tuple(one for one in self.estimands if one.kind == kind)
            if own and len(own) == len(self.factors):
                return own
        return ()


def difference(treated: str, control: str) -> Estimand:
    """Return the difference of two cells: ``cell:1000-0000``."""
    return Estimand(f"cell:{treated}-{control}", {treated: 1.0, control: -1.0})


def covered(estimands: Sequence[Estimand]) -> set[str]:
    """Return the cells that any of the estimands weighs."""
    return {code for one in estimands for code in one.weights}
