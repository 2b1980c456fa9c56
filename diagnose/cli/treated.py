"""Treatments of the subject's weights: who answers in which cell, and what records say of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.cli.sections import without
from diagnose.design import Cell, Factor
from diagnose.errors import ConfigError
from diagnose.intervention import Intervention
from diagnose.models import Model
from diagnose.weights import Treatable, Treating


class Treated:
    """The factors that treat weights, and the subject by each of them."""

    def __init__(
        self,
        factors: Sequence[Factor],
        interventions: Mapping[str, Intervention],
        entries: Mapping[str, Any],
        model: Model,
    ) -> None:
        """Look at every dose that a cell may have.

        Raises:
            ConfigError: there are no weights to read, or the subject has none that could be
                treated.
        """
        self._factors, self._entries, self._model = factors, entries, model
        self._treating: dict[str, Treating] = {}
        self._applied: dict[str, dict[str, Any]] = {}
        self._models: dict[str, Model] = {}
        for factor in factors:
            one: object = interventions.get(factor.name)
            if not isinstance(one, Treating):
                continue
            folders = {dose: one.weights(dose) for dose in factor.levels if dose}
            if isinstance(model, Treatable):
                self._models |= {folder: model.treated(folder) for folder in folders.values()}
            elif folders:
                remedy = "its weights are not at hand: take subject=local, or leave the factor out"
                raise ConfigError(f"interventions/{factor.name}", model.name, remedy)
            self._treating[factor.name] = one
            self._applied[factor.name] = {str(dose): dict(one.applied(dose)) for dose in folders}
        if sum(map(bool, self._applied.values())) > 1:
            raise ConfigError("interventions", sorted(self._treating), "one factor treats weights")

    @property
    def told(self) -> dict[str, Any]:
        """The interventions' settings as records keep them: not where weights lie."""
        applied = {
            name: {**without(self._entries[name], "treatments", "sham"), "applied": own}
            for name, own in self._applied.items()
        }
        return {**self._entries, **applied}

    def setting(self, name: str, dose: int) -> Mapping[str, Any]:
        """Return what besides its dose determines what an intervention does."""
        if name in self._treating:
            return {"weights_sha256": self._applied[name][str(dose)]["sha256"]}
        return without(self._entries[name], "levels")

    def answering(self, cell: Cell) -> Model:
        """Return who answers in a cell."""
        for factor, dose in zip(self._factors, cell.doses, strict=True):
            if dose and factor.name in self._treating:
                return self._models[self._treating[factor.name].weights(dose)]
        return self._model
