"""The reference subject: a synthetic agent whose capacities are set, so that truth is known.

It is the instrument's calibration weight, not a model of any language model. It reads only what a
model would read and answers in the same fenced code; the simulator decides what its devices do.
"""

from diagnose.models.reference.policy import Reference
from diagnose.models.reference.profile import Profile

__all__ = ["Profile", "Reference"]
