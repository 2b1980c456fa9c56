"""What the published tables call their cells, and what the estimates call them.

Digits of a cell: gap_hints, experiment_oracles, knowledge_notes, solution_sketches. The published
scientist stored its findings in the Claim-Proof-Constraints-Example form, so it is 0110, and with
self-determined notes 1100. Its gap switches two interventions on at once: ``JOINT``.
"""

CODES = {"baseline": "0000", "hint": "1000", "scientist": "0110", "hint_scientist": "1110"}
SELF_DETERMINED = "1100"
SUPPORTED = "1111"  # not in the paper: also a plan of the device
CELLS = (*CODES.values(), SELF_DETERMINED, SUPPORTED)  # what a study of the paper's may hold

HINTS = "gap_hints"
JOINT = SCIENTIST = "experiment_oracles+knowledge_notes"
RESIDUAL = "residual:1110"
GAPS = {  # as the paper calls a gap -> its estimand
    "identification": f"seq:{HINTS}",
    "discovery": f"seq:{JOINT}",
    "application": RESIDUAL,
}
RATIOS = {
    "identification": f"ratio:{HINTS}",
    "discovery": f"ratio:{JOINT}",
    "application": f"ratio:{RESIDUAL}",
}
# Differences and a ratio of gaps, beside the names that every study has.
APPLICATION_LEADS = f"less:{RESIDUAL}/{HINTS}"
IDENTIFICATION_LEADS = f"less:{HINTS}/{JOINT}"
TIMES = f"fieller:{HINTS}/{JOINT}"

FORMATS = ("claim_proof_constraints_example", "finding_explanation_example", "self_determined")
TWO_BY_TWO = "@2x2"  # ends the names of what is estimated from the four cells of ``CODES``
FRONTIER = ("gemini-3-pro", "gpt-5.2", "claude-opus-4.5")  # the models that the abstract names
