"""Weights: the subject answers by other weights, which were made by a treatment of its own.

Capacity: treatment. Injected: nothing; the prompt, the functions and the seeds are those of the
untreated episode, and only who answers differs. Doses: k is the k-th folder of ``treatments``, each
as ``diagnose train`` leaves it; 9 the sham, as ``diagnose train placebo=permuted`` leaves it (or
``placebo=untrained``, an adapter before its first step). Used: not asked, for nothing is offered
that could be declined.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.errors import ConfigError
from diagnose.intervention import SHAM, Evidence, HostFunction, Setting
from diagnose.weights import applied_by

MOST = SHAM - 1  # treatments: a dose is one digit, and the last is the sham's


class Weights:
    """See the module."""

    capacity = "treatment"

    def __init__(
        self, treatments: Sequence[str] = (), sham: str = "", retention: Sequence[str] = ()
    ) -> None:
        """Take the treatments' folders; they are read when a dose of them is asked for.

        Args:
            treatments: a folder for each dose from 1.
            sham: the folder of dose 9; empty for none.
            retention: tasks of old skills, by which forgetting is judged and nothing else.

        Raises:
            ConfigError: they are no list of folders, or too many.
        """
        given: object = treatments
        listed = [None] if isinstance(given, str) else list(treatments)
        if not all(isinstance(one, str) and one for one in listed):
            remedy = "give a list of folders, such as [checkpoints/dft]"
            raise ConfigError("interventions.weights.treatments", treatments, remedy)
        if len(treatments) > MOST:
            remedy = f"give at most {MOST}; compare more in studies of their own"
            raise ConfigError("interventions.weights.treatments", len(treatments), remedy)
        if not isinstance(sham, str):
            raise ConfigError("interventions.weights.sham", sham, "give a folder, or nothing")
        old: object = retention
        if isinstance(old, str) or not all(isinstance(one, str) for one in retention):
            remedy = "give a list of tasks, such as [A-L1]"
            raise ConfigError("interventions.weights.retention", retention, remedy)
        self._folders = dict(enumerate(treatments, start=1)) | ({SHAM: sham} if sham else {})
        self._applied: dict[int, Mapping[str, Any]] = {}

    def weights(self, dose: int) -> str:
        """See ``Treating.weights``.

        Raises:
            ConfigError: no folder was given for this dose.
        """
        if dose not in self._folders:
            key = "sham" if dose == SHAM else "treatments"
            remedy = f"dose {dose} needs a folder of interventions.weights.{key}; name it"
            raise ConfigError("interventions.weights.levels", dose, remedy)
        return self._folders[dose]

    def applied(self, dose: int) -> Mapping[str, Any]:
        """See ``Treating.applied``."""
        if dose not in self._applied:
            key = "sham" if dose == SHAM else "treatments"
            self._applied[dose] = applied_by(f"interventions.weights.{key}", self.weights(dose))
        return self._applied[dose]

    def open(self, setting: Setting, dose: int) -> "Silence":
        """See ``Intervention.open``."""
        self.weights(dose)
        return Silence()


class Silence:
    """One episode's session: nothing is said and nothing granted."""

    def opening(self) -> str:
        """See ``Session.opening``."""
        return ""

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, evidence: Evidence) -> bool:
        """See ``Session.used``: whoever answers by weights has used them."""
        return bool(evidence.replies)
