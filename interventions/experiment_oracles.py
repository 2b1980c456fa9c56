"""Experiment oracles: answer a question with a controlled experiment, run live in the simulator.

Capacity: discovery. Injected: the host function ``ask``. It reports observations (with
``analysis``, also the law they reveal) and answers only what was asked. Doses: dose d allows
``budgets[d - 1]`` answered questions; 9 is the sham, which answers any question with as long a
report on lamps that nothing powers. Used: a question was answered, and the subject went on to note
or to build with the answer before it.
"""

from collections.abc import Mapping, Sequence

from diagnose.env.engine import press
from diagnose.env.experiments import (
    AREA_SIDE,
    LAMP,
    PLACES,
    Arm,
    Experiment,
    describe,
    outcome,
    rig,
    run,
)
from diagnose.env.questions import match
from diagnose.env.variant import Variant
from diagnose.errors import ConfigError, SubjectError
from diagnose.intervention import SHAM, Evidence, HostFunction, Setting, checked_dose
from diagnose.phrasing import pick, tokens

OPENINGS = (
    (
        "An experimenter is at hand: ask it how something in this world behaves, one question at a "
        "time, and it runs a controlled experiment and reports what it saw. Asking is not a trial."
    ),
    (
        "You may ask an experimenter how things in this world behave. It answers one question at a "
        "time with a controlled experiment and tells what it saw. Asking costs no trial."
    ),
    (
        "There is an experimenter to turn to: put one question at a time about "
        "how something in this world behaves; it tests it under control and reports. "
        "A question is not a trial."
    ),
)
HELP = "a question in plain words; returns the report of a controlled experiment."
KEEPING = frozenset({"note", "place", "fill", "build"})  # what a subject does with an answer
REFUSAL = (
    "No experiment of mine answers that. Ask how one thing behaves: name the component, and what "
    "about it you want to know."
)
SPENT = "The experimenter has answered {n} questions and answers no more."
_SHAM_TITLE = "Does a lamp light that is joined to nothing?"
# What an experiment concludes, where analysis is wanted; {value} is what was measured.
CONCLUSIONS: Mapping[str, str] = {
    "dust_axes": "dust joins dust along the axes, not across a corner.",
    "dust_pointing": "dust lights the lamp it points at and the one it lies on, not one it passes.",
    "block_power": "a block under powered dust lights the lamps beside it.",
    "dust_climb": "dust climbs a step of {value} block and no more.",
    "attenuation": "a signal lives for {value} dusts in line.",
    "repeater_direction": "a repeater faces its input and passes the signal away from it.",
    "repeater_delay": "a repeater delays by its setting in rt, up to {value} rt.",
    "pulse_length": "a stone button stays pressed for {value} rt.",
    "lamp_lag": "a lamp glows for {value} rt after its power is gone.",
    "comparator_subtraction": "in subtract mode a side input as strong as the rear input turns the "
    "comparator off; in compare mode it does not.",
}


class ExperimentOracles:
    """See the module.

    Args:
        budgets: answered questions at dose 1, 2, ...; 0 = no limit.
        analysis: whether a report states the law that the observations reveal.

    Raises:
        ConfigError: a budget is negative.
    """

    capacity = "discovery"

    def __init__(self, budgets: Sequence[int] = (0,), *, analysis: bool = False) -> None:
        for budget in budgets:
            if type(budget) is not int or budget < 0:
                where = "interventions.experiment_oracles.budgets"
                raise ConfigError(where, budget, "give whole numbers, 0 for no limit")
        self._budgets = tuple(budgets)
        self._analysis = analysis

    def open(self, setting: Setting, dose: int) -> "OracleSession":
        """See ``Intervention.open``."""
        doses = range(1, len(self._budgets) + 1)
        checked_dose("experiment_oracles", dose, (*doses, SHAM))
        opening = pick(setting, OPENINGS, "experiment_oracles", "opening")
        if dose == SHAM:
            return OracleSession(opening, setting.variant, budget=0, sham=True)
        budget = self._budgets[dose - 1]
        return OracleSession(opening, setting.variant, budget, analysis=self._analysis)


class OracleSession:
    """One episode's oracle."""

    def __init__(
        self,
        opening: str,
        variant: Variant,
        budget: int,
        *,
        analysis: bool = False,
        sham: bool = False,
    ) -> None:
        self._opening = opening
        self._variant = variant
        self._budget = budget
        self._analysis = analysis
        self._sham = sham
        self.answered = 0

    def ask(self, question: str) -> str:
        """Answer a question with the report of an experiment.

        Raises:
            SubjectError: the question is no text.
        """
        if not isinstance(question, str):
            raise SubjectError("ask takes one text, the question")
        experiment = match(self._variant.hear(question))
        if experiment is None:
            return REFUSAL
        if self._budget and self.answered >= self._budget:
            return SPENT.format(n=self.answered)
        self.answered += 1
        if self._sham:
            return _sham_report(experiment, self._variant)
        return _report(experiment) + (_conclusion(experiment) if self._analysis else "")

    def opening(self) -> str:
        """See ``Session.opening``."""
        return self._opening

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """See ``Session.functions``."""
        return {"ask": (self.ask, HELP)}

    def observation(self, turn: int) -> str:
        """See ``Session.observation``."""
        return ""

    def used(self, evidence: Evidence) -> bool:
        """See ``Session.used``: a later turn noted something or placed blocks."""
        asked = [call.turn for call in evidence.calls if call.ok and call.name == "ask"]
        return self.answered > 0 and any(
            call.ok and call.name in KEEPING and call.turn > min(asked, default=call.turn)
            for call in evidence.calls
        )


def _report(experiment: Experiment) -> str:
    results = run(experiment)
    control = experiment.arms[0].label
    return "\n".join(
        [
            f"Experiment: {experiment.title}",
            *(f"- {label}: {describe(lit)}" for label, lit in results.items()),
            (
                f"Varied: {experiment.varied}. Control: {control}. "
                f"Each rig was pressed in {len(PLACES)} places, with the same outcome."
            ),
            "",
        ]
    )


def _conclusion(experiment: Experiment) -> str:
    """State the law that the outcomes reveal, from the outcomes."""
    value = experiment.infer(run(experiment))
    told = CONCLUSIONS.get(experiment.law)
    if value is None or told is None:
        return ""
    return f"Analysis: {told.format(value=value)}\n"


# What may be said of a lamp that stands alone, by number of words: a sham is as long as needed.
_ALONE = ("", "alone", "quite alone", "with nothing near", "with nothing near it")
_STILL_ALONE = "with nothing at all near"  # five words, then three more at a time
_ASIDE = "Nothing else was there on any of these occasions, as far as anybody could tell".split()
_MORE = (" in the area", " and nobody about", " at that time", " or before it", " on that day")


def _alone(place: int, length: int) -> Arm:
    """Return a rig in which nothing powers the lamp, with a label of ``length`` tokens."""
    more = max(length - 4, 0)
    if more < len(_ALONE):
        words = _ALONE[more]
    else:
        longer, rest = divmod(more - 5, 3)
        words = " ".join(["so", "very"][:rest]) + " " + _STILL_ALONE + "".join(_MORE[:longer])
    label = " ".join(f"lamp {place} cells off {words}".split())
    return rig(label, [((0, 1, place), LAMP)])


def _sham_report(like: Experiment, variant: Variant) -> str:
    """Report in the same form and length on lamps that nothing powers; pressed live as well."""
    lines = variant.tell(_report(like)).rstrip("\n").splitlines()
    said = 5  # "- ", ": " and "stays dark"
    report = [f"Experiment: {_SHAM_TITLE}"]
    for place, line in enumerate(lines[1:-1], start=3):
        arm = _alone(place, tokens(line) - said)
        (seen,) = {outcome(press(circuit, AREA_SIDE)) for circuit in arm.replicates}
        report.append(f"- {arm.label}: {describe(seen)}")
    tail = f"Varied: place of the lamp. Each rig was pressed in {len(PLACES)} places."
    short = tokens("\n".join(lines)) - tokens("\n".join([*report, tail]))
    if short > len(_ASIDE) // 4:
        tail += f" {' '.join(_ASIDE[: short - 1])}."
    return "\n".join([*report, tail, ""])
