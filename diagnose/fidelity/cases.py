"""All conformance cases."""

from diagnose.fidelity.case import Case
from diagnose.fidelity.cases_comparators import CASES as COMPARATORS
from diagnose.fidelity.cases_dust import CASES as DUST
from diagnose.fidelity.cases_lamps import CASES as LAMPS
from diagnose.fidelity.cases_repeaters import CASES as REPEATERS
from diagnose.fidelity.cases_sources import CASES as SOURCES

CASES: tuple[Case, ...] = (*LAMPS, *SOURCES, *DUST, *REPEATERS, *COMPARATORS)
