"""The forms of notes, compared over studies that differ in nothing else.

A sweep (``experiment=paper_formats``) makes a study per form. They share their seeds, so runs of
one number are paired; only their cells with hints, scientist and notes are compared, and each
study's gain over no notes stands beside.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.episodes import layout_of
from analysis.estimands import Contrast, Spec
from analysis.layout import CAPACITIES
from analysis.published.names import FORMATS
from analysis.published.own import framed, own_cells, own_estimates, rows_of
from analysis.study import Study, records
from diagnose.errors import InputError

FULL, NONE = "1110", "1100"
NOTES = "knowledge_notes"


def compares_forms(study: Study) -> bool:
    """Whether a study has the cells of the sweep over the forms, and no other."""
    return set(own_cells(study)) == {FULL, NONE}


def form_estimates(paths: Sequence[Path], target: str) -> pd.DataFrame:
    """Return each form's rate, what the first form adds over each other one, and over no notes.

    Raises:
        InputError: a study without the cell 1110 or a known form, a form given twice, other tasks.
    """
    by_form: dict[str, Study] = {}
    for path in paths:
        form, study = _form(path), Study.load(path)
        if form in by_form:
            raise InputError("sources", form, "give one study of each form of notes")
        if FULL not in own_cells(study):
            raise InputError("sources", str(path), f"give studies that hold the cell {FULL}")
        by_form[form] = study
    studies = {form: by_form[form] for form in FORMATS if form in by_form}
    merged = _merged(studies)
    made = merged.estimates(target)
    unit = dict(zip(merged.layout.codes, np.eye(len(merged.layout.codes)), strict=True))
    own = {form: unit[str(dose)] for dose, form in enumerate(studies, start=1)}
    first, *others = studies
    specs: list[Spec] = [Contrast(f"cell_format:{form}", own[form]) for form in studies]
    specs += [Contrast(f"format:{first}/{form}", own[first] - own[form]) for form in others]
    rows = [
        row
        for model in made.models
        for row in rows_of(merged.place(model, made.uncertainty), model, specs)
    ]
    gains = [_gain(form, study, target) for form, study in studies.items()]
    return framed(rows + [row for gain in gains for row in records(gain)])


def _gain(form: str, study: Study, target: str) -> pd.DataFrame:
    frame = own_estimates(study.estimates(target))
    own = frame[frame["estimand"] == f"seq:{NOTES}"]
    return own.assign(estimand=f"notes_gain:{form}")


def _merged(studies: dict[str, Study]) -> Study:
    """Return the full cells of the studies as one study: the form is the dose of the notes."""
    parts = []
    for dose, study in enumerate(studies.values(), start=1):
        table, factors = study.episodes, study.layout.factors
        for factor, digit in zip(factors, own_cells(study)[FULL], strict=True):
            table = table[table[factor] == int(digit)]
        kept = [name for name in table.columns if name not in factors and name[:5] != "used_"]
        parts.append(table[kept].assign(**{NOTES: dose}))
    tasks = [set(part["task"]) for part in parts]
    if any(own != tasks[0] for own in tasks):
        raise InputError("sources", list(studies), "give studies of the same tasks")
    table = pd.concat(parts, ignore_index=True)
    capacities = {NOTES: CAPACITIES[NOTES]}
    return Study("forms of notes", table, layout_of(table, (NOTES,)), capacities)


def _form(path: Path) -> str:
    """Return the form of notes that a study's plan declares."""
    file = path / "study.json"
    try:
        header = json.loads(file.read_text(encoding="utf-8"))
        form = str(header["interventions"]["knowledge_notes"]["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "give folders of studies that keep notes, with their study.json"
        raise InputError("sources", str(path), remedy) from error
    if form not in FORMATS:
        raise InputError(f"{file.name}: format", form, f"choose one of {', '.join(FORMATS)}")
    return form
