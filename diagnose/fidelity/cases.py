"""All conformance cases."""

from diagnose.fidelity.cases_parts import CASES as PARTS
from diagnose.fidelity.cases_power import CASES as POWER

CASES = (*POWER, *PARTS)
