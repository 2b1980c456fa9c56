"""Experiment oracles: answer a question with a controlled experiment, run live in the simulator.

Capacity: discovery. Injected: the host function ``ask``. With ``method: oracle`` it reports an
experiment of the catalogue (with ``analysis``, also the law that it reveals) and answers only what
was asked; with ``method: scientist`` the subject's own model designs, runs and reports one in eight
sections, in a world of its own. Doses: dose d allows ``budgets[d - 1]`` answered questions; 9 is
the sham, which answers with as long a report, in the same form, on lamps that nothing powers, and
calls no model. Used: a question was answered, and the subject went on to note or to build with the
answer before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from diagnose.env.engine import press
from diagnose.env.experiments import (
    AREA_SIDE,
    LAMP,
    PLACES,
    Arm,
    Experiment,
    catalogue,
    describe,
    outcome,
    rig,
    run,
)
from diagnose.env.questions import match
from diagnose.env.report import experiment_report
from diagnose.env.terms import unmarked
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
SCIENTIST_OPENINGS = (
    (
        "A scientist is at hand: ask it how something in this world behaves, one question at a "
        "time. It designs a controlled experiment, runs it in a world of its own and returns a "
        "report in eight sections. Asking is not a trial."
    ),
    (
        "You may ask a scientist how things in this world behave, one question at a time. It "
        "experiments in a world of its own and returns its report, in eight sections. Asking costs "
        "no trial."
    ),
    (
        "There is a scientist to turn to: put one question at a time about how something in this "
        "world behaves; it tests it under control, elsewhere, and reports in eight sections. A "
        "question is not a trial."
    ),
)
METHODS = ("oracle", "scientist")
HELP = "a question in plain words; returns the report of a controlled experiment."
KEEPING = frozenset({"note", "place", "fill", "build"})  # what a subject does with an answer
Answer = Callable[[str], str | None]  # a question -> the report; None: it cannot be answered
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
        analysis: whether an oracle's report states the law that the observations reveal.
        method: who answers, one of ``METHODS``.
        trials: presses that a scientist may use on a question.
        turns: messages that a scientist may use on a question, the report included.

    Raises:
        ConfigError: a budget is negative, or the method unknown.
    """

    capacity = "discovery"

    def __init__(
        self,
        budgets: Sequence[int] = (0,),
        *,
        analysis: bool = False,
        method: str = "oracle",
        trials: int = 30,
        turns: int = 8,
    ) -> None:
        where = "interventions.experiment_oracles"
        for budget in budgets:
            if type(budget) is not int or budget < 0:
                raise ConfigError(f"{where}.budgets", budget, "give whole numbers, 0 for no limit")
        if method not in METHODS:
            raise ConfigError(f"{where}.method", method, f"choose one of {', '.join(METHODS)}")
        for name, value in (("trials", trials), ("turns", turns)):
            if type(value) is not int or value < 1:
                raise ConfigError(f"{where}.{name}", value, "give a whole number, 1 or more")
        self._budgets = tuple(budgets)
        self._analysis = analysis
        self._trials, self._turns = trials, turns
        self.consults = method == "scientist"

    def open(self, setting: Setting, dose: int) -> "OracleSession":
        """See ``Intervention.open``."""
        doses = range(1, len(self._budgets) + 1)
        checked_dose("experiment_oracles", dose, (*doses, SHAM))
        openings = SCIENTIST_OPENINGS if self.consults else OPENINGS
        opening = pick(setting, openings, "experiment_oracles", "opening")
        budget = 0 if dose == SHAM else self._budgets[dose - 1]
        return OracleSession(opening, budget, self._answering(setting, sham=dose == SHAM))

    def _answering(self, setting: Setting, *, sham: bool) -> Answer:
        """Return what answers a question in an episode."""
        variant = setting.variant
        if not self.consults:
            return lambda question: _catalogued(question, variant, self._analysis, sham)
        if sham:
            return lambda question: _sham_consultation(question, variant)
        consult = setting.consult
        if consult is None:
            where = "interventions.experiment_oracles.method"
            raise ConfigError(where, "scientist", "here is no model to ask; choose oracle")
        return lambda question: consult(question, self._trials, self._turns)


class OracleSession:
    """One episode's oracle, or its scientist."""

    def __init__(self, opening: str, budget: int, answer: Answer) -> None:
        self._opening = opening
        self._budget = budget
        self._answer = answer
        self.answered = 0

    def state(self) -> Mapping[str, int]:
        """See ``Remembering.state``."""
        return {"answered": self.answered}

    def resume(self, state: Mapping[str, int]) -> None:
        """See ``Remembering.resume``."""
        self.answered = state["answered"]

    def ask(self, question: str) -> str:
        """Answer a question with the report of an experiment.

        Raises:
            SubjectError: the question is no text.
        """
        if not isinstance(question, str):
            raise SubjectError("ask takes one text, the question")
        if self._budget and self.answered >= self._budget:
            return SPENT.format(n=self.answered)
        report = self._answer(question)
        if report is None:
            return REFUSAL
        self.answered += 1
        return report

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


def _catalogued(question: str, variant: Variant, analysis: bool, sham: bool) -> str | None:
    """Return the catalogue's report on a question, or as long a sham; None where it has none."""
    experiment = match(variant.hear(question))
    if experiment is None:
        return None
    if sham:
        return _sham_report(experiment, variant)
    return _report(experiment) + (_conclusion(experiment) if analysis else "")


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


def _sham_trials(lengths: Sequence[int]) -> list[tuple[str, str]]:
    """Press lamps that nothing powers; return (rig, outcome), each of a wanted length in tokens."""
    said = 5  # "- ", ": " and "stays dark"
    trials = []
    for place, length in enumerate(lengths, start=3):
        arm = _alone(place, length - said)
        (seen,) = {outcome(press(circuit, AREA_SIDE)) for circuit in arm.replicates}
        trials.append((arm.label, describe(seen)))
    return trials


def _sham_consultation(question: str, variant: Variant) -> str:
    """Report in eight sections, as a sham: as long as the catalogue's experiment written so."""
    like = match(variant.hear(question)) or next(iter(catalogue().values()))
    seen = [(label, describe(lit)) for label, lit in run(like).items()]
    real = experiment_report(question, like.title, like.varied, _thrice(seen))
    lengths = [tokens(variant.tell(f"- {label}: {lit}")) for label, lit in seen]
    trials = _thrice(_sham_trials(lengths))
    sham = experiment_report(_SHAM_TITLE, _SHAM_TITLE, "place of the lamp", trials)
    # Its words are the host's: unmarked, so that they are told in the world's names.
    long, told = (variant.tell(unmarked(one.told())) for one in (real, sham))
    short = tokens(long) - tokens(told)
    if short > 1:
        sham = replace(sham, analysis=f"{sham.analysis} {' '.join(_ASIDE[: short - 1])}.")
    return unmarked(sham.told())


def _thrice(trials: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [trial for trial in trials for _ in PLACES]


def _sham_report(like: Experiment, variant: Variant) -> str:
    """Report in the same form and length on lamps that nothing powers; pressed live as well."""
    lines = variant.tell(_report(like)).rstrip("\n").splitlines()
    report = [f"Experiment: {_SHAM_TITLE}"]
    for label, seen in _sham_trials([tokens(line) for line in lines[1:-1]]):
        report.append(f"- {label}: {seen}")
    tail = f"Varied: place of the lamp. Each rig was pressed in {len(PLACES)} places."
    short = tokens("\n".join(lines)) - tokens("\n".join([*report, tail]))
    if short > len(_ASIDE) // 4:
        tail += f" {' '.join(_ASIDE[: short - 1])}."
    return "\n".join([*report, tail, ""])
